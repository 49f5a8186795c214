// The watch while a dump runs: who waits for its locks, and whether its server shuts down. The database comes first.
#pragma once

#include "postgres/connection.hpp"
#include "postgres/giving_way.hpp"
#include "postgres/ping.hpp"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>

namespace lifeboat::postgres {

// Looks once a second who waits for a lock of one session, and has it ended when somebody has for longer than allowed.
//
// Who waits is whom that session blocks directly, as pg_locks has it:
//  - for a table: whoever wants ACCESS EXCLUSIVE (ALTER TABLE, DROP, TRUNCATE, VACUUM FULL, LOCK TABLE …). Everybody
//    else queues behind them, so a second of theirs is a second in which nobody reads the table;
//  - for the session's end: CREATE INDEX CONCURRENTLY and its like, who wait for old snapshots to go. Nobody queues
//    behind them, but they are as good as any migration;
//  - on a standby, the replay of such a statement, behind which the standby falls back.
// VACUUM and autovacuum, also the one against wraparound, never wait for a dump. What a snapshot keeps them from
// cleaning up is no lock; schedule.max_duration bounds it.
//
// A look is one statement over the control connection, ended by the server after five seconds. One that fails is told
// and tried again, less often: a watch that is blind is no reason to have no backup. A control connection that is lost,
// or has not answered for half a minute, took the run's lock with it: then the session is ended, too.
class LockWatch {
public:
    struct Options {
        std::string session;                                // application_name of the session that is watched
        std::optional<std::chrono::milliseconds> yield_to;  // empty: never for a lock
        bool in_recovery = false;                           // when the run began: a promotion ends the session
        std::chrono::milliseconds look_every{1000};
    };
    struct Actions {
        std::function<void()> ask_to_end;  // quickly, whoever may be in the way
        std::function<void()> end;         // may take its time
    };

    // Nobody else may use `control` meanwhile. The actions are called once, in this order, from the watch's thread.
    LockWatch(Connection& control, Options options, Actions actions);
    LockWatch(const LockWatch&) = delete;
    LockWatch& operator=(const LockWatch&) = delete;
    ~LockWatch();

    // Looks no more, and gives `control` back. Who waited up to now is known then.
    void finish();

    // Why the session was ended, if it was: for somebody else, or because control was lost. Any thread.
    [[nodiscard]] std::optional<GaveWay> gave_way() const;
    [[nodiscard]] std::optional<Error> lost() const;

    // Why nobody can tell who waits, once. Any thread.
    std::optional<Error> take_trouble();

private:
    class Looks;

    void watch(const std::stop_token& stop);
    bool look(Looks& looks);
    bool bear_with(Error error);
    bool pause(std::chrono::milliseconds length, const std::stop_token& stop);
    void end_session(const std::stop_token& stop);

    Connection& control_;
    const Options options_;
    const Actions actions_;
    mutable std::mutex mutex_;
    std::condition_variable_any wake_;
    std::optional<GaveWay> gave_way_;
    std::optional<Error> lost_;
    std::optional<Error> trouble_;
    bool troubled_ = false;
    std::jthread thread_;
};

// Asks the server, at once and then every second, whether it takes new sessions, and calls `shuts_down` once when it
// does not: a smart shutdown waits for every session that is open, and tells none of them. At once, as the shutdown may
// have begun long before: while this run waited for the lock of another.
class ShutdownWatch {
public:
    // A ping is a session more. `turn` is held meanwhile: whoever holds it keeps pings away.
    ShutdownWatch(Pinger pinger, std::mutex& turn, std::function<void()> shuts_down,
                  std::chrono::milliseconds every = std::chrono::seconds(1));
    ShutdownWatch(const ShutdownWatch&) = delete;
    ShutdownWatch& operator=(const ShutdownWatch&) = delete;
    ~ShutdownWatch();

private:
    void watch(const std::stop_token& stop);

    const Pinger pinger_;
    std::mutex& turn_;
    const std::function<void()> shuts_down_;
    const std::chrono::milliseconds every_;
    std::mutex mutex_;
    std::condition_variable_any wake_;
    std::jthread thread_;
};

}  // namespace lifeboat::postgres
