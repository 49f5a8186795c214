// The last 30 days, day by day.
#pragma once

#include "health/facts.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <string_view>

namespace lifeboat::health {

// What a day is known by: the best of what it has to show.
enum class DayMark { none, failed, expired, hidden, partial, marked, good, proven };

std::string_view name_of(DayMark mark);  // "good"; public, in /status.json

DayMark mark_of(const BackupFacts& backup);

struct Day {
    std::chrono::sys_days date;  // UTC
    DayMark mark = DayMark::none;
    std::size_t backups = 0;              // that ended on it and are in the store, whatever their state
    std::size_t failed = 0;               // runs that came to nothing: failed, gave way, or left unfinished data
    const BackupFacts* backup = nullptr;  // the newest of those that gave it its mark; of the Facts
    const RunFacts* failure = nullptr;    // the newest, if it is known why; of the Facts
};

using Days = std::array<Day, 30>;

// Oldest first; the last one is today. A run counts for the day on which it ended. Points into `facts`.
Days days_of(const Facts& facts, TimePoint now);

}  // namespace lifeboat::health
