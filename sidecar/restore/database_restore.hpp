#pragma once

#include "database_head.hpp"
#include "postgres/client_program.hpp"
#include "restore/restore_job.hpp"
#include "target.hpp"

namespace lifeboat::restore {

// One database on its way back.
struct DatabaseTask {
    const catalogue::DatabaseRecord& record;
    std::string new_name;
    const DatabaseHead& head;
    DatabaseState before = DatabaseState::missing;
};

struct RestoreTools {
    const RestorePlan& plan;
    const Source& source;
    postgres::Connection& connection;  // to another database of the target
    const postgres::ClientPrograms& programs;
    RestoreObserver& observer;
    const std::stop_token& stop;
};

// The name under which a database is loaded before it gets its own. The same for the same name, so that a later
// run finds what a killed one left.
std::string passing_name(const std::string& name);

// What is under a database's name after a restore that failed.
enum class Fate { as_before, part_of_it, restored };

// Creates, loads, applies settings, privileges and comment, analyses, and gives the name: see restore_job.hpp.
// `fate` is told whatever becomes of it.
Status restore_database(const RestoreTools& tools, const DatabaseTask& task, Fate& fate);

}  // namespace lifeboat::restore
