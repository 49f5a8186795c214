#include "periods.hpp"

namespace lifeboat::retention {
namespace {

std::int64_t week_of(std::int64_t day) {
    // 1 January 1970 was a Thursday.
    const std::int64_t since_monday = day + 3;
    return since_monday >= 0 ? since_monday / 7 : (since_monday - 6) / 7;
}

}  // namespace

Periods PeriodFinder::of(TimePoint time) {
    using std::chrono::floor;
    const auto second = floor<std::chrono::seconds>(time);
    if (!offset_ || second < offset_->begin || second >= offset_->end) {
        offset_ = zone_.at(second);
    }
    const auto day = floor<std::chrono::days>(second + offset_->offset);
    const std::chrono::year_month_day date{day};
    const int year = static_cast<int>(date.year());
    const std::int64_t number = day.time_since_epoch().count();
    return {number, week_of(number), std::int64_t{year} * 12 + static_cast<unsigned>(date.month()) - 1, year};
}

}  // namespace lifeboat::retention
