// What a plain archive holds, found the simple way: with the whole archive in memory, and each row cut out and hashed
// by the library itself. The streaming reader must come to the same, whatever the archive and however it is cut.
#pragma once

#include "archive/contents.hpp"

#include <xxhash.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lifeboat::archive {

class Hash128Sum {
public:
    void add(std::string_view bytes) {
        const auto hash = XXH3_128bits(bytes.data(), bytes.size());
        const auto carry = __builtin_add_overflow(low_, hash.low64, &low_) ? 1U : 0U;
        high_ += hash.high64 + carry;
    }
    [[nodiscard]] ContentHash sum() const { return {high_, low_}; }

private:
    std::uint64_t high_ = 0;
    std::uint64_t low_ = 0;
};

inline RowTotals totals_of(const std::vector<std::string>& rows) {
    Hash128Sum sum;
    RowTotals totals;
    for (const auto& row : rows) {
        sum.add(row);
        totals.rows += 1;
        totals.bytes += row.size();
    }
    totals.hash = sum.sum();
    return totals;
}

using LargeObjects = std::vector<std::pair<std::uint32_t, std::string>>;

inline LargeObjectTotals totals_of_objects(const LargeObjects& objects) {
    Hash128Sum sum;
    LargeObjectTotals totals;
    for (const auto& [oid, bytes] : objects) {
        sum.add(std::to_string(oid) + "\n" + bytes);
        totals.objects += 1;
        totals.bytes += bytes.size();
    }
    totals.hash = sum.sum();
    return totals;
}

// Reads the blocks behind the table of contents, which must be complete.
class PlainContents {
public:
    struct Block {
        int type = 0;
        std::int32_t dump_id = 0;
        std::string bytes;     // of a table
        LargeObjects objects;  // of large objects
    };

    PlainContents(const TocReader& toc, std::string_view archive)
        : integer_size_(toc.header().integer_size), rest_(archive.substr(static_cast<std::size_t>(toc.size()))) {
        while (good_ && !rest_.empty()) {
            read_block();
        }
    }

    // Whether it is blocks and nothing else.
    [[nodiscard]] bool good() const { return good_; }
    [[nodiscard]] const std::vector<Block>& blocks() const { return blocks_; }

    // Nothing if the text does not end as pg_dump ends the rows of a table.
    static std::optional<RowTotals> rows_in(std::string_view text) {
        constexpr std::string_view end = "\\.\n\n\n";
        if (!text.ends_with(end)) {
            return std::nullopt;
        }
        text.remove_suffix(end.size());
        std::vector<std::string> rows;
        while (!text.empty()) {
            const auto size = text.find('\n');
            if (size == std::string_view::npos || text.substr(0, size) == "\\.") {
                return std::nullopt;
            }
            rows.emplace_back(text.substr(0, size + 1));
            text.remove_prefix(size + 1);
        }
        return totals_of(rows);
    }

private:
    std::optional<unsigned char> byte() {
        if (rest_.empty()) {
            good_ = false;
            return std::nullopt;
        }
        const auto value = static_cast<unsigned char>(rest_.front());
        rest_.remove_prefix(1);
        return value;
    }

    std::int64_t integer() {
        const auto sign = byte();
        std::uint64_t magnitude = 0;
        for (std::size_t i = 0; i < integer_size_; ++i) {
            magnitude |= std::uint64_t{byte().value_or(0)} << (8 * i);
        }
        good_ = good_ && sign <= 1 && magnitude <= std::uint64_t{1} << 31U;
        const auto value = static_cast<std::int64_t>(good_ ? magnitude : 0);
        good_ = good_ && (sign == 1 || value < std::int64_t{1} << 31U);
        return sign == 1 ? -value : value;
    }

    std::string chunks() {
        std::string all;
        for (auto length = integer(); good_ && length != 0; length = integer()) {
            if (length < 0 || static_cast<std::uint64_t>(length) > rest_.size()) {
                good_ = false;
                break;
            }
            all += rest_.substr(0, static_cast<std::size_t>(length));
            rest_.remove_prefix(static_cast<std::size_t>(length));
        }
        return all;
    }

    void read_block() {
        Block block;
        block.type = byte().value_or(0);
        good_ = good_ && (block.type == 1 || block.type == 3);
        const auto id = integer();
        good_ = good_ && id > 0;
        block.dump_id = static_cast<std::int32_t>(id);
        if (block.type == 1) {
            block.bytes = chunks();
        } else {
            for (auto oid = integer(); good_ && oid != 0; oid = integer()) {
                block.objects.emplace_back(static_cast<std::uint32_t>(oid), chunks());
            }
        }
        blocks_.push_back(std::move(block));
    }

    std::size_t integer_size_;
    std::string_view rest_;
    bool good_ = true;
    std::vector<Block> blocks_;
};

}  // namespace lifeboat::archive
