// What pruning needs of the settings, and the pruning that follows a good backup by itself.
#pragma once

#include "prune/prune.hpp"
#include "session.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace lifeboat::cli {

// The error is of a time zone that this machine does not know.
Result<prune::Wishes> wishes_of(const config::Settings& settings);

// As prune::make_plan, with the bucket's own age rule, which one request more tells.
Result<prune::Plan> plan_by_rules(const config::Settings& settings, store::ObjectStore& store,
                                  const catalogue::Layout& layout, const prune::Wishes& wishes);

// How old something must be before it can no longer belong to a run that is under way.
std::chrono::milliseconds least_age(const config::Settings& settings);

struct AfterSuccess {
    std::vector<catalogue::BackupId> gone;
    std::uint64_t bytes = 0;            // of these
    std::optional<Error> stopped;       // nothing more goes until somebody looks
    std::optional<Error> not_possible;  // this key may not, or the lineage is in doubt: no fault of pruning
    std::optional<Error> failure;       // the store did not answer; a later one goes on from here
};

// Deletes what no rule keeps. A key that may not delete is found out before anything stops it: more than
// retention.max_delete pile up under such a key, and nobody needs to look at that. Logs every backup that goes, with
// the reason. Whatever comes of it is no failure of the backup before it. Not to be called with retention.prune =
// false.
AfterSuccess prune_after_success(const config::Settings& settings, store::ObjectStore& store, EventLog& log,
                                 const std::stop_token& stop);

}  // namespace lifeboat::cli
