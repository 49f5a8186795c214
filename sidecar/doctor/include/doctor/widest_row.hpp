// How wide the rows of a database are, as far as a short look can tell.
#pragma once

#include "postgres/connection.hpp"

#include <cstdint>
#include <optional>

namespace lifeboat::doctor {

// The widest row that was seen, in bytes of pg_dump's text form; empty where no table keeps values outside of its
// pages. An error where there are such tables, and none of their rows came into view. Looks at a sample
// of those tables that keep the most outside of their pages, since a row that stays inside is never wider than 8 kB.
// Values are not read: their sizes stand in the pages. `connection` is to the database.
Result<std::optional<std::uint64_t>> widest_row_seen(postgres::Connection& connection);

// What pg_dump needs for such a row: it holds the line twice or so (facts of PostgreSQL's COPY protocol in libpq).
constexpr std::uint64_t memory_for_row(std::uint64_t row) {
    return 3 * row;
}

}  // namespace lifeboat::doctor
