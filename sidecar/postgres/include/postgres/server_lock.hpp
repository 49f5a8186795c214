// One Lifeboat at a time on one server.
#pragma once

#include "postgres/connection.hpp"

#include <chrono>

namespace lifeboat::postgres {

// An error with the cure where something answers in the server's stead: neither locks nor snapshots hold there.
Status refuse_pooler(Connection& connection);

// An advisory lock on a connection of its own, held until destroyed or until the connection is lost. Once this is
// destroyed, which may wait a second for the server, the next run finds the lock free.
//
// Advisory locks are per database, so the lock is taken in the connected database and then looked for under
// the same key in every other: of two that see each other both give way and try again after a random pause.
class ServerLock {
public:
    // Tries for `wait`, and for a second and a half at least: the lock of a run that was killed is free a moment later.
    // ErrorKind::busy when another run holds it all that time.
    static Result<ServerLock> acquire(const Server& server, std::chrono::milliseconds wait,
                                      const std::stop_token& stop);

    ServerLock(ServerLock&&) noexcept = default;
    ServerLock& operator=(ServerLock&&) noexcept = default;
    ~ServerLock();

    // Whether somebody else holds it at this moment, for those who only look.
    static Result<bool> taken(Connection& connection);

    // Whether the lock is still ours; an error when its connection was lost.
    Status check();

    // The lock's connection, for questions between dumps.
    [[nodiscard]] Connection& connection() noexcept { return connection_; }

private:
    explicit ServerLock(Connection connection) : connection_(std::move(connection)) {}
    Connection connection_;
};

}  // namespace lifeboat::postgres
