#include "postgres/server_lock.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <random>

namespace lifeboat::postgres {
namespace {

// "lifeboat" in ASCII: as good as any number, and a DBA who meets it in pg_locks can read it.
constexpr const char* lock_key = "x'6c696665626f6174'::bigint";
constexpr const char* holders_of_the_key =
    "SELECT count(*) FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1 "
    "AND classid = x'6c696665'::int::oid AND objid = x'626f6174'::int::oid AND pid <> pg_catalog.pg_backend_pid()";

enum class Attempt { ours, taken };

Result<Attempt> attempt(Connection& connection) {
    auto got = connection.value(std::string("SELECT pg_catalog.pg_try_advisory_lock(") + lock_key + ")");
    if (!got) {
        return std::move(got).error();
    }
    if (*got != "t") {
        return Attempt::taken;
    }
    auto others = connection.value(holders_of_the_key);
    if (!others) {
        return std::move(others).error();
    }
    if (*others == "0") {
        return Attempt::ours;
    }
    auto released = connection.value(std::string("SELECT pg_catalog.pg_advisory_unlock(") + lock_key + ")");
    if (!released) {
        return std::move(released).error();
    }
    return Attempt::taken;
}

// False when asked to stop.
bool pause(std::chrono::milliseconds length, const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any wake;
    std::unique_lock lock(mutex);
    wake.wait_for(lock, stop, length, [] { return false; });
    return !stop.stop_requested();
}

}  // namespace

Status refuse_pooler(Connection& connection) {
    auto pooled = connection.through_pooler();
    if (!pooled) {
        return std::move(pooled).error();
    }
    return *pooled ? failed("a connection pooler answers at " + connection.where() +
                                ": locks and snapshots do not hold across its server connections",
                            "connect to PostgreSQL itself, not to PgBouncer or a proxy")
                   : done();
}

Result<bool> ServerLock::taken(Connection& connection) {
    auto holders = connection.value(holders_of_the_key);
    if (!holders) {
        return std::move(holders).error();
    }
    return *holders != "0";
}

Result<ServerLock> ServerLock::acquire(const Server& server, std::chrono::milliseconds wait,
                                       const std::stop_token& stop) {
    auto connection = Connection::open(server, std::nullopt, stop);
    if (!connection) {
        return std::move(connection).error();
    }
    if (auto direct = refuse_pooler(*connection); !direct) {
        return std::move(direct).error();
    }
    // A run that was killed a moment ago holds its lock until the server's process has noticed, which is busy or not
    // at its turn.
    constexpr auto least_wait = std::chrono::milliseconds(1500);
    const auto deadline = std::chrono::steady_clock::now() + std::max(wait, least_wait);
    std::mt19937 dice(std::random_device{}());
    std::uniform_int_distribution<int> spread(50, 250);
    // Two that met and both gave way must not both conclude that a third is at work, however slow the tries are.
    constexpr int least_tries = 3;
    for (int tries = 1;; ++tries) {
        auto got = attempt(*connection);
        if (!got) {
            return std::move(got).error();
        }
        if (*got == Attempt::ours) {
            return ServerLock(std::move(*connection));
        }
        if (tries >= least_tries && std::chrono::steady_clock::now() >= deadline) {
            return Error{ErrorKind::busy, "another Lifeboat is at work on this server",
                         "wait for it to end, or give --lock-wait 10m"};
        }
        if (!pause(std::chrono::milliseconds(spread(dice)), stop)) {
            return Error{ErrorKind::interrupted, "stopped while waiting for another run", {}};
        }
    }
}

ServerLock::~ServerLock() {
    connection_.close();
}

Status ServerLock::check() {
    auto held = connection_.value(
        "SELECT count(*) FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND granted "
        "AND objsubid = 1 AND classid = x'6c696665'::int::oid AND objid = x'626f6174'::int::oid "
        "AND pid = pg_catalog.pg_backend_pid()");
    if (!held) {
        return in_context("the lock on the server is gone", std::move(held).error());
    }
    if (*held == "0") {
        return Error{ErrorKind::temporary, "the lock on the server is gone", "run again"};
    }
    return done();
}

}  // namespace lifeboat::postgres
