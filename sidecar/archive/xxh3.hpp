// XXH3 with 128 bits and seed 0, compiled into the caller: a call into the library would cost as much as hashing a
// short row does.
#pragma once

#include "archive/content_hash.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace lifeboat::archive {

inline ContentHash xxh3(stream::Bytes bytes) noexcept {
    const auto hash = XXH3_128bits(bytes.data(), bytes.size());
    return {hash.high64, hash.low64};
}

// The same for what comes in pieces.
class Xxh3 {
public:
    void begin() noexcept { (void)XXH3_128bits_reset(&state_); }
    void take(stream::Bytes piece) noexcept { (void)XXH3_128bits_update(&state_, piece.data(), piece.size()); }
    [[nodiscard]] ContentHash hash() const noexcept {
        const auto hash = XXH3_128bits_digest(&state_);
        return {hash.high64, hash.low64};
    }

private:
    XXH3_state_t state_{};
};

}  // namespace lifeboat::archive
