#include "overdue.hpp"

namespace lifeboat::cli {

std::optional<config::Duration> overdue_after_of(const config::Settings& settings) {
    return settings.health.overdue_after;
}

}  // namespace lifeboat::cli
