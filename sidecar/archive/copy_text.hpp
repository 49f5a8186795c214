// The data block of a table: rows as COPY text, and the end that pg_dump writes behind them.
//
// COPY escapes every line feed, carriage return and backslash inside of values, so a line feed ends a row and nothing
// else, in every encoding (no encoding has it as a trail byte), and no row is the line `\.`. Behind the rows pg_dump
// writes `\.` and three line feeds, in every version from 12 to 18 (pg_dump.c, dumpTableData_copy).
#pragma once

#include "archive/contents.hpp"
#include "xxh3.hpp"

#include <array>
#include <cstddef>

namespace lifeboat::archive {

// Takes pieces of any size, cut anywhere; holds no row.
class CopyText {
public:
    void begin() noexcept;

    // False, from then on, for bytes behind the end that pg_dump does not write there.
    bool take(stream::Bytes piece) noexcept;

    // Whether all of the end has been seen.
    [[nodiscard]] bool ended() const noexcept { return state_ == State::blank_lines && blank_lines_ == 2; }

    [[nodiscard]] const RowTotals& totals() const noexcept { return totals_; }

private:
    enum class State { rows, blank_lines, broken };

    void take_line(stream::Bytes line) noexcept;
    void take_part(stream::Bytes part) noexcept;
    void end_parts() noexcept;
    void count(std::uint64_t bytes, const ContentHash& hash) noexcept;
    void take_blank_lines(stream::Bytes piece) noexcept;

    State state_ = State::rows;
    int blank_lines_ = 0;
    RowTotals totals_;

    // Of a row that comes in parts.
    std::uint64_t parts_size_ = 0;
    std::array<std::byte, 2> parts_begin_{};  // enough to tell the end mark
    Xxh3 parts_hash_;
};

}  // namespace lifeboat::archive
