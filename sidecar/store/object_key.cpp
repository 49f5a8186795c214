#include "store/object_key.hpp"

#include <algorithm>

namespace lifeboat::store {

namespace {

constexpr std::size_t max_key_bytes = 900;
constexpr std::size_t max_part_bytes = 240;

bool is_part_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_';
}

// Why `part` cannot stand between two slashes; empty when it can.
std::string_view fault_of_part(std::string_view part) {
    if (part.empty()) {
        return "has an empty part";
    }
    if (part == "." || part == "..") {
        return "has a part that is only dots";
    }
    if (part.size() > max_part_bytes) {
        return "has a part of more than 240 bytes";
    }
    return std::all_of(part.begin(), part.end(), is_part_character)
               ? std::string_view{}
               : "holds a character other than letters, digits and -._/";
}

std::string_view fault_of(std::string_view text) {
    if (text.empty()) {
        return "is empty";
    }
    if (text.size() > max_key_bytes) {
        return "is longer than 900 bytes";
    }
    for (std::string_view rest = text;;) {
        const std::size_t slash = rest.find('/');
        if (const std::string_view fault = fault_of_part(rest.substr(0, slash)); !fault.empty()) {
            return fault;
        }
        if (slash == std::string_view::npos) {
            return {};
        }
        rest.remove_prefix(slash + 1);
    }
}

// A foreign key may hold anything: what a terminal or a log must not see is shown as '?', and a long one is cut.
std::string printable(std::string_view text) {
    constexpr std::size_t shown = 120;
    std::string result(text.substr(0, shown));
    std::replace_if(
        result.begin(), result.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
    return text.size() > shown ? result + "..." : result;
}

}  // namespace

Result<ObjectKey> ObjectKey::parse(std::string_view text) {
    if (const std::string_view fault = fault_of(text); !fault.empty()) {
        return Error{ErrorKind::corrupt, "object key '" + printable(text) + "' " + std::string(fault),
                     "use only keys that Lifeboat wrote: letters, digits and -._/ in parts of 1 to 240 bytes"};
    }
    return ObjectKey(std::string(text));
}

std::string_view ObjectKey::name() const noexcept {
    const std::string_view text = text_;
    return text.substr(text.rfind('/') + 1);  // without a slash: npos + 1 is 0
}

}  // namespace lifeboat::store
