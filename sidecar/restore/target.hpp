// What the server has that a backup is restored into.
#pragma once

#include "postgres/connection.hpp"

#include <set>
#include <string>

namespace lifeboat::restore {

enum class DatabaseState { missing, empty, filled };

Result<std::set<std::string>> names_of_roles(postgres::Connection& connection);
Result<std::set<std::string>> names_of_tablespaces(postgres::Connection& connection);

// Empty: no relations, functions, types, schemas or large objects but the server's own and those of extensions.
Result<DatabaseState> state_of_database(const postgres::Server& server, postgres::Connection& connection,
                                        const std::string& name, const std::stop_token& stop);

}  // namespace lifeboat::restore
