// How much of the past the facts hold: enough for a month's picture, and never more than a small sidecar can carry.
#pragma once

#include "health/facts.hpp"

#include <chrono>
#include <cstddef>
#include <vector>

namespace lifeboat::health {

inline constexpr std::chrono::days recent_days{30};

inline constexpr std::size_t most_recent_backups = 1000;  // about one every 43 minutes
inline constexpr std::size_t most_recent_names = 10'000;  // of databases, in all these backups together
inline constexpr std::size_t most_recent_failures = 100;
inline constexpr std::size_t most_contents = 2000;  // databases of one backup whose sizes are told one by one

// Newest first, and only the newest within these limits. Names beyond them are counted in `names_left_out`, and no
// backup among these has contents. Whoever calls this again gets the same.
void keep_recent(std::vector<BackupFacts>& backups);

// Of what is left the newest first: those that ended in these days.
void keep_recent(std::vector<RunFacts>& failures, TimePoint now);

}  // namespace lifeboat::health
