// The primitives that the age format is made of, from OpenSSL.
#pragma once

#include "result/result.hpp"
#include "wiped_bytes.hpp"

#include <openssl/evp.h>

#include <array>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

namespace lifeboat::age {

using ByteView = std::span<const unsigned char>;
using Key32 = std::array<unsigned char, 32>;

inline ByteView view_of(std::string_view text) {
    return {reinterpret_cast<const unsigned char*>(text.data()), text.size()};  // NOLINT(*-reinterpret-cast)
}

// Bytes from OpenSSL's generator for private values.
Result<WipedBytes> random_bytes(std::size_t count);

// 32 bytes, extract and expand (RFC 5869).
Result<WipedBytes> hkdf_sha256(ByteView key, ByteView salt, std::string_view info);

Result<Key32> hmac_sha256(ByteView key, std::string_view text);

// Takes as long for a difference in the first byte as for none.
bool equal_in_constant_time(const Key32& a, const Key32& b);

// A Curve25519 secret key (RFC 7748).
class X25519Key {
public:
    static Result<X25519Key> from_scalar(ByteView scalar);  // 32 bytes

    [[nodiscard]] Result<Key32> public_key() const;

    // Nothing if the result would be all zero: the other side's point is of low order, so the "secret"
    // would be known to everyone.
    [[nodiscard]] Result<std::optional<WipedBytes>> shared_secret(const Key32& point) const;

private:
    struct Free {
        void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
    };
    explicit X25519Key(EVP_PKEY* key) : key_(key) {}
    std::unique_ptr<EVP_PKEY, Free> key_;
};

// ChaCha20-Poly1305 (RFC 8439) without additional data, under one key, for many messages.
class ChaCha20Poly1305 {
public:
    static constexpr std::size_t tag_size = 16;
    using Nonce = std::array<unsigned char, 12>;
    enum class Direction { seal, open };

    static Result<ChaCha20Poly1305> make(ByteView key, Direction direction);

    // Writes the ciphertext and its tag, plaintext.size() + tag_size bytes. `out` may be where the plaintext is.
    Status seal(const Nonce& nonce, ByteView plaintext, unsigned char* out);

    // Writes sealed.size() - tag_size bytes (sealed holds at least a tag) and says whether they are authentic.
    // If not, what was written is not to be looked at. `out` must not overlap `sealed`.
    [[nodiscard]] bool open(const Nonce& nonce, ByteView sealed, unsigned char* out);

private:
    struct Free {
        void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
    };
    explicit ChaCha20Poly1305(EVP_CIPHER_CTX* context) : context_(context) {}
    std::unique_ptr<EVP_CIPHER_CTX, Free> context_;  // freeing it wipes the key
};

}  // namespace lifeboat::age
