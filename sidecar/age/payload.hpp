// The payload of an age file, a STREAM: the plaintext in chunks of 64 KiB, each sealed with
// ChaCha20-Poly1305 under a nonce that says which chunk it is and whether it is the last.
#pragma once

#include "crypto.hpp"

#include <cstddef>
#include <cstdint>

namespace lifeboat::age {

inline constexpr std::size_t file_key_size = 16;
inline constexpr std::size_t payload_nonce_size = 16;
inline constexpr std::size_t chunk_size = 65536;
inline constexpr std::size_t sealed_chunk_size = chunk_size + ChaCha20Poly1305::tag_size;

enum class ChunkPlace { before_others, last };

// Eleven bytes of big-endian counter, of which 64 bits are enough for every file there can be, and the mark
// of the last chunk.
inline ChaCha20Poly1305::Nonce chunk_nonce(std::uint64_t index, ChunkPlace place) {
    ChaCha20Poly1305::Nonce nonce{};
    for (std::size_t at = 10; at >= 3; --at) {
        nonce[at] = static_cast<unsigned char>(index & 255U);
        index >>= 8U;
    }
    nonce[11] = place == ChunkPlace::last ? 1 : 0;
    return nonce;
}

inline Result<WipedBytes> payload_key(ByteView file_key, ByteView payload_nonce) {
    return hkdf_sha256(file_key, payload_nonce, "payload");
}

}  // namespace lifeboat::age
