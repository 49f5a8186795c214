// Base 64 as the age format wants it: the standard alphabet of RFC 4648, section 4, without padding.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lifeboat::age {

std::string base64_encode(std::span<const unsigned char> bytes);

// Nothing unless `text` is the one canonical spelling of its bytes: no padding, no white space, no foreign
// character, no bit set beyond the last byte.
std::optional<std::vector<unsigned char>> base64_decode(std::string_view text);

}  // namespace lifeboat::age
