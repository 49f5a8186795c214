#include "postgres/table_pattern.hpp"

#include <utility>

namespace lifeboat::postgres {
namespace {

bool is_special(char c) {
    return std::string_view("|*+?()[]{}.^$\\").find(c) != std::string_view::npos;
}

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// Outside of quotes: what is not special to a pattern is left to the regular expression.
std::string unquoted(char c, char next) {
    switch (c) {
        case '*': return ".*";
        case '?': return ".";
        case '$': return "\\$";
        case '[': return next == ']' ? "\\[" : "[";  // "[]" is an array type's name, never an empty class
        default: return {lower(c)};
    }
}

std::string whole(const std::string& part) {
    return "^(" + part + ")$";
}

}  // namespace

TablePattern parse_table_pattern(std::string_view pattern) {
    std::vector<std::string> parts(1);
    bool quoted = false;
    for (std::size_t i = 0; i < pattern.size(); ++i) {
        const char c = pattern[i];
        const char next = i + 1 < pattern.size() ? pattern[i + 1] : '\0';
        if (c == '"' && quoted && next == '"') {
            parts.back() += '"';
            ++i;
        } else if (c == '"') {
            quoted = !quoted;
        } else if (c == '.' && !quoted) {
            parts.emplace_back();
        } else if (quoted) {
            parts.back() += is_special(c) ? std::string("\\") + c : std::string(1, c);
        } else {
            parts.back() += unquoted(c, next);
        }
    }
    TablePattern parsed{std::nullopt, whole(parts.back())};
    if (parts.size() > 1) {
        parsed.schema = whole(parts[parts.size() - 2]);
    }
    return parsed;
}

Result<std::vector<std::string>> tables_matching(Connection& connection, const std::vector<std::string>& patterns) {
    std::vector<std::string> found;
    if (patterns.empty()) {
        return found;
    }
    // What is visible is seen by the role's own search_path, as pg_dump sees it.
    if (auto set = connection.execute("RESET search_path"); !set) {
        return std::move(set).error();
    }
    for (const auto& text : patterns) {
        const auto pattern = parse_table_pattern(text);
        auto rows = connection.query(
            "SELECT c.oid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
            "WHERE c.relkind IN ('r', 'p') AND c.relname OPERATOR(pg_catalog.~) $1 COLLATE pg_catalog.default AND " +
                std::string(pattern.schema ? "n.nspname OPERATOR(pg_catalog.~) $2 COLLATE pg_catalog.default"
                                           : "$2 = '' AND pg_catalog.pg_table_is_visible(c.oid)"),
            {pattern.name, pattern.schema.value_or("")});
        if (!rows) {
            return in_context("postgres.exclude_table_data, pattern '" + text + "'", std::move(rows).error());
        }
        for (auto& row : *rows) {
            found.push_back(std::move(row.front()).value_or(""));
        }
    }
    if (auto set = connection.execute("SET search_path = pg_catalog"); !set) {
        return std::move(set).error();
    }
    return found;
}

}  // namespace lifeboat::postgres
