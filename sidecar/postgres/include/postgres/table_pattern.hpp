// pg_dump's patterns of tables, as in --exclude-table-data: those of psql's \d (chapter "Patterns" of its page).
#pragma once

#include "postgres/connection.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lifeboat::postgres {

// As regular expressions of PostgreSQL's, for names without quotes.
struct TablePattern {
    std::optional<std::string> schema;  // none: tables that the role's search_path finds
    std::string name;
};

// `public.sessions`, `log_*`, `"Mixed.Case"`: letters outside of quotes are folded, * and ? stand for any letters, a
// dot parts schema and name. A database's name in front is passed over. Source: processSQLNamePattern in
// src/fe_utils/string_utils.c.
TablePattern parse_table_pattern(std::string_view pattern);

// Object ids of the tables of the connected database that pg_dump takes the patterns for.
Result<std::vector<std::string>> tables_matching(Connection& connection, const std::vector<std::string>& patterns);

}  // namespace lifeboat::postgres
