#include "postgres/server_facts.hpp"

#include <algorithm>
#include <charconv>

namespace lifeboat::postgres {
namespace {

// `*` only, greedy with one step back: linear for the patterns that people write.
bool matches(std::string_view pattern, std::string_view name) {
    std::size_t p = 0;
    std::size_t n = 0;
    std::size_t star = std::string_view::npos;
    std::size_t resume = 0;
    while (n < name.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            resume = n;
        } else if (p < pattern.size() && pattern[p] == name[n]) {
            ++p;
            ++n;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            n = ++resume;
        } else {
            return false;
        }
    }
    return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

bool matches_any(const std::vector<std::string>& patterns, std::string_view name) {
    return std::any_of(patterns.begin(), patterns.end(), [&](const auto& pattern) { return matches(pattern, name); });
}

// The control file's functions may be revoked from a role; a backup does not depend on them.
std::string optional_value(Connection& connection, const std::string& sql) {
    auto value = connection.value(sql);
    return value ? *value : "";
}

// What PostgreSQL keeps about databases has no encoding of its own. Connecting takes the bytes as they are, so they
// must not be converted on their way here from the encoding of whichever database this is.
Result<Rows> as_stored(Connection& connection, const std::string& sql) {
    const auto set_encoding = [&](const std::string& source) {
        return connection.value("SELECT pg_catalog.set_config('client_encoding', " + source + ", false)");
    };
    auto before = connection.value("SELECT pg_catalog.current_setting('client_encoding')");
    if (!before) {
        return std::move(before).error();
    }
    if (auto set = set_encoding("pg_catalog.current_setting('server_encoding')"); !set) {
        return std::move(set).error();
    }
    auto rows = connection.query(sql);
    if (auto reset = set_encoding("'" + *before + "'"); !reset && rows) {
        return std::move(reset).error();
    }
    return rows;
}

std::optional<std::int64_t> timeline_in(std::string_view text, int base) {
    std::int64_t number = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number, base);
    return read.ec == std::errc() && number > 0 ? std::optional(number) : std::nullopt;
}

std::optional<std::int64_t> timeline_of_checkpoint(Connection& connection) {
    return timeline_in(optional_value(connection, "SELECT timeline_id FROM pg_catalog.pg_control_checkpoint()"), 10);
}

// A server that was promoted writes on its new timeline at once; its control file tells of it only after the next
// checkpoint. A segment's name begins with the timeline: eight hexadecimal digits.
std::optional<std::int64_t> timeline_of_wal(Connection& connection) {
    const std::string segment =
        optional_value(connection, "SELECT pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn())");
    return timeline_in(std::string_view(segment).substr(0, 8), 16);
}

}  // namespace

Result<ServerFacts> read_server_facts(Connection& connection) {
    auto recovery = connection.value("SELECT pg_catalog.pg_is_in_recovery()");
    if (!recovery) {
        return std::move(recovery).error();
    }
    ServerFacts facts;
    facts.version_num = connection.version_num();
    facts.version = connection.version_text();
    facts.in_recovery = *recovery == "t";
    facts.system_identifier =
        optional_value(connection, "SELECT system_identifier FROM pg_catalog.pg_control_system()");
    facts.timeline = facts.in_recovery ? timeline_of_checkpoint(connection) : timeline_of_wal(connection);
    return facts;
}

Result<std::vector<std::string>> list_databases(Connection& connection) {
    auto rows = as_stored(connection,
                          "SELECT datname FROM pg_catalog.pg_database "
                          "WHERE datallowconn AND NOT datistemplate AND datconnlimit <> -2 "
                          "ORDER BY datname COLLATE \"C\"");
    if (!rows) {
        return std::move(rows).error();
    }
    std::vector<std::string> names;
    names.reserve(rows->size());
    for (auto& row : *rows) {
        names.push_back(std::move(row.front()).value_or(""));
    }
    return names;
}

Result<std::map<std::string, std::string>> ids_of_databases(Connection& connection) {
    auto rows = as_stored(connection, "SELECT datname, oid FROM pg_catalog.pg_database");
    if (!rows) {
        return std::move(rows).error();
    }
    std::map<std::string, std::string> ids;
    for (auto& row : *rows) {
        ids.emplace(std::move(row[0]).value_or(""), std::move(row[1]).value_or(""));
    }
    return ids;
}

Result<bool> is_gone(Connection& connection, const std::string& database_id) {
    auto left = connection.value(
        "SELECT count(*) FROM pg_catalog.pg_database WHERE oid::text = $1 AND datconnlimit <> -2", {database_id});
    return left ? Result<bool>(*left == "0") : Result<bool>(std::move(left).error());
}

Selection select_databases(const std::vector<std::string>& found, const std::vector<std::string>& wanted,
                           const std::vector<std::string>& excluded) {
    Selection selection;
    for (const auto& name : found) {
        if (matches_any(wanted, name) && !matches_any(excluded, name)) {
            selection.chosen.push_back(name);
        }
    }
    for (const auto& name : wanted) {
        const bool plain = name.find('*') == std::string::npos;
        if (plain && std::find(found.begin(), found.end(), name) == found.end()) {
            selection.missing.push_back(name);
        }
    }
    return selection;
}

}  // namespace lifeboat::postgres
