// Words of the format that its writer and its reader share.
#pragma once

#include "archive/contents.hpp"

#include <array>
#include <string_view>
#include <utility>

namespace lifeboat::proof {

// Why a table was not read; a table that was has no such word.
inline constexpr std::array<std::pair<archive::Unread, std::string_view>, 3> unread_words = {{
    {archive::Unread::not_reached, "not_reached"},
    {archive::Unread::compressed, "compressed"},
    {archive::Unread::not_copy_text, "not_copy_text"},
}};

}  // namespace lifeboat::proof
