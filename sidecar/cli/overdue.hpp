#pragma once

#include "config/settings.hpp"

#include <optional>

namespace lifeboat::cli {

// How old the last good backup may become: `health.overdue_after`. Empty where the settings do not say.
std::optional<config::Duration> overdue_after_of(const config::Settings& settings);

}  // namespace lifeboat::cli
