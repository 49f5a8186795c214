// A stored backup back into a PostgreSQL server.
#pragma once

#include "postgres/client_program.hpp"
#include "restore/incoming_stream.hpp"

#include <chrono>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace lifeboat::restore {

// One database of the backup, and the name it gets.
struct DatabaseChoice {
    std::string name;
    std::string new_name;
};

struct RestorePlan {
    postgres::Server target;
    std::string bin_dir;
    std::vector<DatabaseChoice> databases;  // empty: all of them, under their names
    bool globals = true;                    // roles, memberships, tablespaces
    std::chrono::milliseconds lock_wait{0};
};

class RestoreObserver {
public:
    RestoreObserver() = default;
    RestoreObserver(const RestoreObserver&) = delete;
    RestoreObserver& operator=(const RestoreObserver&) = delete;
    virtual ~RestoreObserver() = default;

    virtual void part_started(const std::string& part) = 0;  // a database's new name, or "globals"
    virtual void part_moved(const std::string& part, std::uint64_t plain_bytes) = 0;
    virtual void part_restored(const std::string& part) = 0;
    virtual void noted(const std::string& text) = 0;  // what was left as it is, and why
};

// Globals first, then each database: created where it is missing, loaded, given its settings and privileges,
// analysed. A database that is there already must be empty; one that is not is ErrorKind::refused, before
// anything has been changed. Roles that exist already are left as they are.
//
// After an error, what the error's text calls restored is whole and stays; a database that was being loaded
// is dropped again if this run had created it. Holds the same lock on the target as a backup.
Status run_restore(const RestorePlan& plan, const Source& source, const catalogue::Manifest& manifest,
                   RestoreObserver& observer, const std::stop_token& stop);

}  // namespace lifeboat::restore
