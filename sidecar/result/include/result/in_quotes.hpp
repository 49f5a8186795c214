// How messages show what someone wrote.
#pragma once

#include <string>
#include <string_view>

namespace lifeboat {

// In quotes, on one line, with nothing that a terminal would obey, and cut where it gets long. Not for secrets.
inline std::string in_quotes(std::string_view text) {
    constexpr std::size_t longest = 80;
    std::string result = "'";
    for (const char c : text.substr(0, longest)) {
        const bool printable = static_cast<unsigned char>(c) >= 0x20 && c != 0x7f;
        result += printable ? c : '?';
    }
    return result + (text.size() > longest ? "…'" : "'");
}

}  // namespace lifeboat
