// How the page, and messages to people, say numbers and times: longer words than those of logs, and days as people call
// them. All in UTC.
#pragma once

#include "os/clock.hpp"

#include <chrono>
#include <cstdint>
#include <string>

namespace lifeboat::health {

std::string grouped(std::uint64_t number);    // "1,234,567"
std::string bytes_text(std::uint64_t bytes);  // "1.4 GiB", as `lifeboat list` says it

// The two largest units: "1 d 4 h", "1 h 5 min", "4 min 3 s", "45 s".
std::string took_text(std::chrono::seconds duration);

// "a moment", "12 minutes", "3 hours", "2 days": rounded down, as for ages.
std::string span_text(std::chrono::seconds duration);

std::string ago_text(os::TimePoint then, os::TimePoint now);     // "3 hours ago"; "just now"
std::string until_text(os::TimePoint then, os::TimePoint now);   // "in 3 hours"; "now"
std::string day_text(std::chrono::sys_days day);                 // "22 Nov"
std::string moment_text(os::TimePoint then, os::TimePoint now);  // "today at 02:17 UTC", "22 Nov at 02:17 UTC"
std::string date_text(os::TimePoint time);                       // "22 Nov 2026, 02:17 UTC"
std::string short_text(os::TimePoint then, os::TimePoint now);   // "today, 02:17"; "22 Nov, 02:17"
std::string clock_text(os::TimePoint time);                      // "02:17 UTC"

}  // namespace lifeboat::health
