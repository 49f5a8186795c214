// When a backup is overdue.
#pragma once

#include "config/settings.hpp"
#include "os/clock.hpp"

#include <optional>

namespace lifeboat::config {

// How old the last good backup may become: `health.overdue_after`, or what follows from the schedule, from `now` on.
// Empty for a schedule that nobody can read, which settings in force never have. Takes a few milliseconds.
std::optional<Duration> overdue_after_of(const Settings& settings, os::TimePoint now);

}  // namespace lifeboat::config
