// Old backups that somebody copied back into the store under their own names.
//
// Whoever has a writer's key and kept a copy of a backup that is gone by now can store it again, and the store's clock
// says then that it is new. Its name says when it was made, and cannot be another without its manifest being refused.
// So a backup counts as copied back when it reached the store long after it began, and after another that began later
// and reached the store in time. A clock of a writer that is far behind looks the same.
//
// The copy of a whole store is none of that: there all are late, and those that were made just before it was copied
// arrive within the same hour.
#pragma once

#include "os/clock.hpp"

#include <cstddef>
#include <optional>
#include <vector>

namespace lifeboat::catalogue {

struct Dated {
    os::TimePoint began;   // as its id says
    os::TimePoint stored;  // by the store's clock
};

// One answer for each, in their order: which of them tells that it was copied back; empty: it was not.
std::vector<std::optional<std::size_t>> copied_back(const std::vector<Dated>& backups);

}  // namespace lifeboat::catalogue
