// The stanza of an age header that carries the file key to one X25519 recipient.
#pragma once

#include "age/keys.hpp"
#include "crypto.hpp"
#include "result/result.hpp"

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lifeboat::age {

struct X25519Stanza {
    static constexpr std::string_view kind = "X25519";

    Key32 share{};                                     // the sender's public key, made for this stanza alone
    std::array<unsigned char, 32> wrapped_file_key{};  // 16 bytes of key and their tag

    // From a stanza's arguments and decoded body. The error says in `what` alone which of them is wrong.
    static Result<X25519Stanza> parse(const std::vector<std::string>& arguments, ByteView body);
};

// Draws a fresh share with each call. ErrorKind::usage if the recipient is a point of low order, to which
// nothing can be kept secret.
Result<X25519Stanza> wrap(ByteView file_key, const Recipient& recipient);

// The file key from the first stanza that is for this identity; nothing if none is. ErrorKind::corrupt on a share
// of low order, which no honest sender makes.
Result<std::optional<WipedBytes>> unwrap(const std::vector<X25519Stanza>& stanzas, const Identity& identity);

}  // namespace lifeboat::age
