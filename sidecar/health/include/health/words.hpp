// How numbers and times are said to people.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace lifeboat::health {

// The two largest units: "2d 3h", "26h", "1h 5m", "12m", "45s". Days begin after two.
std::string duration_text(std::chrono::seconds duration);

// "1 backup", "3 backups".
std::string counted(std::size_t number, std::string_view thing);

// "a, b, c and 4 more": five of them at most.
std::string some_of(const std::vector<std::string>& names);

// At most `limit` bytes of it, in whole UTF-8 characters, with "..." where something was cut.
std::string shortened(std::string text, std::size_t limit);

}  // namespace lifeboat::health
