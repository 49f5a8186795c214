// What the target would refuse, found out by asking it: statements are run in a transaction that is rolled back.
#pragma once

#include "database_restore.hpp"
#include "postgres/globals_script.hpp"

#include <optional>
#include <string>
#include <vector>

namespace lifeboat::restore {

// In the words of a line of RestorePreview::lacks: what stands in the way, and the cure; nothing where all would go
// well. An error only where it could not be tried.
using Obstacle = std::optional<std::string>;

// For a rehearsal on the way to the restore, which says the same again, or where all was said.
class Quiet final : public RestoreObserver {
public:
    void part_started(const std::string& /*part*/, std::uint64_t /*stored_bytes*/) override {}
    void part_moved(const std::string& /*part*/, std::uint64_t /*fetched*/, std::uint64_t /*plain*/) override {}
    void part_restored(const std::string& /*part*/) override {}
    void noted(const std::string& /*text*/) override {}
};

// The roles of the globals, as restore_globals would make and change them.
Result<Obstacle> rehearse_roles(const RestorePlan& plan, postgres::Connection& connection,
                                const std::vector<postgres::GlobalStatement>& globals, RestoreObserver& observer);

// Everything that the archive makes in a database that is there and empty, its settings and privileges: all but the
// rows, and what would run people's own code: event triggers, and the queries of materialized views. Roles that are yet
// to come are made first. What only rows can tell (a constraint that they break, a disk that is full) is not found. Not
// tried where an earlier restore's session is still at work in the database, or where the definitions are larger than
// 64 MiB; the observer is told.
Result<Obstacle> rehearse_load(const RestoreTools& tools, const DatabaseTask& task,
                               const std::vector<postgres::GlobalStatement>& globals);

}  // namespace lifeboat::restore
