#pragma once

#include "postgres/connection.hpp"
#include "postgres/globals_script.hpp"
#include "restore/restore_job.hpp"

#include <vector>

namespace lifeboat::restore {

// Creates the roles that are missing, with their attributes, settings, comments and memberships, then
// tablespaces and parameter privileges. What exists already is left as it is, and said, unless `alter_roles`:
// then roles that exist get attributes, passwords, settings and memberships as they were in the backup. The role
// that restores is never changed: it could lock itself out.
//
// `connection` is to `target`. One that was asked to stop is cleaned up after by another.
Status restore_globals(const postgres::Server& target, postgres::Connection& connection,
                       const std::vector<postgres::GlobalStatement>& statements, bool alter_roles,
                       RestoreObserver& observer);

// Runs what that would run for roles, in a transaction that the caller has begun and will roll back.
Status try_roles(postgres::Connection& connection, const std::vector<postgres::GlobalStatement>& statements,
                 bool alter_roles, RestoreObserver& observer);

}  // namespace lifeboat::restore
