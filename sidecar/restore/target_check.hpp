#pragma once

#include "database_head.hpp"
#include "postgres/globals_script.hpp"
#include "restore/restore_job.hpp"
#include "target.hpp"

#include <set>
#include <string>
#include <vector>

namespace lifeboat::restore {

struct CheckedDatabase {
    const catalogue::DatabaseRecord& record;
    const DatabaseHead& head;
    DatabaseState before = DatabaseState::missing;
    std::string new_name;
};

// What the target does not have and needs, one line each, with the cure. Nothing is changed: locales are tried by
// making a collation in a transaction that is rolled back.
Result<std::vector<std::string>> what_target_lacks(const RestorePlan& plan, postgres::Connection& connection,
                                                   const std::vector<CheckedDatabase>& databases,
                                                   const std::vector<postgres::GlobalStatement>& globals);

}  // namespace lifeboat::restore
