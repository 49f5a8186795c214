#include "doctor/store_checks.hpp"

#include "backup/restore_text.hpp"
#include "days_text.hpp"
#include "doctor/reach.hpp"

#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <utility>

namespace lifeboat::doctor {
namespace {

using std::chrono::seconds;

constexpr std::uint64_t largest_text = std::uint64_t{1} << 20U;

// Requests are signed with the time, and S3 servers take no other than theirs by a quarter of an hour. Lifeboat learns
// the difference; names and manifests still tell the wrong time.
constexpr seconds clock_matters{60};

// When a lock ends, as stores write it: with a fraction of a second or without.
std::optional<os::TimePoint> end_of(const store::LockOfObject& lock) {
    constexpr std::size_t to_the_second = std::string_view("2026-12-24T00:00:00").size();
    return lock.until.ends_with('Z') ? os::utc_time(lock.until.substr(0, to_the_second) + "Z") : std::nullopt;
}

bool is_refusal(const Error& error) {
    return error.kind == ErrorKind::failed || error.kind == ErrorKind::refused;
}

// Of a question that nobody has to answer: whatever keeps the answer from us, it is not known.
Finding not_seen(const std::string& check, const std::string& question, const Error& error, std::string cure) {
    if (error.kind == ErrorKind::interrupted) {
        return failed(check, error);
    }
    Finding finding = unknown(check, "this key cannot see " + question,
                              std::move(cure) + (error.next.empty() ? "" : ", or " + error.next));
    finding.detail = error.what;
    return finding;
}

class StoreExamination {
public:
    explicit StoreExamination(const StoreQuestions& questions) : questions_(questions) {
        found_.sights.bucket = questions.probe != nullptr;
        found_.sights.b2 = questions.endpoint_host.ends_with(".backblazeb2.com");
    }

    StoreFindings run() {
        look_at_place();
        if (questions_.probe != nullptr) {
            look_at_bucket();
        } else {
            look_at_folder();
        }
        return std::move(found_);
    }

private:
    void add(Finding finding) { found_.findings.push_back(std::move(finding)); }

    void look_at_place();
    void look_at_folder();
    void look_at_bucket();
    bool greet();
    void tell_greeting(const store::Greeting& greeting);
    void find_restore_text();
    void look_at_writing();
    void tell_writing(const Status& may);
    void look_at_reading();
    void look_at_backups();
    void tell_backups(const catalogue::Catalogue& catalogue);
    void tell_leftovers(const catalogue::Catalogue& catalogue);
    void look_at_versioning();
    void look_at_object_lock();
    void tell_lock(const s3::ObjectLockReply& lock);
    void look_at_deletion();
    [[nodiscard]] bool tells_what_is_absent(const store::ObjectKey& absent) const;
    [[nodiscard]] os::TimePoint time_of_the_store() const;
    [[nodiscard]] bool restore_text_is_locked() const;
    void look_at_enforcement();
    void write_back();
    void look_at_rules();
    void tell_unseen_rules(const Error& error);
    void look_at_newest_lock();
    [[nodiscard]] Finding of_newest(const std::string& id, const store::LockOfObject& lock) const;
    void look_at_clock();

