#include "doctor/widest_row.hpp"

#include "archive/sql_text.hpp"

#include <algorithm>
#include <charconv>
#include <string>

namespace lifeboat::doctor {
namespace {

constexpr int tables_looked_at = 5;
constexpr int pages_looked_at = 2000;

// Tables by what they keep outside of their pages, and the share of their pages that is looked at.
const std::string candidates = R"(
    SELECT format('%I.%I', n.nspname, c.relname), c.oid::text,
           least(100, 100.0 * )" +
                               std::to_string(pages_looked_at) +
                               R"( / greatest(1, pg_relation_size(c.oid) / 8192))::text
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'm') AND c.relpersistence = 'p' AND c.reltoastrelid <> 0
      AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
      AND has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')
      AND pg_relation_size(c.reltoastrelid) > 0
    ORDER BY pg_relation_size(c.reltoastrelid) DESC LIMIT )" +
                               std::to_string(tables_looked_at);

// COPY writes two digits for each byte of a bytea, and text as it is. Of what is stored in other ways its size on disk
// stands in, which compression may have made smaller.
const std::string columns = R"(
    SELECT coalesce(string_agg(format(
             CASE WHEN a.atttypid = 'bytea'::regtype THEN 'coalesce(2 * octet_length(%1$I)::bigint, 0)'
                  WHEN a.atttypid IN ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype)
                  THEN 'coalesce(octet_length(%1$I)::bigint, 0)'
                  ELSE 'coalesce(pg_column_size(%1$I)::bigint, 0)' END, a.attname), ' + '), '0')
    FROM pg_attribute a
    WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attlen = -1)";

std::optional<std::uint64_t> number(const std::optional<std::string>& text) {
    std::uint64_t value = 0;
    if (!text || std::from_chars(text->data(), text->data() + text->size(), value).ec != std::errc()) {
        return std::nullopt;
    }
    return value;
}

Result<std::optional<std::uint64_t>> widest_of(postgres::Connection& connection, const std::string& table,
                                               const std::string& oid, const std::string& percent) {
    auto sum = connection.value(columns, {oid});
    if (!sum) {
        return std::move(sum).error();
    }
    auto rows = connection.query("SELECT max(" + *sum + ")::text FROM ONLY " + table + " TABLESAMPLE SYSTEM (" +
                                 percent + ") REPEATABLE (1)");
    if (!rows) {
        return std::move(rows).error();
    }
    return rows->empty() ? std::nullopt : number(rows->front().front());
}

}  // namespace

Result<std::optional<std::uint64_t>> widest_row_seen(postgres::Connection& connection) {
    auto tables = connection.query(candidates);
    if (!tables) {
        return std::move(tables).error();
    }
    std::optional<std::uint64_t> widest;
    for (const auto& row : *tables) {
        auto seen = widest_of(connection, row[0].value_or(""), row[1].value_or(""), row[2].value_or("100"));
        if (!seen) {
            return std::move(seen).error();
        }
        widest = std::max(widest, *seen);
    }
    if (!tables->empty() && !widest) {
        return failed("there was no row in the pages that were looked at");
    }
    return widest;
}

}  // namespace lifeboat::doctor
