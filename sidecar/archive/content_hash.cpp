#include "archive/content_hash.hpp"

#include "xxh3.hpp"

#include <algorithm>
#include <charconv>

namespace lifeboat::archive {
namespace {

constexpr std::size_t half = 16;  // digits of 64 bits

void append_hex(std::string& text, std::uint64_t number) {
    constexpr std::string_view digits = "0123456789abcdef";
    for (int shift = 60; shift >= 0; shift -= 4) {
        text += digits[static_cast<std::size_t>((number >> static_cast<unsigned>(shift)) & 0xFU)];
    }
}

std::uint64_t from_digits(std::string_view digits) {
    std::uint64_t number = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), number, 16);
    return number;
}

bool is_lower_hex(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

}  // namespace

std::string ContentHash::hex() const {
    std::string text;
    append_hex(text, high);
    append_hex(text, low);
    return text;
}

std::optional<ContentHash> ContentHash::from_hex(std::string_view text) {
    if (text.size() != 2 * half || !std::ranges::all_of(text, is_lower_hex)) {
        return std::nullopt;
    }
    return ContentHash{from_digits(text.substr(0, half)), from_digits(text.substr(half))};
}

ContentHash hash_of(stream::Bytes row) noexcept {
    return xxh3(row);
}

}  // namespace lifeboat::archive
