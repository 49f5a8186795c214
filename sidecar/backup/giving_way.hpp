#pragma once

#include "backup/backup_job.hpp"
#include "postgres/server_lock.hpp"
#include "postgres/watch.hpp"

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace lifeboat::backup {

// Whom a run gives way to.
//
// A run holds three connections to the server at most: the lock's, which also looks who waits for a dump, and two of
// these: a ping, the dump's own, one for questions about its database.
class GivingWay {
public:
    // `let_go` is to close every connection at once: the server shuts down, or was promoted.
    GivingWay(const BackupPlan& plan, postgres::ServerLock& lock, bool in_recovery, std::function<void()> let_go);

    // Keeps pings away while it lives: for whoever needs two connections besides the lock's.
    [[nodiscard]] std::unique_lock<std::mutex> without_pings() { return std::unique_lock(turn_); }

    // A watch on the session of that name. The lock's connection is the watch's meanwhile.
    [[nodiscard]] std::unique_ptr<postgres::LockWatch> watch(const std::string& session,
                                                             postgres::LockWatch::Actions actions);

    // What a watch has found. Lets go where the whole server stands behind it. Any thread.
    void note(const postgres::GaveWay& gave_way);
    // What was noted last of a statement, once.
    std::optional<postgres::GaveWay> take_statement();
    // What was noted of the server.
    [[nodiscard]] std::optional<postgres::GaveWay> to_the_server() const;

    // Whether a run that failed did so because its server shut down: it said so, or takes nobody any more.
    [[nodiscard]] bool server_went_away(const std::stop_token& stop);
    // As far as it has said so, to whoever asked it since. While it recovers it takes no new session, in the words of
    // one that shuts down.
    [[nodiscard]] bool server_crashed() noexcept;

private:
    const BackupPlan& plan_;
    postgres::ServerLock& lock_;
    const bool in_recovery_;
    const std::function<void()> let_go_;
    const postgres::Pinger pinger_;
    std::mutex turn_;
    mutable std::mutex mutex_;
    std::optional<postgres::GaveWay> statement_;
    std::optional<postgres::GaveWay> server_;
    postgres::ShutdownWatch shutdown_watch_;  // last: it calls us
};

// The name by which the server shows a session of a dump: no other's.
std::string new_session_name();

}  // namespace lifeboat::backup
