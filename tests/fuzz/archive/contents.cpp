// Feeds arbitrary bytes, cut into pieces as the byte in the middle says, to the reader of an archive's contents.
// Whatever it calls complete must have the totals that a simple reader with everything in memory finds.
#include "archive/contents.hpp"

#include "plain_contents.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <span>
#include <string>
#include <tuple>
#include <vector>

namespace {

using lifeboat::archive::ContentHash;
using lifeboat::archive::Contents;
using lifeboat::archive::ContentsReader;
using lifeboat::archive::ContentsState;
using lifeboat::archive::LargeObjects;
using lifeboat::archive::PlainContents;
using lifeboat::archive::RowTotals;
using lifeboat::stream::Bytes;

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

ContentsReader read(Bytes bytes, std::size_t piece) {
    ContentsReader reader({.also = {}, .by_column = true});
    while (!bytes.empty()) {
        const auto size = std::min(piece, bytes.size());
        reader.feed(bytes.first(size));
        bytes = bytes.subspan(size);
    }
    reader.finish();
    (void)reader.verdict();
    return reader;
}

using Key = std::tuple<std::uint64_t, std::uint64_t, std::uint64_t, std::uint64_t>;

Key key_of(const RowTotals& totals) {
    return {totals.rows, totals.bytes, totals.hash.high, totals.hash.low};
}

void require_same(const Contents& a, const Contents& b) {
    require(a.entries == b.entries);
    require(a.large_objects == b.large_objects);
    require(a.tables.size() == b.tables.size() && a.sequences.size() == b.sequences.size());
    std::vector<std::tuple<std::string, std::string, Key, std::string>> of_a;
    std::vector<std::tuple<std::string, std::string, Key, std::string>> of_b;
    for (const auto& [tables, keys] : {std::tie(a.tables, of_a), std::tie(b.tables, of_b)}) {
        for (const auto& table : tables) {
            keys.emplace_back(table.table.schema, table.table.name, key_of(table.totals.value_or(RowTotals())),
                              table.by_column.value_or(ContentHash()).hex());
        }
        std::ranges::sort(keys);  // tables of the same name are in no certain order
    }
    require(of_a == of_b);
}

void require_true(const ContentsReader& reader, std::string_view archive) {
    const PlainContents plain(reader.toc(), archive);
    require(plain.good());
    std::vector<Key> expected;
    LargeObjects objects;
    for (const auto& block : plain.blocks()) {
        if (block.type == 1) {
            const auto rows = PlainContents::rows_in(block.bytes);
            require(rows.has_value());
            expected.push_back(key_of(*rows));
        }
        std::ranges::copy(block.objects, std::back_inserter(objects));
    }
    std::vector<Key> found;
    for (const auto& table : reader.contents().tables) {
        found.push_back(key_of(table.totals.value()));
    }
    std::ranges::sort(expected);
    std::ranges::sort(found);
    require(found == expected);
    require(reader.contents().large_objects == lifeboat::archive::totals_of_objects(objects));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto archive = std::as_bytes(std::span(data, size));
    const auto whole = read(archive, std::max<std::size_t>(archive.size(), 1));
    const auto pieces = read(archive, size == 0 ? 1 : std::size_t{1} + data[size / 2]);

    require(whole.state() != ContentsState::reading);
    require(pieces.state() == whole.state());
    require_same(pieces.contents(), whole.contents());
    if (whole.state() == ContentsState::complete) {
        require_true(whole, lifeboat::stream::as_text(archive));
    }
    for (const auto& table : whole.contents().tables) {
        require(table.totals.has_value() == (table.unread == lifeboat::archive::Unread::no));
    }
    return 0;
}
