// Calendar days, weeks, months and years of a time zone, as numbers.
#pragma once

#include "retention/decision.hpp"

#include <cstdint>
#include <optional>

namespace lifeboat::retention {

// In which one a moment lies. Numbers of one kind that follow each other are periods that do.
struct Periods {
    std::int64_t day = 0;
    std::int64_t week = 0;  // from Monday on
    std::int64_t month = 0;
    std::int64_t year = 0;
};

// Remembers the zone's last offset, which holds for months: cheapest when asked in the order of time.
class PeriodFinder {
public:
    explicit PeriodFinder(const schedule::Zone& zone) : zone_(zone) {}

    Periods of(TimePoint time);

private:
    const schedule::Zone& zone_;
    std::optional<schedule::Period> offset_;
};

}  // namespace lifeboat::retention
