// Lets go of backups that no rule keeps: first a plan, which changes nothing, then the deed, which follows it.
#pragma once

#include "catalogue/catalogue.hpp"
#include "os/clock.hpp"
#include "result/result.hpp"
#include "retention/decision.hpp"
#include "retention/gates.hpp"
#include "store/object_store.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace lifeboat::prune {

struct Wishes {
    retention::Policy policy;
    // What the newest good manifest asks for is kept as well: for whoever prunes instances that are not his.
    bool heed_manifest = false;
    schedule::Zone zone = schedule::Zone::utc();
    std::size_t max_delete = 10;
    std::optional<std::chrono::milliseconds> expires_after = std::nullopt;  // as in catalogue::read_catalogue
};

// One backup, and what becomes of it.
struct Row {
    catalogue::BackupId id;
    catalogue::State state = catalogue::State::good;
    os::TimePoint stored;     // by the store's clock
    std::uint64_t bytes = 0;  // stored, as its manifest says
    bool keep = true;
    std::vector<std::string> because;
    bool of_partial_run = false;  // its manifest lies in partial/
    // The one that tells that this one was copied back: it goes after this one, or not at all.
    std::optional<catalogue::BackupId> witness = {};
};

struct Plan {
    catalogue::Layout layout;
    std::vector<Row> rows;                     // oldest first, after those that are dated in the future
    std::optional<retention::Stop> stop = {};  // nothing may go
    std::vector<Error> refused = {};           // manifests that are not what their key says: neither kept nor let go
    std::optional<catalogue::BackupId> anchor = {};  // the newest good one, which must stand while others go
    std::vector<catalogue::BackupId> unread = {};    // of those of `refused` that are manifests of whole backups

    [[nodiscard]] std::size_t going() const;
};

// What would become of the backups of one instance, in as many requests as read_catalogue takes.
//
// The store's time is that of the newest manifest: no clock of a machine decides what is old. `our_time` only holds
// back: where this machine's clock says that it is earlier than that, the earlier time counts. What is stored more than
// a day after it is kept, and ranks behind everything else: it is no anchor, and answers no doubt.
//
// ErrorKind::refused where the key may not see every version: what seems not to be there may only be hidden from it.
// Its other errors are read_catalogue's.
Result<Plan> make_plan(store::ObjectStore& store, const catalogue::Layout& layout, const Wishes& wishes,
                       os::TimePoint our_time);

struct Left {
    catalogue::BackupId id;
    Error why;  // the store's own word: refused if it said that something is locked
};

struct Outcome {
    std::vector<catalogue::BackupId> gone;  // in the order in which they went; their manifests are gone
    std::uint64_t bytes = 0;                // of those
    std::vector<Left> left;                 // whole, or of those that are gone what the store would not delete
    std::optional<Error> failure;           // what ended it before all was done

    // The store let nothing be deleted and did not speak of a lock: most likely this key may not.
    [[nodiscard]] bool may_not() const;
};

// Does what a plan that nothing stops says, the oldest first, but before all others those that were copied back: what
// tells that they were (Row::witness) is older than they are. Where one of them is left, so is what tells it, with the
// same error, until the next prune: else it would pass for a new one. Of each backup
//
//   1. its manifest, the true version last of those that hold bytes: while one of them is locked, nothing else of the
//      backup is touched; once they are gone, it does not exist any more. What lies under its id in the other of
//      manifests/ and partial/ stays, unless it is a row that goes as well;
//   2. its data, all of it that lies under its folder;
//   3. its drills and their reports.
//
// Its acceptance, if it has one, is clear_remains()' to take: it also says something of the backups before it.
//
// Everything goes by its version, with the hide markers between: nothing stays hidden and is paid for, and nothing is
// hidden by this. What is not there any more counts as gone, so that two at once do no harm. Killed at any moment, it
// leaves what it had begun without a manifest, which backup::sweep takes (cli's prune_by_hand calls both), and the rest
// to the next plan.
//
// Before each backup the manifests are listed again. `failure` is of ErrorKind::refused when the newest good one is not
// as it was, when a marked one came since the plan was made, and for a plan that something stops; temporary when the
// store did not answer; interrupted on a stop; what the store said where one that came since cannot be read.
Outcome carry_out(store::ObjectStore& store, const Plan& plan, const std::stop_token& stop = {});

struct Remains {
    std::size_t objects = 0;       // versions and markers that were deleted
    std::optional<Error> refused;  // the store's no to the first that it would not let go, unless it spoke of a lock
};

// Takes what is left of backups whose manifest and data are gone, where a prune was killed or a bucket's rule was
// quicker: drills, signatures, hide markers that hide nothing. And acceptances of backups that are gone, once no backup
// is left that was stored before they were given or less than `min_age` after: until then they say which losses were
// meant, and which of those may be trusted.
//
// Only what was last written longer than `min_age` ago by the store's clock, the time of the newest manifest; by
// `our_time` where that is earlier. One listing. Data is backup::sweep's to take.
Result<Remains> clear_remains(store::ObjectStore& store, const catalogue::Layout& layout,
                              std::chrono::milliseconds min_age, os::TimePoint our_time,
                              const std::stop_token& stop = {});

}  // namespace lifeboat::prune
