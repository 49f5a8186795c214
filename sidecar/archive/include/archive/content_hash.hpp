// The hash of a table's content: one number for a set of rows in no order.
//
// Algorithm "xxh3-128-sum/1": the sum, modulo 2^128, of the 128-bit XXH3 (seed 0) of each row. A row is what
// COPY … TO STDOUT writes for it in text format: its line, with the line feed that ends it. A sum and not XOR, because
// equal rows are legal, and two of them would cancel. Without a single row it is 0.
//
// The order of rows does not matter because it is not stable: a restored table may give them in another one.
// It guards against accident (a row lost, doubled, changed, cut short), not against somebody who chooses rows so that
// the sum stays the same: for that there is the signature over what is stored.
//
// To recompute one in Python, with the package xxhash, from the same session settings as the dump's:
//     sum(xxhash.xxh3_128_intdigest(line) for line in sys.stdin.buffer) % 2**128
#pragma once

#include "stream/sink.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lifeboat::archive {

inline constexpr std::string_view content_hash_algorithm = "xxh3-128-sum/1";

struct ContentHash {
    std::uint64_t high = 0;
    std::uint64_t low = 0;

    constexpr ContentHash& operator+=(const ContentHash& other) noexcept {
        low += other.low;
        high += other.high + (low < other.low ? 1U : 0U);
        return *this;
    }
    friend constexpr bool operator==(const ContentHash&, const ContentHash&) = default;

    // 32 digits in lower case, the most significant first.
    [[nodiscard]] std::string hex() const;
    // Nothing for any other text.
    [[nodiscard]] static std::optional<ContentHash> from_hex(std::string_view text);
};

// Of one row; of a large object, see LargeObjectTotals.
ContentHash hash_of(stream::Bytes row) noexcept;

}  // namespace lifeboat::archive
