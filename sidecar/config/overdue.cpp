#include "config/overdue.hpp"

#include "schedule/calendar.hpp"

namespace lifeboat::config {

std::optional<Duration> overdue_after_of(const Settings& settings, os::TimePoint now) {
    if (settings.health.overdue_after) {
        return settings.health.overdue_after;
    }
    const auto calendar = schedule::Calendar::make(settings.schedule.cron, settings.schedule.timezone);
    if (!calendar) {
        return std::nullopt;
    }
    return schedule::overdue_after(calendar->longest_gap(now), settings.schedule.jitter);
}

}  // namespace lifeboat::config
