#include "x25519_stanza.hpp"

#include "base64.hpp"
#include "payload.hpp"

#include <algorithm>

namespace lifeboat::age {
namespace {

// The wrap key is used once, so its nonce need not differ.
constexpr ChaCha20Poly1305::Nonce wrap_nonce{};

Result<WipedBytes> wrap_key(ByteView shared_secret, const Key32& share, const Key32& recipient) {
    std::array<unsigned char, 64> salt{};
    std::copy(recipient.begin(), recipient.end(), std::copy(share.begin(), share.end(), salt.begin()));
    return hkdf_sha256(shared_secret, salt, "age-encryption.org/v1/X25519");
}

Result<std::optional<WipedBytes>> open_one(const X25519Stanza& stanza, const X25519Key& key, const Key32& own_point) {
    const Result<std::optional<WipedBytes>> secret = key.shared_secret(stanza.share);
    if (!secret) {
        return secret.error();
    }
    if (!secret->has_value()) {
        return Error{ErrorKind::corrupt, "age header: a recipient's share is a point of low order",
                     "do not trust this file: no age program writes such a header"};
    }
    const Result<WipedBytes> wrapping = wrap_key(**secret, stanza.share, own_point);
    if (!wrapping) {
        return wrapping.error();
    }
    Result<ChaCha20Poly1305> cipher = ChaCha20Poly1305::make(*wrapping, ChaCha20Poly1305::Direction::open);
    if (!cipher) {
        return cipher.error();
    }
    WipedBytes file_key(file_key_size);
    if (!cipher->open(wrap_nonce, stanza.wrapped_file_key, file_key.data())) {
        return std::optional<WipedBytes>();
    }
    return std::optional<WipedBytes>(std::move(file_key));
}

}  // namespace

Result<X25519Stanza> X25519Stanza::parse(const std::vector<std::string>& arguments, ByteView body) {
    if (arguments.size() != 2) {
        return failed("an X25519 recipient has one argument, and here are " + std::to_string(arguments.size() - 1));
    }
    const auto share = base64_decode(arguments[1]);
    X25519Stanza stanza;
    if (!share || share->size() != stanza.share.size()) {
        return failed("an X25519 recipient's share is not canonical base64 of 32 bytes");
    }
    // Before any decryption: a body of another length could be made to open under several keys.
    if (body.size() != stanza.wrapped_file_key.size()) {
        return failed("an X25519 recipient's body has 32 bytes, and here are " + std::to_string(body.size()));
    }
    std::copy(share->begin(), share->end(), stanza.share.begin());
    std::copy(body.begin(), body.end(), stanza.wrapped_file_key.begin());
    return stanza;
}

Result<X25519Stanza> wrap(ByteView file_key, const Recipient& recipient) {
    const Result<WipedBytes> scalar = random_bytes(32);
    if (!scalar) {
        return scalar.error();
    }
    const Result<X25519Key> ephemeral = X25519Key::from_scalar(*scalar);
    if (!ephemeral) {
        return ephemeral.error();
    }
    const Result<Key32> share = ephemeral->public_key();
    if (!share) {
        return share.error();
    }
    const Result<std::optional<WipedBytes>> secret = ephemeral->shared_secret(recipient.bytes());
    if (!secret) {
        return secret.error();
    }
    if (!secret->has_value()) {
        return Error{ErrorKind::usage,
                     "recipient " + recipient.text() + " is no usable public key (a point of low order)",
                     "make a key pair with lifeboat keygen and name its public key"};
    }
    const Result<WipedBytes> wrapping = wrap_key(**secret, *share, recipient.bytes());
    if (!wrapping) {
        return wrapping.error();
    }
    Result<ChaCha20Poly1305> cipher = ChaCha20Poly1305::make(*wrapping, ChaCha20Poly1305::Direction::seal);
    if (!cipher) {
        return cipher.error();
    }
    X25519Stanza stanza;
    stanza.share = *share;
    Status sealed = cipher->seal(wrap_nonce, file_key, stanza.wrapped_file_key.data());
    if (!sealed) {
        return sealed.error();
    }
    return stanza;
}

Result<std::optional<WipedBytes>> unwrap(const std::vector<X25519Stanza>& stanzas, const Identity& identity) {
    const Result<X25519Key> key = X25519Key::from_scalar(view_of(identity.scalar().reveal()));
    if (!key) {
        return key.error();
    }
    const Recipient recipient = identity.recipient();
    for (const X25519Stanza& stanza : stanzas) {
        Result<std::optional<WipedBytes>> file_key = open_one(stanza, *key, recipient.bytes());
        if (!file_key || file_key->has_value()) {
            return file_key;
        }
    }
    return std::optional<WipedBytes>();
}

}  // namespace lifeboat::age