    const StoreQuestions& questions_;
    StoreFindings found_;
    std::optional<store::ObjectInfo> restore_text_;
    bool lists_ = false;
    bool lock_enabled_ = false;
};

// ---- the place
// -------------------------------------------------------------------------------------------------------

void StoreExamination::look_at_place() {
    const std::string check = "place";
    if (questions_.probe == nullptr) {
        add(unknown(check,
                    questions_.store.location() + " is a folder, and whether its disk outlives this machine "
                                                  "cannot be seen from here",
                    "see that it lies on another machine, in another building"));
        return;
    }
    const auto& host = questions_.endpoint_host;
    switch (reach_of(host)) {
        case Reach::cluster:
            add(warned(check, host + " is a name inside of a Kubernetes cluster: what lies there is lost with it",
                       "store backups outside of the cluster: this is no disaster recovery"));
            break;
        case Reach::this_machine:
            add(warned(check, host + " is this machine: what lies there is lost with it",
                       "store backups on another one: this is no disaster recovery"));
            break;
        case Reach::private_network:
            add(unknown(check, host + " is in a private network, perhaps the cluster's own",
                        "see that it does not go when the cluster goes"));
            break;
        case Reach::outside: add(passed(check, host + " is outside of this cluster")); break;
    }
    if (questions_.plain_http) {
        add(warned("transport", "the endpoint is http://, so that whoever is on the way sees and can change requests",
                   "write https:// in store.endpoint"));
    }
}

// ---- a folder
// --------------------------------------------------------------------------------------------------------

// Where the next file, or the next folder, would be made.
std::filesystem::path deepest_existing(std::filesystem::path path) {
    std::error_code error;
    while (path.has_relative_path() && !std::filesystem::exists(path, error)) {
        path = path.parent_path();
    }
    return path;
}

void StoreExamination::look_at_folder() {
    std::error_code error;
    const bool there = std::filesystem::exists(questions_.folder, error);
    if (!there) {
        add(unknown("store", questions_.store.location() + " is not there yet; the first backup makes it",
                    "if it should be there, mount its disk"));
    } else {
        find_restore_text();
        if (!lists_) {
            return;
        }
        add(passed("store", questions_.store.location() + " can be listed"));
    }
    const auto place = deepest_existing(questions_.folder / questions_.layout.instance());
    const bool may = ::access(place.c_str(), W_OK | X_OK) == 0;
    found_.sights.writes = found_.sights.deletes = may ? Right::yes : Right::no;
    add(may ? passed("write", place.string() + " can be written to")
            : failed("write",
                     place.string() + (errno == EROFS ? " is mounted read-only" : " cannot be written to by this user"),
                     "give the user that Lifeboat runs as the right to write there"));
    if (there) {
        look_at_reading();
        look_at_backups();
    }
}

// ---- a bucket
// --------------------------------------------------------------------------------------------------------

void StoreExamination::look_at_bucket() {
    if (!greet()) {
        return;
    }
    if (lists_) {
        find_restore_text();
    }
    look_at_writing();
    look_at_reading();
    look_at_clock();
    look_at_versioning();
    look_at_object_lock();
    look_at_deletion();
    look_at_enforcement();
    look_at_backups();  // it reads every manifest: the others first
    look_at_rules();
    look_at_newest_lock();
}

bool StoreExamination::greet() {
    const auto greeting = questions_.probe->greet(questions_.layout.prefix());
    if (!greeting.listed && greeting.listed.error().kind == ErrorKind::interrupted) {
        add(failed("store", questions_.endpoint_host + " did not answer in time",
                   "check store.endpoint, the name service, the network policies and any proxy"));
        return false;
    }
    tell_greeting(greeting);
    lists_ = greeting.listed.ok();
    return greeting.known || lists_;
}

void StoreExamination::tell_greeting(const store::Greeting& greeting) {
    const bool known = greeting.known || greeting.listed.ok();
    if (!known) {
        add(failed(greeting.other_region ? "region" : "store", greeting.listed.error()));
        return;
    }
    add(passed("store", questions_.store.location() + " answers, and knows this key"));
    add(passed("region", greeting.region + (questions_.region_given ? ", as store.region says" : ", by the endpoint") +
                             "; the signature was good"));
    add(greeting.listed ? passed("list", "the key may list") : failed("list", greeting.listed.error()));
}

void StoreExamination::find_restore_text() {
    const auto visit = [this](const store::ObjectInfo& info) {
        if (!info.hide_marker && !restore_text_) {
            restore_text_ = info;  // the oldest
        }
        return done();
    };
    auto listed = questions_.store.list(questions_.layout.restore_text().text(), visit);
    lists_ = listed.ok();
    if (!listed) {
        add(failed(questions_.probe != nullptr ? "list" : "store", listed.error()));
    } else if (!questions_.store.lists_everything()) {
        add(unknown("versions", "the key may not list versions, so that what somebody hid cannot be seen",
                    "give it the right to list them (listFiles on B2, s3:ListBucketVersions elsewhere)"));
    }
}

void StoreExamination::look_at_writing() {
    if (auto may = questions_.probe->may_write(questions_.layout.restore_text()); may) {
        found_.sights.writes = Right::yes;
        add(passed("write", "the key may write: an upload was begun and taken back"));
    } else {
        found_.sights.writes = is_refusal(may.error()) ? Right::no : Right::unknown;
        add(questions_.for_reading && is_refusal(may.error())
                ? passed("write", "the key may not write, and for reading need not")
                : failed("write", may.error()));
    }
}

void StoreExamination::look_at_reading() {
    const std::string check = "read";
    if (!restore_text_) {
        add(unknown(check, "there is nothing to read yet", "run doctor again after the first backup"));
        return;
    }
    auto text = store::get(questions_.store, restore_text_->key, restore_text_->version_id, largest_text);
    if (text) {
        found_.sights.reads = Right::yes;
        add(passed(check, "what is stored can be read"));
        return;
    }
    if (!is_refusal(text.error())) {
        add(failed(check, text.error()));
        return;
    }
    found_.sights.reads = Right::no;
    add(warned(check, "the key may not read: lineage, and what the store says of backups, are not checked here",
               "give it the right to read what it wrote, which is encrypted; or look from outside, with "
               "`lifeboat status` and a key that reads"));
}

// ---- what the bucket is
// ----------------------------------------------------------------------------------------------

void StoreExamination::look_at_versioning() {
    const std::string check = "versioning";
    auto versioning = questions_.probe->versioning();
    if (!versioning && found_.sights.b2) {
        found_.sights.versioning = s3::Versioning::on;
        add(passed(check, "Backblaze B2 keeps every version"));
    } else if (!versioning) {
        add(not_seen(check, "whether the bucket keeps versions", versioning.error(), "look in the provider's console"));
    } else {
        found_.sights.versioning = *versioning;
        add(*versioning == s3::Versioning::on
                ? passed(check, "the bucket keeps every version")
                : warned(check, "the bucket keeps no versions: what is written over or deleted is gone",
                         "switch versioning on, best with object lock: docs/stores.md"));
    }
}

void StoreExamination::look_at_object_lock() {
    auto lock = questions_.probe->object_lock();
    if (lock) {
        found_.sights.lock_seen = true;
        lock_enabled_ = lock->enabled;
        tell_lock(*lock);
    } else {
        add(not_seen("object lock", "whether objects are locked", lock.error(), "look in the provider's console"));
    }
}

void StoreExamination::tell_lock(const s3::ObjectLockReply& lock) {
    const std::string check = "object lock";
    const std::string cure =
        "set a default retention in compliance mode for as long as backups are kept: docs/stores.md";
    if (!lock.enabled) {
        add(warned(check, "the bucket has none: whoever may delete can delete every backup", cure));
        return;
    }
    const bool by_default = lock.retention && lock.retention->mode == "COMPLIANCE";
    const auto days = questions_.lock_days ? questions_.lock_days
                      : by_default         ? std::optional(lock.retention->days)
                                           : std::nullopt;
    found_.sights.locked_days = days;
    if (!days) {
        add(warned(check,
                   lock.retention ? "the default retention is in governance mode, which some keys may bypass"
                                  : "the bucket could lock objects, and has no default retention",
                   cure));
    } else if (const std::uint64_t keep_days = questions_.retention.keep_days; *days < keep_days) {
        add(warned(check,
                   "objects are locked for " + days_text(*days) + ", and backups are kept for " + days_text(keep_days),
                   cure));
    } else if (keep_days == 0) {
        add(unknown(check,
                    "every new object is locked for " + days_text(*days) +
                        " in compliance mode, and retention.keep_days, which says how long it should be, is 0",
                    "see that it is as long as you want to go back: docs/stores.md"));
    } else {
        add(passed(check, "every new object is locked for " + days_text(*days) + " in compliance mode"));
    }
}

// Backblaze B2 answers 403 to all that is absent, for a key without listBuckets: that says nothing of a right.
bool StoreExamination::tells_what_is_absent(const store::ObjectKey& absent) const {
    if (!found_.sights.b2) {
        return true;
    }
    const auto looked = questions_.probe->lock_of(absent, "");
    return !looked && looked.error().kind == ErrorKind::not_found;
}

// A deletion that finds nothing, and so changes nothing, shows whether the key has the right to.
void StoreExamination::look_at_deletion() {
    const std::string version = restore_text_ ? restore_text_->version_id : std::string();
    if (version.empty() && found_.sights.versioning != s3::Versioning::off) {
        return;  // a deletion by name could hide
    }
    auto absent = store::ObjectKey::parse(questions_.layout.prefix() + questions_.scratch_name);
    if (!absent) {
        return;
    }
    auto tried = questions_.probe->try_to_delete(*absent, version);
    if (!tried) {
        return;
    }
    const bool may = *tried == store::Deletion::done;
    if (!may && !tells_what_is_absent(*absent)) {
        return;
    }
    found_.sights.deletes = may ? Right::yes : Right::no;
    add(may ? passed("deletion", "the key may delete, which is what pruning by the sidecar needs; see the thief below")
            : passed("deletion", "the key may not delete: the bucket's rules, or `lifeboat prune` elsewhere, must"));
}

os::TimePoint StoreExamination::time_of_the_store() const {
    return questions_.now + questions_.probe->clock_offset().value_or(seconds(0));
}

// This version, and for longer than it takes to ask for it: the bucket's retention is only for what came after it.
bool StoreExamination::restore_text_is_locked() const {
    const auto lock = questions_.probe->lock_of(restore_text_->key, restore_text_->version_id);
    const auto end = lock && lock->mode == "COMPLIANCE" ? end_of(*lock) : std::nullopt;
    return end && *end > time_of_the_store() + clock_matters;
}

// Some stores take the setting and do not hold to it.
void StoreExamination::look_at_enforcement() {
    const std::string check = "lock enforced";
    if (!found_.sights.locked_days) {
        return;
    }
    if (found_.sights.deletes != Right::yes || !restore_text_ || restore_text_->version_id.empty()) {
        add(unknown(check, "whether the store holds to its locks can only be tried with a key that may delete",
                    "run doctor once with such a key, off the cluster"));
        return;
    }
    if (!restore_text_is_locked()) {
        add(unknown(check,
                    "it was not tried: RESTORE.txt, which could be written again, is not locked in compliance mode, as "
                    "far as this key may see",
                    "run doctor once with a key that may read retentions, on a new bucket of this store"));
        return;
    }
    auto tried = questions_.probe->try_to_delete(restore_text_->key, restore_text_->version_id);
    if (!tried) {
        add(not_seen(check, "whether the store holds to its locks", tried.error(), "run doctor again"));
    } else if (*tried == store::Deletion::refused) {
        found_.sights.locks_hold = Right::yes;
        add(passed(check, "the store did not delete RESTORE.txt, which is locked, for a key that may delete"));
    } else {
        found_.sights.locks_hold = Right::no;
        write_back();
        add(failed(check, "RESTORE.txt could be deleted although the store says that it is locked",
                   "use another store: this one does not hold to its locks; and take deletion from the key"));
    }
}

void StoreExamination::write_back() {
    if (auto written = backup::write_restore_text(questions_.store, questions_.layout); !written) {
        add(warned("RESTORE.txt", "it was deleted, and could not be written again: " + written.error().what,
                   "nothing: the next backup writes it"));
    }
}

// What the settings say of them is held against [retention] as they would be.
void StoreExamination::tell_unseen_rules(const Error& error) {
    const auto& after = questions_.expires_after;
    Finding finding =
        not_seen("rules", "the bucket's lifecycle rules", error,
                 after ? "compare it with the provider's console" : "say in store.expires_after what they do");
    finding.text += after ? "; store.expires_after says " + days_text(*after) : "";
    add(std::move(finding));
    if (!after) {
        return;
    }
    const auto days = static_cast<std::uint64_t>(std::chrono::floor<std::chrono::days>(*after).count());
    const auto takes = "store.expires_after says that the bucket takes backups away after " + days_text(days);
    if (auto too_soon = judge_days(days, questions_.retention, takes)) {
        add(*std::move(too_soon));
    }
}

void StoreExamination::look_at_rules() {
    auto rules = questions_.probe->rules();
    if (!rules) {
        tell_unseen_rules(rules.error());
        return;
    }
    found_.sights.rules_seen = true;
    found_.sights.hidden_deleted_after = hidden_deleted_after(*rules, questions_.layout.prefix());
    const Right sees = !found_.catalogue ? Right::unknown : found_.catalogue->uploads_unseen ? Right::no : Right::yes;
    for (auto& finding :
         judge_rules(*rules, {questions_.layout.prefix(), questions_.retention, questions_.max_duration,
                              found_.sights.versioning == s3::Versioning::on, found_.sights.deletes, sees})) {
        add(std::move(finding));
    }
}

void StoreExamination::look_at_clock() {
    const std::string check = "clock";
    const auto offset = questions_.probe->clock_offset();
    if (!offset) {
        add(unknown(check, "the store's answers name no time"));
    } else if (std::chrono::abs(*offset) > clock_matters) {
        add(warned(check,
                   "this clock is " + std::to_string(std::chrono::abs(*offset).count()) + " s " +
                       (offset->count() > 0 ? "behind" : "ahead of") + " the store's",
                   "set the node's clock, by NTP"));
    } else {
        add(passed(check, "within a minute of the store's"));
    }
}

// ---- what lies in the store
// ------------------------------------------------------------------------------------------

void StoreExamination::look_at_backups() {
    if (!lists_ || found_.sights.reads == Right::no) {
        return;
    }
    auto catalogue = catalogue::read_catalogue(questions_.store, questions_.layout, questions_.expires_after);
    if (!catalogue) {
        add(failed("backups", catalogue.error()));
        return;
    }
    found_.sights.catalogue = true;
    catalogue::rank_by_age(*catalogue, os::SystemClock().now());
    tell_backups(*catalogue);
    tell_leftovers(*catalogue);
    found_.catalogue = *std::move(catalogue);
}

void StoreExamination::tell_backups(const catalogue::Catalogue& catalogue) {
    std::size_t good = 0;
    for (const auto& backup : catalogue.backups) {
        good += backup.state == catalogue::State::good ? 1 : 0;
        found_.sights.plain_backups =
            found_.sights.plain_backups || backup.manifest.encrypted() == catalogue::Encrypted::no;
        if (backup.state == catalogue::State::hidden) {
            add(warned("backup " + backup.manifest.id.text(), "somebody hid it or wrote over its manifest",
                       "exchange the store's key, and see what docs/operating.md says of the reason tampered"));
        }
    }
    add(good > 0 ? passed("backups", std::to_string(good) + " good of " + std::to_string(catalogue.backups.size()))
                 : unknown("backups", "there is no good one yet", "run `lifeboat backup`, or wait for the schedule"));
    for (const auto& refused : catalogue.refused) {
        add(warned("manifests", refused.what, refused.next));
    }
}

void StoreExamination::tell_leftovers(const catalogue::Catalogue& catalogue) {
    const auto runs = catalogue.leftovers.size();
    add(runs == 0
            ? passed("leftovers", "no run left anything unfinished")
            : warned("leftovers",
                     std::to_string(runs) + (runs == 1 ? " run" : " runs") +
                         " left data without a manifest: of a backup under way now, or of a killed one",
                     "nothing: a later backup or `lifeboat prune` sweeps it once it is a day old, where the key may "
                     "delete"));
    if (catalogue.uploads_unseen) {
        add(unknown("uploads", "the key may not list unfinished uploads, so that none is swept",
                    "have the bucket cancel them by a lifecycle rule, or give the key that right"));
    }
}

// What is set for the bucket says nothing about what was uploaded before.
void StoreExamination::look_at_newest_lock() {
    if (!found_.catalogue || !lock_enabled_) {
        return;
    }
    const auto& backups = found_.catalogue->backups;
    const auto newest = std::find_if(backups.rbegin(), backups.rend(),
                                     [](const auto& backup) { return backup.state == catalogue::State::good; });
    if (newest == backups.rend() || newest->manifest.all_objects().empty()) {
        return;
    }
    const std::string check = "newest backup";
    const auto object = newest->manifest.all_objects().front();
    auto lock = questions_.probe->lock_of(object.key, object.version_id);
    if (!lock || lock->mode.empty()) {
        add(unknown(check, "whether it is locked cannot be seen with this key",
                    "look at one of its objects with a key that may read retentions"));
    } else {
        add(of_newest(newest->manifest.id.text(), *lock));
    }
}

Finding StoreExamination::of_newest(const std::string& id, const store::LockOfObject& lock) const {
    const std::string check = "newest backup";
    const auto end = end_of(lock);
    if (!end) {
        return unknown(check, "until when " + id + " is locked is not understood: '" + lock.until + "'",
                       "look in the provider's console");
    }
    if (*end <= time_of_the_store()) {
        return warned(check, id + " is not locked any more, since " + lock.until,
                      "make a new backup; see that they are made more often than locks end: docs/stores.md");
    }
    if (lock.mode != "COMPLIANCE") {
        return warned(check, id + " is locked until " + lock.until + " in governance mode, which some keys may bypass",
                      "set a default retention in compliance mode, and make a new backup: docs/stores.md");
    }
    return passed(check, id + " is locked until " + lock.until);
}

}  // namespace

StoreFindings check_store(const StoreQuestions& questions) {
    return StoreExamination(questions).run();
}

}  // namespace lifeboat::doctor
