// Bech32 of BIP 173, without its limit of 90 characters: the text form of age's keys.
#pragma once

#include "wiped_bytes.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace lifeboat::age {

// Lower case throughout. `prefix` is lower case.
std::string bech32_encode(std::string_view prefix, std::span<const unsigned char> bytes);

enum class Bech32Fault {
    mixed_case,
    no_separator,    // no '1' between prefix and data, or nothing on one side of it
    foreign_letter,  // a character that Bech32 does not use
    wrong_checksum,  // a typing or copying error
    wrong_padding,   // the data is not a whole number of bytes
};

struct Bech32 {
    std::string prefix;                // lower case
    WipedBytes bytes;                  // may be a secret key
    std::optional<Bech32Fault> fault;  // prefix and bytes mean nothing when there is one
};

Bech32 bech32_decode(std::string_view text);

}  // namespace lifeboat::age
