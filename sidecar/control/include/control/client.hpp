// The other side of the control socket: asking a running sidecar. Needs no settings.
#pragma once

#include "result/result.hpp"

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace lifeboat::control {

enum class Request { status, drain };

// The names of sidecars that listen, in the text of /proc/net/unix (proc(5)); sorted, each once. "" is one that does
// not know its name yet. Any process may have put any name there: only what can be an instance's is taken.
std::vector<std::string> listening_instances(const std::string& table);

// A sidecar that runs in this network namespace, as this user.
struct Sidecar {
    std::string instance;  // empty: it does not know its name yet
    bool own_container;    // its process can be seen from here: not one of another container of the same pod
};

// Those that run, as /proc/net/unix has them and as they prove by answering a connection. Those of other users are left
// out. Waits for `timeout` at most; fails when /proc/net/unix cannot be read.
Result<std::vector<Sidecar>> running_sidecars(std::chrono::milliseconds timeout);

// The answer of the sidecar of `instance`; without a name, of the only one that runs here. If several do, of the
// only one in this container (containers of a pod share the names).
//
// Errors, by kind: not_found (no such sidecar runs here), usage (several do; it names them), refused (it runs as
// another user), temporary (no answer within `timeout`, or it ended meanwhile), interrupted; and what the sidecar
// itself said, with its own kind.
Result<std::string> ask(const std::optional<std::string>& instance, Request request, std::chrono::milliseconds timeout,
                        const std::stop_token& stop = {});

}  // namespace lifeboat::control
