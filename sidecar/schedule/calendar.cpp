#include "schedule/calendar.hpp"

#include <algorithm>

namespace lifeboat::schedule {
namespace {

using namespace std::chrono_literals;
using std::chrono::ceil;
using std::chrono::days;
using std::chrono::floor;
using std::chrono::local_days;
using std::chrono::local_seconds;
using std::chrono::seconds;
using std::chrono::sys_seconds;

local_seconds local_in(const Period& period, sys_seconds time) {
    return local_seconds((time + period.offset).time_since_epoch());
}

sys_seconds sys_in(const Period& period, local_seconds time) {
    return sys_seconds((time - period.offset).time_since_epoch());
}

// The first local minute that matches, not before `from`.
local_seconds first_match(const Cron& cron, local_seconds from) {
    const local_days day = floor<days>(from);
    const auto& times = cron.times_of_day();
    if (cron.matches_day(std::chrono::year_month_day(day))) {
        const auto time = std::lower_bound(times.begin(), times.end(), from - day);
        if (time != times.end()) {
            return day + *time;
        }
    }
    return cron.first_matching_day(day + days(1)) + times.front();
}

seconds longest_gap_in_a_day(const Cron& cron) {
    const auto& times = cron.times_of_day();
    seconds longest = 0s;
    for (std::size_t next = 1; next < times.size(); ++next) {
        longest = std::max<seconds>(longest, times[next] - times[next - 1]);
    }
    return longest;
}

// Where clocks run through from the due time `due` to the last one of its day: that one. Else `due` itself.
sys_seconds last_of_the_day(const Cron& cron, const Period& period, sys_seconds due) {
    const local_seconds last = floor<days>(local_in(period, due)) + cron.times_of_day().back();
    const sys_seconds instant = sys_in(period, last);
    return instant < period.end ? std::max(due, instant) : due;
}

}  // namespace

Result<Calendar> Calendar::make(std::string_view cron, std::string_view timezone) {
    auto parsed = Cron::parse(cron);
    if (!parsed) {
        return parsed.error();
    }
    auto zone = Zone::find(timezone);
    if (!zone) {
        return zone.error();
    }
    return Calendar(std::move(*parsed), std::move(*zone));
}

TimePoint Calendar::next_after(TimePoint time) const {
    const sys_seconds whole = floor<seconds>(time);  // due times are whole, so none lies between the two
    if (cron_.interval()) {
        return next_interval(whole);
    }
    return cron_.every_hour() ? next_hourly(whole) : next_fixed(whole);
}

sys_seconds Calendar::next_interval(sys_seconds time) const {
    const seconds interval = *cron_.interval();
    const seconds since = time.time_since_epoch() % interval;
    return time - since + (since < 0s ? 0s : interval);
}

// By what the clocks show, period by period.
sys_seconds Calendar::next_hourly(sys_seconds time) const {
    sys_seconds from = time + 1s;
    for (;;) {
        const Period period = zone_.at(from);
        const sys_seconds match =
            sys_in(period, first_match(cron_, ceil<std::chrono::minutes>(local_in(period, from))));
        if (match < period.end) {
            return match;
        }
        from = period.end;
    }
}

// By local times, each turned into its first instant. A later local time never has an earlier first instant, so that
// nothing up to what the clocks show now can be due later. What follows can have been due before: when an hour comes
// for the second time.
sys_seconds Calendar::next_fixed(sys_seconds time) const {
    local_seconds local = floor<std::chrono::minutes>(local_in(zone_.at(time), time));
    for (;;) {
        local = first_match(cron_, local + 1min);
        if (const sys_seconds due = zone_.first_instant(local); due > time) {
            return due;
        }
    }
}

std::optional<TimePoint> Calendar::last_within(TimePoint after, TimePoint until) const {
    TimePoint last = next_after(after);
    if (last > until) {
        return std::nullopt;
    }
    // Nothing is due in (end, until].
    for (TimePoint end = until; last < end;) {
        const TimePoint middle = last + (end - last) / 2;
        const TimePoint next = next_after(middle);
        if (next <= until) {
            last = next;
        } else {
            end = middle;
        }
    }
    return last;
}

seconds Calendar::longest_gap(TimePoint from) const {
    if (cron_.interval()) {
        return *cron_.interval();
    }
    const seconds within_a_day = longest_gap_in_a_day(cron_);
    sys_seconds due = floor<seconds>(next_after(from));
    const sys_seconds end = due + std::chrono::years(9);
    seconds longest = 0s;
    do {
        if (const sys_seconds last = last_of_the_day(cron_, zone_.at(due), due); last > due) {
            longest = std::max(longest, within_a_day);
            due = last;
        }
        const sys_seconds next = floor<seconds>(next_after(due));
        longest = std::max(longest, next - due);
        due = next;
    } while (due < end);
    return longest;
}

std::chrono::milliseconds overdue_after(seconds longest_gap, std::chrono::milliseconds jitter) {
    const std::chrono::milliseconds gap = longest_gap;
    return gap + jitter + std::max<std::chrono::milliseconds>(10min, gap * 8 / 100);
}

}  // namespace lifeboat::schedule
