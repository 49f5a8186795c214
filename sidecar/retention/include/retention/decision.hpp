// Which backups to keep and which to let go, and why. Pure: the same input gives the same answer, whatever the time,
// the store or the machine; nothing is deleted here (prune/prune.hpp does that).
//
// What holds of every decision, for any policy but the one that keeps everything:
//
//   - The newest good backup is kept, and so is the last proven one. Nothing whole that is newer than the newest good
//     one goes, and where there is none, nothing whole goes at all.
//   - Of every database the newest archive is kept, in a good backup and in one of any kind, unless the owner accepted
//     its loss since. So is the newest of the globals, which nobody can lose on purpose.
//   - What a policy asks for is kept. A longer policy lets go of nothing that a shorter one keeps.
//   - Deciding again about what was kept lets go of nothing more, at the same time.
//   - One more backup that is newer than the others makes none be kept that was let go without it, but the one that
//   tells
//     that this one was copied back (Candidate::witness).
//   - What somebody hid or wrote over takes nobody's place: the others are kept as if it were not there.
//   - What expired takes no good one's place, and is itself kept as if it were still good, in as many places again:
//   were
//     all good before, a listing that lacks what is there makes nothing go. Where the bucket's own rule takes the data,
//     the policy lets go of the rest in time.
//
// Ages come from the times at which manifests reached the store, by the store's clock. Names and times that a writer
// gave count for nothing: whoever stole a writer's key may write what he likes into them.
#pragma once

#include "schedule/zone.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace lifeboat::retention {

using TimePoint = std::chrono::system_clock::time_point;

// How many backups to keep. A backup is kept if any rule keeps it; 0 switches a rule off; all 0 keeps everything.
//
// Days, weeks (from Monday on), months and years are those of the schedule's time zone. Weeks, months and years in
// which no good backup was made do not count: what is kept is the newest good backup of each of the last so many in
// which there is one, so that a long pause lets go of nothing. Days are counted back from today; today is not one of
// them.
struct Policy {
    unsigned days = 0;
    unsigned last = 0;
    unsigned weekly = 0;
    unsigned monthly = 0;
    unsigned yearly = 0;
    std::string asked_by = {};  // in words, for reasons: "the instance's own settings"; empty: not worth a word

    [[nodiscard]] bool keeps_everything() const noexcept {
        return days == 0 && last == 0 && weekly == 0 && monthly == 0 && yearly == 0;
    }
};

enum class Condition {
    good,     // whole, and trusted: unmarked, or accepted by the owner
    marked,   // whole, and an owner should look before trusting it
    partial,  // some databases of the run failed
    hidden,   // all there, and somebody hid or wrote over its manifest; or copied back, whatever is left of it
    expired,  // good, but that some of it is not there: a rule of the bucket took it, or a listing lacks it
    remnant,  // marked or partial, and some of it is not there
};

struct Candidate {
    std::string id;    // two with the same one are the same backup, and are kept or let go together
    TimePoint stored;  // when its manifest reached the store, by the store's clock
    Condition condition = Condition::good;
    std::vector<std::string> databases = {};  // whose archives it holds, as far as they are there
    bool proven = false;                      // a drill restored it and found it as it was
    bool globals = false;                     // it holds an archive of them, and that is there
    // The id of the one that tells that this one was copied back into the store: it is kept as long as this one is, or
    // this one would be taken for new.
    std::string witness = {};
};

// Databases whose loss the owner accepted, and when: archives that were stored before may go. One that came back after
// it counts as any other.
using Losses = std::map<std::string, TimePoint, std::less<>>;

struct Verdict {
    bool keep = true;
    std::vector<std::string> because;  // in words, the weightiest first; never empty
};

// `now` is the store's time. What is stored later than a day after it has a time that cannot be: it is kept, and takes
// nobody's place.
//
// With several policies a backup is kept if one of them keeps it; with none, everything is.
//
// One verdict for each candidate, in their order. 100,000 take less than a second.
std::vector<Verdict> decide(std::span<const Candidate> candidates, std::span<const Policy> policies,
                            const Losses& accepted, const schedule::Zone& zone, TimePoint now);

}  // namespace lifeboat::retention
