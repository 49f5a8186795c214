// A TCP address that is being listened on.
#pragma once

#include "health/server.hpp"
#include "os/fd.hpp"
#include "result/result.hpp"

#include <string>

namespace lifeboat::health {

struct Listener {
    os::Fd socket;  // non-blocking
    Address bound;  // as the kernel tells it: with the port that port 0 became
};

// "::" takes IPv4 clients too, and falls back to 0.0.0.0 where the kernel has no IPv6.
// `key` names the setting, for the error's next step.
Result<Listener> listen_on(const Address& address, const std::string& key);

std::string text_of(const Address& address);  // "[::]:9847"

}  // namespace lifeboat::health
