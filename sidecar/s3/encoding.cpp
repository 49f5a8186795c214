#include "s3/encoding.hpp"

#include <algorithm>

namespace lifeboat::s3 {
namespace {

// Not isalnum(), which asks the locale.
bool is_unreserved(char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == '~';
}

std::string encode_except(std::string_view text, std::string_view kept) {
    static constexpr std::string_view digits = "0123456789ABCDEF";
    std::string encoded;
    encoded.reserve(text.size());
    for (const char c : text) {
        if (is_unreserved(c) || kept.find(c) != std::string_view::npos) {
            encoded += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        encoded += '%';
        encoded += digits[byte >> 4U];
        encoded += digits[byte & 15U];
    }
    return encoded;
}

std::optional<unsigned> hex_digit(char c) {
    if (c >= '0' && c <= '9') {
        return static_cast<unsigned>(c - '0');
    }
    if (c >= 'A' && c <= 'F') {
        return static_cast<unsigned>(c - 'A' + 10);
    }
    if (c >= 'a' && c <= 'f') {
        return static_cast<unsigned>(c - 'a' + 10);
    }
    return std::nullopt;
}

// The byte that "%XX" stands for, where `text` begins with one.
std::optional<char> escaped_byte(std::string_view text) {
    if (text.size() < 3) {
        return std::nullopt;
    }
    const auto high = hex_digit(text[1]);
    const auto low = hex_digit(text[2]);
    if (!high || !low) {
        return std::nullopt;
    }
    return static_cast<char>(static_cast<unsigned char>(*high << 4U | *low));
}

}  // namespace

std::string encode(std::string_view text) {
    return encode_except(text, "");
}

std::string encode_path(std::string_view path) {
    return encode_except(path, "/");
}

std::optional<std::string> decode(std::string_view text) {
    std::string decoded;
    decoded.reserve(text.size());
    while (!text.empty()) {
        std::size_t taken = 1;
        char c = text.front() == '+' ? ' ' : text.front();
        if (c == '%') {
            const auto byte = escaped_byte(text);
            if (!byte) {
                return std::nullopt;
            }
            c = *byte;
            taken = 3;
        }
        decoded += c;
        text.remove_prefix(taken);
    }
    return decoded;
}

std::string canonical_query(const Query& query) {
    Query encoded;
    encoded.reserve(query.size());
    for (const auto& [name, value] : query) {
        encoded.emplace_back(encode(name), encode(value));
    }
    // As pairs: sorted as text, "a-b=" would come before "a=", since '-' is less than '='.
    std::sort(encoded.begin(), encoded.end());
    std::string text;
    for (const auto& [name, value] : encoded) {
        text += text.empty() ? "" : "&";
        text += name;
        text += '=';
        text += value;
    }
    return text;
}

}  // namespace lifeboat::s3
