// Times as people read them.
#pragma once

#include "schedule/calendar.hpp"

#include <cstdio>
#include <ctime>
#include <stdexcept>
#include <string>
#include <vector>

namespace lifeboat::schedule {

// "2026-03-29T01:00:00Z", "2026-03-29 01:00" or "2026-03-29", all UTC.
inline TimePoint utc(const std::string& text) {
    std::tm time{};
    char between = 'T';
    const int read = std::sscanf(text.c_str(), "%d-%d-%d%c%d:%d:%d", &time.tm_year, &time.tm_mon, &time.tm_mday,
                                 &between, &time.tm_hour, &time.tm_min, &time.tm_sec);
    if (read != 3 && read < 6) {
        throw std::invalid_argument("no time: " + text);
    }
    time.tm_year -= 1900;
    time.tm_mon -= 1;
    return std::chrono::system_clock::from_time_t(timegm(&time));
}

// "2026-03-29T01:00:00Z"
inline std::string text_of(TimePoint time) {
    const std::time_t seconds = std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    char text[64];
    (void)std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return text;
}

inline Calendar calendar(const std::string& cron, const std::string& zone = "UTC") {
    auto made = Calendar::make(cron, zone);
    if (!made) {
        throw std::invalid_argument(made.error().what);
    }
    return std::move(*made);
}

// The first `count` due times after `from`.
inline std::vector<std::string> due_times(const Calendar& calendar, const std::string& from, int count) {
    std::vector<std::string> result;
    for (TimePoint time = utc(from); count > 0; --count) {
        time = calendar.next_after(time);
        result.push_back(text_of(time));
    }
    return result;
}

}  // namespace lifeboat::schedule
