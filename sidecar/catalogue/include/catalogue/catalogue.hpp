// What backups a store holds of an instance, and which of them is meant.
#pragma once

#include "catalogue/acceptance.hpp"
#include "catalogue/drill_result.hpp"
#include "catalogue/manifest.hpp"
#include "store/object_store.hpp"

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace lifeboat::catalogue {

enum class State {
    good,     // whole, and trusted: unmarked or accepted (catalogue/trust.hpp)
    marked,   // whole, and an owner should look before trusting it
    partial,  // some databases of the run failed
    hidden,   // somebody hid or wrote over its manifest, stored something else under its name before it, or copied an
              // old one back; what was written is there and restorable by its id
    expired,  // some of its objects are gone, or the store's own age rule has hidden it
};

std::string_view name_of(State state);

struct Drill {
    DrillResult result;
    os::TimePoint stored;  // when the result reached the store, by the store's clock
};

struct Backup {
    Manifest manifest;
    State state = State::good;
    os::TimePoint stored;  // when its manifest reached the store, by the store's clock
    // What was done to it, in words: to the manifest of a hidden one; of any other to its data, which is read by its
    // version and so is still what it was, or is gone.
    std::string tampering = {};
    // Of an expired one: what its manifest names and the store does not have. Nothing: it is expired by its age alone.
    std::vector<store::ObjectKey> gone = {};
    std::optional<Acceptance> accepted = {};  // the owner's word on it
    bool trusted = false;                     // unmarked or accepted, whatever its state; never a partial one
    bool of_partial_run = false;              // its manifest lies in partial/
    // It is older than its place in the order says: somebody copied it back after it was gone, or its writer's clock is
    // days behind. Hidden then, without a word in the lineage, and in nobody's place.
    bool misdated = false;
    std::optional<BackupId> misdated_by = {};  // one that was made later and came in time, before this one
    bool in_the_future = false;                // rank_by_age() found that it is dated later than can be
    // When the newest drill of it that passed was stored, by the store's clock; empty: it was never proven.
    std::optional<os::TimePoint> proven_at = {};
    // The drills of it that were read, newest first by the store's clock: the newest of all, and on down to one that
    // passed with each of the backup's recipients, as far as there is one among the newest forty.
    std::vector<Drill> drills = {};
};

// A backup that was good once and is no more what was written, by something else than the store's own rules: its
// manifest was hidden, or objects of it are gone.
bool is_damaged(const Backup& backup);

// The lineage is in doubt: a backup is marked, and nobody accepted it or a later one. Nothing is pruned meanwhile.
struct Doubt {
    BackupId since;                // the one that raised it
    std::vector<BackupId> marked;  // all since then, that one first
};

// What a run left that has no manifest: being written now, or left by a run that was killed.
struct Leftover {
    BackupId id;
    std::uint64_t bytes = 0;
    os::TimePoint touched;  // the newest of its objects and unfinished uploads
    std::vector<store::ObjectInfo> objects = {};
    std::vector<store::UnfinishedUpload> uploads = {};
};

// Everything under an instance that belongs to no backup.
struct Leftovers {
    std::vector<Leftover> runs;  // by id
    // Uploads of whole backups whose beginning was told to nobody, and of what belongs to no run.
    std::vector<store::UnfinishedUpload> strays;
    // Why unfinished uploads are not among them: a key may be allowed to list objects and not these.
    std::optional<Error> uploads_unseen;
    // When the newest manifest reached the store: the latest time by the store's clock that is known.
    std::optional<os::TimePoint> newest_manifest;
};

// A whole backup whose manifest is not what its key says, or cannot be read: nothing of it is known but its name.
struct RefusedBackup {
    BackupId id;
    os::TimePoint stored;  // when the manifest reached the store, by the store's clock
    Error why;
};

struct Catalogue {
    std::string instance;
    std::vector<Backup> backups;      // oldest first, by the store's clock
    std::vector<Leftover> leftovers;  // by id
    // Manifests and acceptances that are not what their key says, and objects that are there and cannot be read, as
    // ErrorKind::corrupt; as failed: manifests of a format that is not known.
    std::vector<Error> refused;
    std::vector<store::UnfinishedUpload> strays = {};    // as in Leftovers
    std::optional<Error> uploads_unseen = std::nullopt;  // the same
    std::vector<Acceptance> acceptances = {};            // by `stored`; also those whose backup is gone
    std::optional<Doubt> doubt = std::nullopt;
    std::vector<Error> refused_drills = {};           // drills' results that are not what their key says
    std::vector<RefusedBackup> refused_backups = {};  // those of `refused` that are manifests of whole backups
};

// One listing of the instance's folder, one read for each manifest and for each drill's result that matters, and
// another listing of the data of each backup of which the first one lacks some: it may have been finished meanwhile.
//
// Where the store has versions, the oldest version of a manifest's key is the manifest: whoever writes over it later,
// or hides it, has no right to. Where that one cannot be read, or is no manifest of this key, somebody stored it before
// the backup was finished: the oldest that is one counts instead, as hidden and never as good, for nothing tells who
// wrote it.
//
// A hide marker that came once the backup was `expires_after` old is the bucket's own age rule at work; 0: the bucket
// has none, so that every marker is somebody's; empty: it is not known, and the manifest's own keep_days stand in for
// it. Of a drill's result, too, the oldest version counts, and hiding it changes nothing.
//
// A single object that cannot be read is named in `refused`, and the others are shown, whatever the store says of it:
// whoever may write can store what only he can read. That the object is there, and no pruner was quicker, another
// listing of its key tells. So is a later version that cannot be read although the first one can, which changes nothing
// else. Where the store does not answer, or the key may not read (what it could read before, or RESTORE.txt, is refused
// by now as well), nothing is known, and the error is that.
Result<Catalogue> read_catalogue(store::ObjectStore& store, const Layout& layout,
                                 std::optional<std::chrono::milliseconds> expires_after = std::nullopt);

// Puts what is dated in the future (os/future.hpp) before all others, as if it were the oldest: a clock that was wrong
// for once, of a folder's host or of whoever asks, must not make one the newest for years. To be called before anything
// looks for the newest of something. Where everything is dated so the order stays.
void rank_by_age(Catalogue& catalogue, os::TimePoint now);

// Whether the manifest that was just stored as `stored`, with these bytes, is the one that counts: false where another
// object was stored under its name before, by somebody who saw the data come and knew it. One listing of its key, and a
// read of the oldest version where that is not the one just stored and may be an earlier try to store the same.
// Nothing is told where the store shows one version alone.
Result<bool> is_what_counts(store::ObjectStore& store, const store::StoredObject& stored, const std::string& json);

// The databases whose loss is accepted when `backup` is: those that the newest trusted backup before it, or any marked
// one between the two, holds and it does not, and those that only partial ones before it hold. By name.
std::vector<std::string> losses_of(const Catalogue& catalogue, const Backup& backup);

// For each database whose loss was accepted, until when: archives of it in backups stored before this may go. One that
// came back later, and is lost again, is not among the backups before this.
std::map<std::string, os::TimePoint> accepted_losses(const Catalogue& catalogue);

// The same listing, without reading a manifest. not_found when the store is not there.
Result<Leftovers> find_leftovers(store::ObjectStore& store, const Layout& layout);

// What the listing alone says of a whole backup: for keys that may not read, and where a name is enough.
struct BackupName {
    BackupId id;
    os::TimePoint stored;  // when its manifest reached the store, by the store's clock
};

// Every whole backup's name, by id; also of those that somebody hid, or whose manifest is no good.
Result<std::vector<BackupName>> list_names(store::ObjectStore& store, const Layout& layout);

// Every name at the top of the store that can be an instance and holds a manifest or data, sorted.
Result<std::vector<Layout>> list_instances(store::ObjectStore& store);

// What a person wrote for ID.
struct Wanted {
    std::string text;                                    // a backup id, a time, or "latest"
    std::optional<std::string> database = std::nullopt;  // the backup must hold this one
    bool marked = false;                                 // a marked backup will do
    bool partial = false;                                // a partial one too
};

struct Chosen {
    const Backup* backup = nullptr;  // in the catalogue that was asked
    std::vector<std::string> notes;  // "a newer backup … is marked: …", for stderr
    // What is wrong with newer ones that were passed over: a manifest that is refused or was hidden, objects that are
    // gone. A sentence each, for who must not be silent about it; all but the refused are among the notes, too.
    std::vector<std::string> damaged = {};
};

// A backup id names one backup, whatever its state. A time (UTC; "2026-11-22", "2026-11-22T02:17",
// "2026-11-22 02:17:00Z", "20261122T021700Z"; a bare date means its 00:00) means the newest that started at
// or before it, "latest" the newest by the store's clock; both pass over marked and partial backups unless
// told otherwise, and "latest" with a database also takes a partial backup that holds it. What is dated in the future
// (rank_by_age) comes last for both. An id whose manifest is refused gets the error of that.
Result<Chosen> resolve(const Catalogue& catalogue, const Wanted& wanted);

}  // namespace lifeboat::catalogue
