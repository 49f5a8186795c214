#include "base64.hpp"

#include <array>
#include <cstdint>

namespace lifeboat::age {
namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<int, 256> make_values() {
    std::array<int, 256> values{};
    values.fill(-1);
    for (std::size_t i = 0; i < alphabet.size(); ++i) {
        values[static_cast<unsigned char>(alphabet[i])] = static_cast<int>(i);
    }
    return values;
}

constexpr std::array<int, 256> value_of = make_values();

}  // namespace

std::string base64_encode(std::span<const unsigned char> bytes) {
    std::string text;
    text.reserve((bytes.size() * 4 + 2) / 3);
    std::uint32_t bits = 0;
    unsigned held = 0;
    for (const unsigned char byte : bytes) {
        bits = (bits << 8U) | byte;
        held += 8;
        while (held >= 6) {
            held -= 6;
            text.push_back(alphabet[(bits >> held) & 63U]);
        }
    }
    if (held > 0) {
        text.push_back(alphabet[(bits << (6 - held)) & 63U]);
    }
    return text;
}

std::optional<std::vector<unsigned char>> base64_decode(std::string_view text) {
    if (text.size() % 4 == 1) {
        return std::nullopt;  // six bits are not a byte
    }
    std::vector<unsigned char> bytes;
    bytes.reserve(text.size() * 3 / 4);
    std::uint32_t bits = 0;
    unsigned held = 0;
    for (const char letter : text) {
        const int value = value_of[static_cast<unsigned char>(letter)];
        if (value < 0) {
            return std::nullopt;
        }
        bits = (bits << 6U) | static_cast<std::uint32_t>(value);
        held += 6;
        if (held >= 8) {
            held -= 8;
            bytes.push_back(static_cast<unsigned char>((bits >> held) & 255U));
        }
    }
    const std::uint32_t beyond = bits & ((1U << held) - 1U);
    if (beyond != 0) {
        return std::nullopt;
    }
    return bytes;
}

}  // namespace lifeboat::age
