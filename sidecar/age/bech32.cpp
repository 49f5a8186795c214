#include "bech32.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace lifeboat::age {
namespace {

constexpr std::string_view alphabet = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
constexpr std::size_t checksum_letters = 6;

bool is_lower(char c) {
    return c >= 'a' && c <= 'z';
}
bool is_upper(char c) {
    return c >= 'A' && c <= 'Z';
}
char lower(char c) {
    return is_upper(c) ? static_cast<char>(c - 'A' + 'a') : c;
}

// The BCH code of BIP 173, fed with one 5-bit value after the other.
class Checksum {
public:
    void add(unsigned value) {
        constexpr std::array<std::uint32_t, 5> generator{0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3};
        const std::uint32_t top = state_ >> 25U;
        state_ = ((state_ & 0x1ffffffU) << 5U) ^ value;
        for (unsigned i = 0; i < generator.size(); ++i) {
            if (((top >> i) & 1U) != 0) {
                state_ ^= generator[i];
            }
        }
    }

    void add_prefix(std::string_view prefix) {
        for (const char c : prefix) {
            add(static_cast<unsigned char>(c) >> 5U);
        }
        add(0);
        for (const char c : prefix) {
            add(static_cast<unsigned char>(c) & 31U);
        }
    }

    [[nodiscard]] std::uint32_t state() const { return state_; }

private:
    std::uint32_t state_ = 1;
};

// 8-bit values to 5-bit values, zero bits at the end.
WipedBytes split(std::span<const unsigned char> bytes) {
    WipedBytes values;
    values.reserve((bytes.size() * 8 + 4) / 5);
    std::uint32_t bits = 0;
    unsigned held = 0;
    for (const unsigned char byte : bytes) {
        bits = (bits << 8U) | byte;
        held += 8;
        while (held >= 5) {
            held -= 5;
            values.push_back(static_cast<unsigned char>((bits >> held) & 31U));
        }
    }
    if (held > 0) {
        values.push_back(static_cast<unsigned char>((bits << (5 - held)) & 31U));
    }
    return values;
}

// 5-bit values to bytes; nothing if whole values or set bits are left over.
std::optional<WipedBytes> join(std::span<const unsigned char> values) {
    WipedBytes bytes;
    bytes.reserve(values.size() * 5 / 8);
    std::uint32_t bits = 0;
    unsigned held = 0;
    for (const unsigned char value : values) {
        bits = (bits << 5U) | value;
        held += 5;
        if (held >= 8) {
            held -= 8;
            bytes.push_back(static_cast<unsigned char>((bits >> held) & 255U));
        }
    }
    if (held >= 5 || (bits & ((1U << held) - 1U)) != 0) {
        return std::nullopt;
    }
    return bytes;
}

// The 5-bit value of each letter; nothing if one is not in the alphabet.
std::optional<WipedBytes> values_of(std::string_view letters) {
    WipedBytes values;
    values.reserve(letters.size());
    for (const char letter : letters) {
        const std::size_t value = alphabet.find(lower(letter));
        if (value == std::string_view::npos) {
            return std::nullopt;
        }
        values.push_back(static_cast<unsigned char>(value));
    }
    return values;
}

Bech32 faulty(Bech32Fault fault) {
    Bech32 result;
    result.fault = fault;
    return result;
}

}  // namespace

std::string bech32_encode(std::string_view prefix, std::span<const unsigned char> bytes) {
    const WipedBytes values = split(bytes);
    std::string text;
    // At once, so that no half-written copy of a secret key stays behind in memory.
    text.reserve(prefix.size() + 1 + values.size() + checksum_letters);
    text.append(prefix).push_back('1');
    Checksum checksum;
    checksum.add_prefix(prefix);
    for (const unsigned char value : values) {
        checksum.add(value);
        text.push_back(alphabet[value]);
    }
    for (std::size_t i = 0; i < checksum_letters; ++i) {
        checksum.add(0);
    }
    const std::uint32_t code = checksum.state() ^ 1U;
    for (unsigned i = 0; i < checksum_letters; ++i) {
        text.push_back(alphabet[(code >> (5U * (5U - i))) & 31U]);
    }
    return text;
}

Bech32 bech32_decode(std::string_view text) {
    if (std::any_of(text.begin(), text.end(), is_lower) && std::any_of(text.begin(), text.end(), is_upper)) {
        return faulty(Bech32Fault::mixed_case);
    }
    const std::size_t separator = text.rfind('1');
    if (separator == std::string_view::npos || separator == 0 || text.size() - separator - 1 < checksum_letters) {
        return faulty(Bech32Fault::no_separator);
    }
    const std::optional<WipedBytes> values = values_of(text.substr(separator + 1));
    if (!values) {
        return faulty(Bech32Fault::foreign_letter);
    }
    Bech32 result;
    for (const char c : text.substr(0, separator)) {
        result.prefix.push_back(lower(c));
    }
    Checksum checksum;
    checksum.add_prefix(result.prefix);
    for (const unsigned char value : *values) {
        checksum.add(value);
    }
    if (checksum.state() != 1) {
        return faulty(Bech32Fault::wrong_checksum);
    }
    std::optional<WipedBytes> bytes = join(std::span(*values).first(values->size() - checksum_letters));
    if (!bytes) {
        return faulty(Bech32Fault::wrong_padding);
    }
    result.bytes = std::move(*bytes);
    return result;
}

}  // namespace lifeboat::age
