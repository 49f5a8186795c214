#pragma once

#include "database_head.hpp"
#include "os/fd.hpp"
#include "postgres/client_program.hpp"
#include "restore/restore_job.hpp"
#include "target.hpp"

#include <set>
#include <string>
#include <vector>

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

// Where a database goes that is replaced, until it is dropped.
std::string name_aside(const std::string& name);

// What pg_restore is told of the plan, whatever it does.
std::vector<std::string> flags_of(const RestorePlan& plan);

// pg_restore's --use-list for all entries but some, as a file in memory; needed only where some are left out.
Result<os::Fd> entry_list(const DatabaseHead& head, const std::set<std::int32_t>& left_out);

// The database's settings, privileges and comment, in a transaction that the caller has begun on a connection to it.
// A setting that the server refuses (to a plain owner it does many) is left out, and said. `name` is its name now,
// `called` the one for people.
Status apply_properties(postgres::Connection& inside, const RestorePlan& plan, const DatabaseHead& head,
                        const std::string& name, const std::string& called, RestoreObserver& observer);

// Sessions of an earlier restore that was killed, still at work in the database.
Result<std::size_t> sessions_of_old_loads(postgres::Connection& connection, const std::string& name);

// What is under a database's name after a restore that failed.
enum class Fate { as_before, part_of_it, restored };

// Creates, loads, applies settings, privileges and comment, analyses, and gives the name: see restore_job.hpp.
// `fate` is told whatever becomes of it.
Status restore_database(const RestoreTools& tools, const DatabaseTask& task, Fate& fate);

}  // namespace lifeboat::restore
