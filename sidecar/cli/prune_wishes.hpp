// What pruning needs of the settings, and how it is told in the log: the same for every verb that prunes.
#pragma once

#include "prune/prune.hpp"
#include "session.hpp"

namespace lifeboat::cli {

// The error is of a time zone that this machine does not know.
Result<prune::Wishes> wishes_of(const config::Settings& settings);

}  // namespace lifeboat::cli
