// What pruning needs of the settings, one instance's pruning by hand, and what follows a good backup by itself.
#pragma once

#include "backup/sweep.hpp"
#include "prune/prune.hpp"
#include "session.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace lifeboat::cli {

// The error is of a time zone that this machine does not know.
Result<prune::Wishes> wishes_of(const config::Settings& settings);

// The same wishes, with the bucket's own age rule, which one request tells.
prune::Wishes by_rules(const config::Settings& settings, store::ObjectStore& store, const catalogue::Layout& layout,
                       prune::Wishes wishes);

// How old something must be before it can no longer belong to a run that is under way: a day, and longer than one may
// take.
std::chrono::milliseconds least_age(const config::Settings& settings);

// The same for instances whose own settings are not known here: how long their runs may take is not, either.
std::chrono::milliseconds least_age_of_others(const config::Settings& settings);

// One instance, pruned by hand: what was planned, what was swept, and what came of the plan unless something stopped
// it.
struct Pruned {
    prune::Plan plan;
    bool dry_run = false;
    backup::SweepOutcome swept = {};  // in a dry run: what would be
    std::optional<prune::Outcome> outcome = {};
};

struct ByHand {
    std::chrono::milliseconds min_age{};  // of what may be swept: one of the two above
    os::TimePoint our_time;               // as for prune::make_plan
    bool dry_run = false;
};

// All that `lifeboat prune` does to an instance: a plan; what killed runs and prunes left is swept, whatever stops the
// plan, which is about backups; the plan is carried out; what is left beside gone backups is cleared. `wishes` are
// those by the bucket's rules. Killed at any moment, the next one goes on.
//
// The error is that of the plan: nothing was deleted. What ended it later is in the outcome.
Result<Pruned> prune_by_hand(store::ObjectStore& store, const catalogue::Layout& layout, const prune::Wishes& wishes,
                             const ByHand& manner, const std::stop_token& stop = {});

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
