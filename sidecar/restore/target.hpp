// What the server has that a backup is restored into.
#pragma once

#include "postgres/connection.hpp"

#include <cstddef>
#include <set>
#include <string>
#include <vector>

namespace lifeboat::restore {

enum class DatabaseState { missing, empty, filled };

Result<std::set<std::string>> names_of_roles(postgres::Connection& connection);
Result<std::set<std::string>> names_of_tablespaces(postgres::Connection& connection);

struct DatabaseContent {
    DatabaseState state = DatabaseState::missing;
    std::vector<std::string> examples;  // the first few things that fill it: "table public.t", "publication feed"
};

inline constexpr std::size_t most_examples = 3;

// Empty: nothing that an archive may bring, too, but the server's own and what extensions brought along.
Result<DatabaseContent> look_into_database(const postgres::Server& server, postgres::Connection& connection,
                                           const std::string& name, const std::stop_token& stop);

}  // namespace lifeboat::restore
