#include "crypto.hpp"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <algorithm>
#include <string>

namespace lifeboat::age {
namespace {

// The queue is emptied: whoever uses OpenSSL next on this thread would take old entries for their own.
Error openssl_error(const std::string& doing) {
    std::array<char, 256> text{};
    ERR_error_string_n(ERR_get_error(), text.data(), text.size());
    ERR_clear_error();
    return failed("openssl could not " + doing + ": " + text.data());
}

struct KdfFree {
    void operator()(EVP_KDF* kdf) const { EVP_KDF_free(kdf); }
    void operator()(EVP_KDF_CTX* context) const { EVP_KDF_CTX_free(context); }
};

struct PkeyContextFree {
    void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
};

// OSSL_PARAM has one pointer type for what it reads and what it writes; here it only reads.
OSSL_PARAM octets(const char* name, ByteView bytes) {
    return OSSL_PARAM_construct_octet_string(name, const_cast<unsigned char*>(bytes.data()),  // NOLINT(*-const-cast)
                                             bytes.size());
}

}  // namespace

Result<WipedBytes> random_bytes(std::size_t count) {
    WipedBytes bytes(count);
    if (RAND_priv_bytes(bytes.data(), static_cast<int>(count)) != 1) {
        return openssl_error("make random bytes");
    }
    return bytes;
}

Result<WipedBytes> hkdf_sha256(ByteView key, ByteView salt, std::string_view info) {
    const std::unique_ptr<EVP_KDF, KdfFree> kdf(EVP_KDF_fetch(nullptr, OSSL_KDF_NAME_HKDF, nullptr));
    const std::unique_ptr<EVP_KDF_CTX, KdfFree> context(kdf ? EVP_KDF_CTX_new(kdf.get()) : nullptr);
    if (!context) {
        return openssl_error("set up HKDF");
    }
    std::string digest = "SHA256";
    std::vector<OSSL_PARAM> params{
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest.data(), 0),
        octets(OSSL_KDF_PARAM_KEY, key),
        octets(OSSL_KDF_PARAM_INFO, view_of(info)),
    };
    if (!salt.empty()) {  // none and an empty one mean the same
        params.push_back(octets(OSSL_KDF_PARAM_SALT, salt));
    }
    params.push_back(OSSL_PARAM_construct_end());
    WipedBytes derived(32);
    if (EVP_KDF_derive(context.get(), derived.data(), derived.size(), params.data()) != 1) {
        return openssl_error("derive a key with HKDF");
    }
    return derived;
}

Result<Key32> hmac_sha256(ByteView key, std::string_view text) {
    Key32 mac{};
    unsigned size = 0;
    const ByteView bytes = view_of(text);
    if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes.data(), bytes.size(), mac.data(), &size) ==
            nullptr ||
        size != mac.size()) {
        return openssl_error("compute HMAC-SHA256");
    }
    return mac;
}

bool equal_in_constant_time(const Key32& a, const Key32& b) {
    return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

Result<X25519Key> X25519Key::from_scalar(ByteView scalar) {
    X25519Key key(EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, nullptr, scalar.data(), scalar.size()));
    if (!key.key_) {
        return openssl_error("take an X25519 key");
    }
    return key;
}

Result<Key32> X25519Key::public_key() const {
    Key32 point{};
    std::size_t size = point.size();
    if (EVP_PKEY_get_raw_public_key(key_.get(), point.data(), &size) != 1 || size != point.size()) {
        return openssl_error("compute an X25519 public key");
    }
    return point;
}

Result<std::optional<WipedBytes>> X25519Key::shared_secret(const Key32& point) const {
    const std::unique_ptr<EVP_PKEY, Free> peer(
        EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nullptr, point.data(), point.size()));
    const std::unique_ptr<EVP_PKEY_CTX, PkeyContextFree> context(EVP_PKEY_CTX_new(key_.get(), nullptr));
    if (!peer || !context || EVP_PKEY_derive_init(context.get()) != 1 ||
        EVP_PKEY_derive_set_peer(context.get(), peer.get()) != 1) {
        return openssl_error("set up X25519");
    }
    WipedBytes secret(32);
    std::size_t size = secret.size();
    // All is set up, so the one thing left to fail is OpenSSL's own check for an all-zero result.
    if (EVP_PKEY_derive(context.get(), secret.data(), &size) != 1 || size != secret.size()) {
        ERR_clear_error();
        return std::optional<WipedBytes>();
    }
    return std::optional<WipedBytes>(std::move(secret));
}

Result<ChaCha20Poly1305> ChaCha20Poly1305::make(ByteView key, Direction direction) {
    ChaCha20Poly1305 cipher(EVP_CIPHER_CTX_new());
    if (!cipher.context_ || EVP_CipherInit_ex(cipher.context_.get(), EVP_chacha20_poly1305(), nullptr, key.data(),
                                              nullptr, direction == Direction::seal ? 1 : 0) != 1) {
        return openssl_error("set up ChaCha20-Poly1305");
    }
    return cipher;
}

Status ChaCha20Poly1305::seal(const Nonce& nonce, ByteView plaintext, unsigned char* out) {
    EVP_CIPHER_CTX* context = context_.get();
    int written = 0;
    int rest = 0;
    // Without a key the context keeps the one it has.
    if (EVP_EncryptInit_ex(context, nullptr, nullptr, nullptr, nonce.data()) != 1 ||
        EVP_EncryptUpdate(context, out, &written, plaintext.data(), static_cast<int>(plaintext.size())) != 1 ||
        EVP_EncryptFinal_ex(context, out + written, &rest) != 1 ||
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, static_cast<int>(tag_size), out + plaintext.size()) != 1) {
        return openssl_error("encrypt with ChaCha20-Poly1305");
    }
    return done();
}

bool ChaCha20Poly1305::open(const Nonce& nonce, ByteView sealed, unsigned char* out) {
    EVP_CIPHER_CTX* context = context_.get();
    const std::size_t size = sealed.size() - tag_size;
    std::array<unsigned char, tag_size> tag{};
    std::copy_n(sealed.data() + size, tag_size, tag.begin());
    int written = 0;
    int rest = 0;
    const bool authentic =
        EVP_DecryptInit_ex(context, nullptr, nullptr, nullptr, nonce.data()) == 1 &&
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, static_cast<int>(tag_size), tag.data()) == 1 &&
        EVP_DecryptUpdate(context, out, &written, sealed.data(), static_cast<int>(size)) == 1 &&
        EVP_DecryptFinal_ex(context, out + written, &rest) == 1;
    if (!authentic) {
        ERR_clear_error();
    }
    return authentic;
}

}  // namespace lifeboat::age
