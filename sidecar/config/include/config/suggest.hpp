// "Did you mean …?"
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace lifeboat::config {

// How many letters must be inserted, deleted, replaced or swapped with their neighbour to get from one to the
// other (optimal string alignment).
std::size_t edit_distance(std::string_view a, std::string_view b);

// The candidate that was most likely meant; nothing where none is near enough.
std::optional<std::string> closest(std::string_view word, std::span<const std::string> candidates);

}  // namespace lifeboat::config
