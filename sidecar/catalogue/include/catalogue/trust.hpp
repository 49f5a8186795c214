// Which backups are to be trusted, as their marks and the owner's acceptances say. Pure but for read_ancestry(),
// read_acceptances() and store_acceptance().
//
// Trusted is a whole backup that is unmarked or accepted. An acceptance is the owner's word on one backup, and also:
//
//   - settles the marks of all that were stored before it: they stay marked themselves (nobody vouched for them), and
//     no longer hold the lineage in doubt;
//   - carries those that came after, only follow what it settled (their one mark is follows_marked), and lost nothing
//     of what the accepted one holds, by the rules of catalogue/comparison.hpp: these are trusted with it, up to the
//     first that is not. One that only follows may be as good as a marked backup before the accepted one, and that may
//     be empty. Where the accepted one is gone there is nothing to compare with, and what only follows is carried.
//
// A backup that could not be compared when it was made (LineageRecord::not_checked) is compared here, with the newest
// before it that was; what lost something is not trusted, as if it had been marked.
//
// The lineage is in doubt from a marked backup that is not trusted until one that was stored later, or it itself, is
// accepted. What is stored meanwhile is marked whatever its manifest says: its maker could not know. Order is the
// store's time, never a name or a writer's clock. Hidden and expired backups count as well, so that a doubt does not
// go away by hiding what raised it; partial ones never do, nor do old ones that somebody copied back
// (Backup::misdated).
#pragma once

#include "catalogue/acceptance.hpp"
#include "catalogue/manifest.hpp"
#include "store/object_store.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace lifeboat::catalogue {

// Backups of one instance, told one by one in the order in which they were stored.
class Trust {
public:
    // `acceptances` in any order.
    explicit Trust(std::vector<Acceptance> acceptances);

    // Whether the next one is trusted. It is kept by its address: it must stay where it is as long as this is asked.
    bool next(const Manifest& manifest, os::TimePoint stored);

    // What the last one lost, where it is not trusted for that alone: marks that its own manifest does not have.
    [[nodiscard]] const std::vector<Mark>& found() const noexcept { return found_; }

    // After the last one: acceptances of backups that are gone, and were stored after it, are taken into account.
    void finish();

    // What later ones are compared with: the newest that is trusted, of those that were compared when they were made or
    // that the owner accepted, if there are any. One that could not be (a key that may not read, a store that did not
    // answer) must not become the measure of what follows. Null: nothing is trusted.
    [[nodiscard]] const Manifest* measure() const noexcept { return measure_; }

    // The backup that raised the doubt, if there is one now.
    [[nodiscard]] const std::optional<BackupId>& doubt() const noexcept { return doubt_; }

private:
    void settle_until(os::TimePoint stored);
    void settle(const Acceptance& acceptance);
    [[nodiscard]] bool follows_settled(const Manifest& manifest) const;
    [[nodiscard]] bool is_settled(const std::string& backup) const;
    void trust(const Manifest& manifest);
    [[nodiscard]] std::vector<Mark> lost_in(const Manifest& manifest) const;

    std::vector<Acceptance> acceptances_;  // by `stored`, those not yet passed
    std::map<BackupId, Acceptance> accepted_;
    std::optional<BackupId> doubt_;
    std::set<std::string> open_;                  // ids of marked ones since the last acceptance
    std::set<std::string> settled_;               // those before it, and those accepted
    std::optional<os::TimePoint> settled_until_;  // what was made before and is gone by now is settled as well
    const Manifest* vouched_for_ = nullptr;       // of the last acceptance; null: gone
    const Manifest* measure_ = nullptr;
    std::vector<Mark> found_;
};

// True when `manifest` has marks and none of its own.
bool only_follows(const Manifest& manifest);

// Ids of the marked backups that it follows: Acceptance::settles of one that accepts it.
std::vector<std::string> followed_by(const Manifest& manifest);

// What a new backup of an instance is to be compared with.
struct Ancestry {
    std::optional<Manifest> trusted;  // as Trust::measure()
    std::optional<BackupId> doubt;    // as Trust::doubt()
    // With a doubt: the newest backup with marks of its own, or that was found to need them; may be gone.
    std::optional<Manifest> head;
};

// Three listings, and reads from the newest manifest back until no older one can matter: one or two where nothing is in
// doubt, else back to where the doubt began. What is no manifest, or cannot be read although others can, is passed over
// (as by read_catalogue). Where that leaves none of those that are there, it is an error: ErrorKind::corrupt, and
// nothing can be compared. What is dated in the future by `now` (os/future.hpp) ranks as the oldest, as by
// rank_by_age(): a folder's host whose clock was wrong for once must not settle for years what others are measured by.
Result<Ancestry> read_ancestry(store::ObjectStore& store, const Layout& layout, os::TimePoint now);

// Every acceptance in the store: its oldest version counts, and hiding one changes nothing. What is none, or cannot be
// read although others can, goes to `refused`.
Result<std::vector<Acceptance>> read_acceptances(store::ObjectStore& store, const Layout& layout,
                                                 std::vector<Error>& refused);

// Writes an owner's word into the store. What lies under its name and is none, from whoever has a writer's key, does
// not keep it out: it is deleted, by its versions, and `replaced` is told. ErrorKind::exists when there is an
// acceptance already, corrupt where the key may not delete what lies there: the error names the ways that are left.
struct Accepted {
    bool replaced = false;
};
Result<Accepted> store_acceptance(store::ObjectStore& store, const Layout& layout, const Acceptance& acceptance);

}  // namespace lifeboat::catalogue
