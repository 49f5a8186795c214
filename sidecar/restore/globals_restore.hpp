#pragma once

#include "postgres/connection.hpp"
#include "postgres/globals_script.hpp"
#include "restore/restore_job.hpp"

#include <vector>

namespace lifeboat::restore {

// Creates the roles that are missing, with their attributes, settings, comments and memberships, then
// tablespaces and parameter privileges. What exists already is left as it is, and said.
Status restore_globals(postgres::Connection& connection, const std::vector<postgres::GlobalStatement>& statements,
                       RestoreObserver& observer);

}  // namespace lifeboat::restore
