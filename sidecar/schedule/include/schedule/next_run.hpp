// When the next backup starts, and why: a pure function of the schedule, of what the store holds, of what this process
// saw, and of the time. The store is the memory: another process, on another host, comes to the same answer.
#pragma once

#include "schedule/calendar.hpp"
#include "schedule/spread.hpp"

#include <chrono>
#include <optional>
#include <vector>

namespace lifeboat::schedule {

struct Rules {
    Calendar calendar;
    std::chrono::milliseconds jitter;
    Spread spread;
};

// A run that did not end with a good backup.
struct Attempt {
    TimePoint started;               // the time in its backup id
    std::optional<TimePoint> ended;  // empty where nobody saw it end: a leftover without a manifest
};

// What the store holds. Order does not matter, nor does what is older than the last good backup.
struct StoreView {
    // When the good backups started, marked ones included: the time in their ids, or the store's own time of their
    // manifests where that is earlier, which undoes a clock that was ahead.
    std::vector<TimePoint> good;
    // Runs in the store with no good backup to show for it: leftovers, and partial backups (ended: their manifest's
    // `finished`). Those under way must not be among them.
    std::vector<Attempt> failed;
};

// What this process has seen since its latest good backup.
struct Failures {
    int count = 0;
    TimePoint first_started;  // these two only count with a count
    TimePoint last_ended;
};

struct ProcessView {
    // Since when a run could have been started: when this process had its first valid settings, or the end of its
    // latest run, good or not. Not moved by anything else, so that the answer stays the same from one call to the next.
    TimePoint free_since;
    Failures failures;
    // When a run last ended that was neither a backup nor a failure: the server's role is another's turn, another
    // sidecar holds the lock or made the backup, or it was told to stop. It looks again after
    // look_again_after(), for as long as a run is due.
    std::optional<TimePoint> stood_back;
    // Something changed that makes another try worth while at this time: settings, a secret, the server back. Counts
    // if it is not before the end of the latest failed attempt, so one wish makes one try; without pause or jitter.
    std::optional<TimePoint> retry_wish;
};

enum class Why {
    first,      // the store has no good backup
    scheduled,  // a due time, with its jitter
    missed,     // a due time passed while nobody could have run: caught up once, however many passed
    retry,      // the latest attempt failed
};

struct Plan {
    TimePoint due;    // what the run stands for; for `first`, when it could have begun
    TimePoint start;  // not before this; in the past where it is high time
    Why why = Why::scheduled;
    int failed_attempts = 0;  // since the last good backup
};

// How long after the first failed attempt the next one follows. Doubles with each.
inline constexpr std::chrono::minutes first_pause{1};
inline constexpr std::chrono::hours longest_pause{1};
// The most by which a missed run is put off once it is found.
inline constexpr std::chrono::minutes longest_catch_up_jitter{1};
// Between these lies the time after which who stood back looks again.
inline constexpr std::chrono::seconds soonest_look_again{1};
inline constexpr std::chrono::minutes latest_look_again{5};
// Clocks of hosts differ by this much without anything being wrong. What is further in the future was written by a
// clock that was wrong, or is read by one: it is left out of account.
inline constexpr std::chrono::minutes believable_skew{10};

// The rules, in the order in which they are asked. "Tried" are due times before which the last good backup or the
// latest failed attempt began (for an attempt of this process: ended).
//
// 1. No good backup and no failed attempt: `first`, at once.
// 2. An untried due time has passed: `scheduled` at that time plus jitter; if that lies before free_since, `missed`,
//    at free_since plus at most a minute of jitter. Of several, the latest counts. So a due time is always honoured,
//    whatever failed before it.
// 3. None has passed since the last good backup: `scheduled`, the next one plus jitter.
// 4. Else the due time was tried and failed: `retry`, after a pause that grows with the number of failed attempts since
//    the last good backup: one minute, doubling up to an hour, up to a quarter longer by chance. After a leftover,
//    where only the start is known, the pause counts from there, quadruples and is not held to an hour: or a run
//    that always crashes after longer than the pause would be run without any. If the next due time comes first, it is
//    that: `scheduled`.
//
// Jitter is a part of rules.jitter that belongs to this sidecar, and of at most half the time to the following due
// time, so that no start passes the next due time.
//
// Before starting, ask the store anew and call this again: start only if plan.start is still not after now. Nobody
// remembers a plan: settings that change, clocks that jump, a backup made by hand or on another host all count at the
// next call.
Plan next_run(const Rules& rules, const StoreView& store, const ProcessView& process, TimePoint now);

// The start of the newest good backup that the clock `now` can believe.
std::optional<TimePoint> last_good(const StoreView& store, TimePoint now);

// The start for a due time: due plus jitter.
TimePoint start_of(const Rules& rules, TimePoint due);

// How long after `stood_back` who stood back looks again: a quarter of the time between the two due times that follow,
// so that a new primary, or one whose neighbour died, loses no run of a tight schedule; five minutes at most, a second
// at least.
std::chrono::milliseconds look_again_after(const Calendar& calendar, TimePoint stood_back);

}  // namespace lifeboat::schedule
