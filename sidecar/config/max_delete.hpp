// retention.max_delete against the schedule: keep_days counts calendar days, so that all backups of one day fall due
// together.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "config/settings.hpp"

namespace lifeboat::config {

// The most backups that a schedule makes on one calendar day: 24 for "@hourly", 1 for "@weekly". Of one that nobody can
// read, which settings never hold: 0.
std::uint64_t backups_in_a_day(std::string_view cron);

// What retention.max_delete is where the owner does not say: 10, or what may fall due together on any day and a few
// more. At most some 90,000, as no schedule is finer than a second.
unsigned max_delete_by(std::string_view cron);

// One line about a given retention.max_delete under which pruning would stop on the first day on which something falls
// due, and on every one after it. Empty where there is nothing to say.
std::optional<std::string> warning_of_max_delete(const Settings& settings);

}  // namespace lifeboat::config
