// Boils the entries of a table of contents down to what is kept of them, and to the data blocks that must follow.
#pragma once

#include "archive/contents.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace lifeboat::archive {

// What a data block holds.
enum class BlockContent : std::uint8_t {
    rows,           // of the next of Contents::tables that has not had its block
    statements,     // likewise, but as INSERT statements
    large_objects,  // some of them, or all
    unknown,        // of a kind of entry that had no data when this was written
};

struct ExpectedBlock {
    std::int32_t dump_id = 0;
    BlockContent content = BlockContent::unknown;
};

class GatheredContents {
public:
    explicit GatheredContents(std::size_t keep_at_most, bool by_column = false)
        : keep_at_most_(keep_at_most), by_column_(by_column) {}

    [[nodiscard]] TocFields wanted(std::string_view desc) const;

    // Throws std::length_error when there are more blocks than may be kept.
    void take(const TocEntry& entry);

    // In the order of the table of contents, which is that of the blocks.
    [[nodiscard]] const std::deque<ExpectedBlock>& blocks() const { return blocks_; }

    // The table that owns the block so numbered among those of tables. Null when nothing is kept any more.
    [[nodiscard]] TableContents* table(std::size_t index);

    // The columns of its rows, where they are to be hashed by column; else empty.
    [[nodiscard]] std::vector<std::string> columns(std::size_t index) const;

    [[nodiscard]] Contents& contents() { return contents_; }
    [[nodiscard]] Kept kept() const { return contents_.kept; }

    void sort();
    void drop();

private:
    void take_block(const TocEntry& entry);
    void keep_table(const TocEntry& entry);
    void keep_sequence(const TocEntry& entry);
    void keep_line(const TocEntry& entry);
    void drop_entries();
    void stay_in_bounds();

    std::size_t keep_at_most_;
    bool by_column_;
    std::set<QualifiedName> inheriting_;
    std::map<std::size_t, std::vector<std::string>> columns_;
    std::size_t memory_of_tables_ = 0;  // and of sequences
    std::size_t memory_of_entries_ = 0;
    std::deque<ExpectedBlock> blocks_;
    Contents contents_;
};

}  // namespace lifeboat::archive
