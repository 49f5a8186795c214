// When backups are due: a schedule in a time zone.
#pragma once

#include "result/result.hpp"
#include "schedule/cron.hpp"
#include "schedule/zone.hpp"

#include <chrono>
#include <optional>
#include <string_view>

namespace lifeboat::schedule {

using TimePoint = std::chrono::system_clock::time_point;

// Due times are whole seconds. The rules where clocks are put forward or back:
//
// - A schedule with fixed hours (`30 2 * * *`, `0 1-5 * * *`) runs once for each local time that it names. One that
//   falls into a gap is due at the gap's end, the first instant that exists; several in one gap are due there once. Of
//   a local time that comes twice, the first counts.
// - A schedule that leaves the hour open (`17 * * * *`, `*/5 * * * *`) goes by real time, as in Vixie cron: each
//   minute that matches on the clock is due as often as the clock shows it. So nothing is due for an hour that the
//   clock skips, and an hour that comes twice has its due times twice.
// - `@every` knows no zone.
//
// A value. Safe to read from several threads.
class Calendar {
public:
    Calendar(Cron cron, Zone zone) : cron_(std::move(cron)), zone_(std::move(zone)) {}

    // From the texts of schedule.cron and schedule.timezone, with their errors.
    static Result<Calendar> make(std::string_view cron, std::string_view timezone);

    // The first due time after `time`, never `time` itself. Applied to its own results it gives every due time once,
    // in ascending order. `time` must lie between the years 1900 and 2200.
    [[nodiscard]] TimePoint next_after(TimePoint time) const;

    // The last due time in (after, until], if there is one.
    [[nodiscard]] std::optional<TimePoint> last_within(TimePoint after, TimePoint until) const;

    // The longest time between a due time and the next one, in the nine years from `from` on (so that a leap day is
    // among them), or in as many as two due times take. Exact: 25 h for a daily one where the clocks go back.
    // Takes a few milliseconds: keep the result.
    [[nodiscard]] std::chrono::seconds longest_gap(TimePoint from) const;

    [[nodiscard]] const Cron& cron() const noexcept { return cron_; }
    [[nodiscard]] const Zone& zone() const noexcept { return zone_; }

private:
    [[nodiscard]] std::chrono::sys_seconds next_interval(std::chrono::sys_seconds time) const;
    [[nodiscard]] std::chrono::sys_seconds next_fixed(std::chrono::sys_seconds time) const;
    [[nodiscard]] std::chrono::sys_seconds next_hourly(std::chrono::sys_seconds time) const;

    Cron cron_;
    Zone zone_;
};

// The age of the last good backup that counts as overdue, where the settings do not say: the longest gap between two
// due times, plus the jitter, plus the larger of ten minutes and 8 % of the gap.
std::chrono::milliseconds overdue_after(std::chrono::seconds longest_gap, std::chrono::milliseconds jitter);

}  // namespace lifeboat::schedule
