// The times in S3's replies.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace lifeboat::s3 {

// "2026-11-22T02:17:00Z", with or without a fraction, and "+01:00" instead of the Z; nothing for any other text, for
// a day that the calendar does not have, and outside of 1970 to 2261, where the clock's own range ends.
std::optional<std::chrono::system_clock::time_point> parse_iso_time(std::string_view text);

}  // namespace lifeboat::s3
