// What making a backup needs, whoever asks for it: `lifeboat backup`, or the sidecar's child.
#pragma once

#include "backup/backup_job.hpp"
#include "session.hpp"

#include <chrono>
#include <string>

namespace lifeboat::cli {

// The error (kind usage) tells what of valid settings no backup can be made with: a recipient that is none.
Result<backup::BackupPlan> plan_of(const config::Loaded& loaded, std::chrono::milliseconds lock_wait);

// The server that they name, with its password as its file holds it when a connection is opened.
postgres::Server server_of(const config::Settings& settings);

// Logs what happens. Its events are the same wherever a backup runs.
class BackupLog : public backup::BackupObserver {
public:
    explicit BackupLog(EventLog& log) : log_(log) {}

    void started(const catalogue::BackupId& id, const postgres::ServerFacts& server, std::size_t parts) override;
    void part_started(const std::string& part) override;
    void part_stored(const std::string& part, std::uint64_t bytes_in, std::uint64_t bytes_out) override;
    void part_failed(const std::string& part, const Error& error) override;
    void warned(const std::string& part, const std::string& text) override;
    void marked(const catalogue::Mark& mark) override;

    // From any thread.
    virtual void store_asked_again(const Error& why, std::chrono::milliseconds pause);

private:
    virtual void before_a_line() {}
    void write(LogLevel level, const std::string& event, const EventLog::Fields& fields);

    EventLog& log_;
};

// "the dump of database 'app' gave way to ALTER TABLE, which …": one line, for the log and for people.
std::string words_of(const backup::Yield& yield);

// What earlier runs left, once it can no longer be written to. Whatever comes of it is no failure of a backup: the key
// may lack the right to list or to delete.
void sweep_leftovers(const config::Settings& settings, store::ObjectStore& store, EventLog& log);

}  // namespace lifeboat::cli
