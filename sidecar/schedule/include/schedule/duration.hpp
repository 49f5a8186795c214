// How long something lasts, as people write it.
#pragma once

#include "result/result.hpp"

#include <chrono>
#include <string>
#include <string_view>

namespace lifeboat::schedule {

// One or more whole numbers with units d, h, m, s, ms, the larger first: "7d", "1h30m", "500ms". Also "0".
// At most 100 years. Errors are of kind usage.
Result<std::chrono::milliseconds> parse_duration(std::string_view text);

// The shortest text that parses to it: "1h30m", "0s".
std::string write_duration(std::chrono::milliseconds duration);

}  // namespace lifeboat::schedule
