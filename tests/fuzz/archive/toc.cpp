// Feeds arbitrary bytes, cut into pieces as the first byte says, to the reader of tables of contents, and
// what it finds to everything that reads the SQL inside.
#include "archive/prerequisites.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

namespace {

using lifeboat::archive::for_database;
using lifeboat::archive::Prerequisites;
using lifeboat::archive::TocReader;
using lifeboat::stream::Bytes;

void feed_in_pieces(TocReader& reader, Bytes bytes, std::size_t piece) {
    while (!bytes.empty()) {
        const auto size = std::min(piece, bytes.size());
        reader.feed(bytes.first(size));
        bytes = bytes.subspan(size);
    }
}

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    const auto archive = std::as_bytes(std::span(data, size)).subspan(1);

    TocReader whole;
    const auto taken = whole.feed(archive);
    require(taken == whole.size() && taken <= archive.size());

    TocReader pieces;
    feed_in_pieces(pieces, archive, std::size_t{1} + data[0]);
    require(pieces.state() == whole.state());
    require(pieces.entries().size() == whole.entries().size());
    require(!whole.complete() || pieces.size() == whole.size());
    for (const auto& entry : whole.entries()) {
        require(entry.dump_id > 0);
    }

    Prerequisites needs;
    TocReader boiled_down(needs.options());
    boiled_down.feed(archive);
    require(!whole.complete() || boiled_down.complete());
    for (const auto& statement : needs.database()) {
        (void)for_database(statement, "other");
    }
    return 0;
}
