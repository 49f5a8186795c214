// The rows of a table, hashed so that the order of its columns does not matter.
//
// A table that inherits has the columns of its parents first after a restore, wherever they stood before; and a row
// that comes to lie in another partition comes to lie in that one's order of columns. So such rows are another line of
// COPY, and the same row.
#pragma once

#include "archive/content_hash.hpp"
#include "xxh3.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lifeboat::archive {

// Takes the data block of a table in pieces of any size, up to its end mark; holds no value.
//
// Of a value, the XXH3 of its column's name, a NUL, and its text. Of a row, the XXH3 of the sum of those, as 16
// bytes with the most significant first. Of the table, the sum of its rows.
class RowsByColumn {
public:
    // In the order in which the rows have them; one at least.
    void begin(std::vector<std::string> columns);
    void take(stream::Bytes piece) noexcept;

    // Nothing where a row had more or fewer values than there are columns.
    [[nodiscard]] std::optional<ContentHash> hash() const noexcept {
        return fits_ ? std::optional(rows_) : std::nullopt;
    }

private:
    void begin_value() noexcept;
    void end_value() noexcept;
    void end_line() noexcept;

    std::vector<std::string> columns_;
    bool ended_ = false;
    bool fits_ = true;
    std::size_t column_ = 0;
    Xxh3 value_;
    ContentHash row_;
    ContentHash rows_;
    std::uint64_t line_size_ = 0;
    std::array<std::byte, 2> line_begin_{};  // enough to tell the end mark
};

}  // namespace lifeboat::archive
