// The HTTP endpoints, which answer within milliseconds whatever a backup, the store or a client does.
//
//   pod address:  /livez /healthz /metrics
//   page address: the same, and /status.json
//
// One thread of its own serves both addresses. It reads the board and the heartbeat and nothing else. It wakes up for
// a connection and otherwise sleeps.
//
// No client can hold the others up: nothing is waited for, a connection that has not been served after
// `Limits::lifetime` is closed, and where there are more than `Limits::connections` the oldest make room for the
// newest. One request a connection: every answer closes it.
#pragma once

#include "health/board.hpp"
#include "health/facts.hpp"
#include "os/clock.hpp"
#include "result/result.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace lifeboat::health {

// A numeric IP address without brackets, and a port; port 0 takes a free one.
struct Address {
    std::string host;
    std::uint16_t port = 0;

    friend bool operator==(const Address&, const Address&) = default;
};

// What a reload may change.
struct Endpoints {
    Address pod = {"::", 9847};
    Address page = {"127.0.0.1", 9848};
    bool livez_warns = false;  // /livez redirects (302) when backups are not in order; the probe still succeeds
};

struct Limits {
    // /livez fails once the heartbeat is older than this.
    std::chrono::milliseconds wedged_after = std::chrono::seconds(30);
    // From the first byte of a connection's life to its last.
    std::chrono::milliseconds lifetime = std::chrono::seconds(15);
    // Both addresses together. Each costs up to 20 KiB, and as much again in the kernel.
    std::size_t connections = 256;
};

class Server {
public:
    // Starts the thread; nothing is bound yet. The references must outlive the server.
    static Result<std::unique_ptr<Server>> start(const Board& board, const Heartbeat& heartbeat, const os::Clock& clock,
                                                 Limits limits = {});

    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    // Closes every connection and both addresses. Returns within milliseconds.
    ~Server();

    // Binds what changed. An address that stays the same is left alone, with its connections; so is an old one whose
    // replacement cannot be bound, until that can. "::" falls back to 0.0.0.0 where the kernel has no IPv6.
    // What cannot be bound is reported by listeners() and tried again by retry_binding(); it is never an error here.
    // The supervisor's thread alone, as are the two below.
    void apply(const Endpoints& endpoints);

    // Tries again what is not bound; costs nothing when everything is. True when something changed: publish the
    // listeners anew. Every ten seconds or so is often enough.
    bool retry_binding();

    // For Facts::listeners.
    [[nodiscard]] ListenersFacts listeners() const;

    // Where they are bound, with the port that port 0 became; empty: not bound.
    [[nodiscard]] std::optional<Address> pod_address() const;
    [[nodiscard]] std::optional<Address> page_address() const;

private:
    class Impl;
    explicit Server(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace lifeboat::health
