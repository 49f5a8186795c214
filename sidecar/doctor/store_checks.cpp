#include "doctor/store_checks.hpp"

#include "backup/restore_text.hpp"

#include <arpa/inet.h>
#include <array>
#include <cstdlib>
#include <utility>

namespace lifeboat::doctor {
namespace {

using std::chrono::seconds;

constexpr std::uint64_t largest_text = std::uint64_t{1} << 20U;

// Requests are signed with the time, and S3 servers take no other than theirs by a quarter of an hour. Lifeboat learns
// the difference; names and manifests still tell the wrong time.
constexpr seconds clock_matters{60};

bool is_refusal(const Error& error) {
    return error.kind == ErrorKind::failed || error.kind == ErrorKind::refused;
}

bool ends_with(const std::string& text, std::string_view end) {
    return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

std::string days_text(std::uint64_t days) {
    return std::to_string(days) + (days == 1 ? " day" : " days");
}

class StoreExamination {
public:
    explicit StoreExamination(const StoreQuestions& questions) : questions_(questions) {
        found_.sights.bucket = questions.probe != nullptr;
        found_.sights.b2 = ends_with(questions.endpoint_host, ".backblazeb2.com");
    }

    StoreFindings run() {
        look_at_endpoint();
        if (!look_at_listing()) {
            return std::move(found_);
        }
        look_at_writing();
        look_at_catalogue();
        if (questions_.probe != nullptr) {
            look_at_versioning();
            look_at_object_lock();
            look_at_clock();
        }
        look_at_deletion();
        return std::move(found_);
    }

private:
    void add(Finding finding) { found_.findings.push_back(std::move(finding)); }

    void look_at_endpoint();
    bool look_at_listing();
    void look_at_writing();
    void look_at_catalogue();
    void tell_backups(const catalogue::Catalogue& catalogue);
    void look_at_versioning();
    void look_at_object_lock();
    void tell_lock(const s3::ObjectLockReply& lock);
    void look_at_newest_lock();
    void look_at_clock();
    void look_at_deletion();
    void write_back();

    const StoreQuestions& questions_;
    StoreFindings found_;
    std::optional<store::ObjectInfo> restore_text_;
};

void StoreExamination::look_at_endpoint() {
    if (questions_.probe == nullptr) {
        add(unknown("place",
                    questions_.store.location() + " is a folder, and whether its disk outlives this cluster "
                                                  "cannot be seen from here",
                    "see that it lies on another machine, in another building"));
        return;
    }
    switch (reach_of(questions_.endpoint_host)) {
        case Reach::cluster:
            add(warned("place",
                       questions_.endpoint_host + " is a name inside of a Kubernetes cluster: what lies there "
                                                  "is lost with it",
                       "store backups outside of the cluster: this is no disaster recovery"));
            break;
        case Reach::this_machine:
            add(warned("place", questions_.endpoint_host + " is this machine: what lies there is lost with it",
                       "store backups on another one: this is no disaster recovery"));
            break;
        case Reach::private_network:
            add(unknown("place", questions_.endpoint_host + " is in a private network, perhaps the cluster's own",
                        "see that it does not go when the cluster goes"));
            break;
        case Reach::outside: add(passed("place", questions_.endpoint_host + " is outside of this cluster")); break;
    }
    if (questions_.plain_http) {
        add(warned("transport", "the endpoint is http://, so that whoever is on the way sees and can change requests",
                   "write https:// in store.endpoint"));
    }
}

bool StoreExamination::look_at_listing() {
    const auto visit = [this](const store::ObjectInfo& info) {
        if (!info.hide_marker && !restore_text_) {
            restore_text_ = info;  // the oldest
        }
        return done();
    };
    auto listed = questions_.store.list(questions_.layout.restore_text().text(), visit);
    const bool empty = !listed && listed.error().kind == ErrorKind::not_found && questions_.probe == nullptr;
    if (!listed && !empty) {
        add(failed("store", listed.error()));
        return false;
    }
    add(passed("store", questions_.store.location() + (empty ? " is not there yet, and made by the first backup"
                                                             : " answers, and can be listed")));
    if (!empty && !questions_.store.lists_everything()) {
        add(unknown("versions", "the key may not list versions, so that what somebody hid cannot be seen",
                    "give it the right to list them (listFiles on B2, s3:ListBucketVersions on AWS)"));
    }
    return true;
}

void StoreExamination::look_at_writing() {
    Status may = done();
    if (questions_.probe != nullptr) {
        may = questions_.probe->may_write(questions_.layout.restore_text());
    } else if (auto upload = questions_.store.begin(questions_.layout.restore_text()); !upload) {
        may = std::move(upload).error();
    }
    if (!may) {
        found_.sights.writes = is_refusal(may.error()) ? Right::no : Right::unknown;
        add(failed("write", may.error()));
        return;
    }
    found_.sights.writes = Right::yes;
    add(passed("write", "an upload was begun and taken back: the key may write"));
}

void StoreExamination::look_at_catalogue() {
    if (restore_text_) {
        auto text = store::get(questions_.store, restore_text_->key, restore_text_->version_id, largest_text);
        if (!text) {
            found_.sights.reads = is_refusal(text.error()) ? Right::no : Right::unknown;
            add(warned("read",
                       "the key may not read: lineage, and what the store says of backups, are not checked here",
                       "give it the right to read what it wrote, which is encrypted; or look from outside, with "
                       "`lifeboat status` and a key that reads"));
            return;
        }
        found_.sights.reads = Right::yes;
        add(passed("read", "the key may read"));
    } else {
        add(unknown("read", "there is nothing to read yet", "run doctor again after the first backup"));
    }
    auto catalogue = catalogue::read_catalogue(questions_.store, questions_.layout, questions_.expires_after);
    if (!catalogue) {
        if (catalogue.error().kind != ErrorKind::not_found) {
            add(failed("backups", catalogue.error()));
        }
        return;
    }
    tell_backups(*catalogue);
    found_.catalogue = *std::move(catalogue);
}

void StoreExamination::tell_backups(const catalogue::Catalogue& catalogue) {
    std::size_t good = 0;
    for (const auto& backup : catalogue.backups) {
        good += backup.state == catalogue::State::good ? 1 : 0;
        if (backup.state == catalogue::State::hidden) {
            add(warned("backup " + backup.manifest.id.text(), "somebody hid it or wrote over its manifest",
                       "exchange the store's key, and read docs/operating.md on tampering"));
        }
    }
    add(good > 0 ? passed("backups", std::to_string(good) + " good of " + std::to_string(catalogue.backups.size()))
                 : unknown("backups", "there is no good one yet", "run `lifeboat backup`, or wait for the schedule"));
    for (const auto& refused : catalogue.refused) {
        add(warned("manifests", refused.what, refused.next));
    }
    if (const auto runs = catalogue.leftovers.size(); runs > 0) {
        add(warned("leftovers",
                   std::to_string(runs) + (runs == 1 ? " run" : " runs") +
                       " left data without a manifest: of a backup under way now, or of a killed one",
                   "nothing: a later backup sweeps them once they are a day old, where the key may delete"));
    }
    if (catalogue.uploads_unseen) {
        add(unknown("uploads", "the key may not list unfinished uploads, so that none is swept",
                    "have the bucket cancel them by a lifecycle rule, or give the key that right"));
    }
}

void StoreExamination::look_at_versioning() {
    auto versioning = questions_.probe->versioning();
    if (!versioning) {
        add(unknown("versioning", "the key may not see whether the bucket keeps versions: " + versioning.error().what,
                    "look in the provider's console; on Backblaze B2 they are always kept"));
        if (found_.sights.b2) {
            found_.sights.versioning = s3::Versioning::on;
        }
        return;
    }
    found_.sights.versioning = *versioning;
    if (*versioning == s3::Versioning::on) {
        add(passed("versioning", "the bucket keeps every version"));
    } else {
        add(warned("versioning", "the bucket keeps no versions: what is written over or deleted is gone",
                   "switch versioning on, best with object lock: docs/stores.md"));
    }
}

void StoreExamination::look_at_object_lock() {
    auto lock = questions_.probe->object_lock();
    if (!lock) {
        add(unknown("object lock", "the key may not see whether objects are locked: " + lock.error().what,
                    "look in the provider's console"));
    } else {
        tell_lock(*lock);
        found_.sights.object_lock = *std::move(lock);
    }
    look_at_newest_lock();
}

void StoreExamination::tell_lock(const s3::ObjectLockReply& lock) {
    const std::string cure =
        "set a default retention in compliance mode for as long as backups are kept: docs/stores.md";
    if (!lock.enabled) {
        add(warned("object lock", "the bucket has none: whoever may delete can delete every backup", cure));
    } else if (!lock.retention) {
        add(warned("object lock", "the bucket could lock objects, and has no default retention", cure));
    } else if (lock.retention->mode != "COMPLIANCE") {
        add(warned("object lock", "the default retention is in governance mode, which some keys may bypass", cure));
    } else if (lock.retention->days < questions_.keep_days) {
        add(warned("object lock",
                   "objects are locked for " + days_text(lock.retention->days) + ", and backups are kept for " +
                       days_text(questions_.keep_days),
                   cure));
    } else {
        add(passed("object lock",
                   "every object is locked for " + days_text(lock.retention->days) + " in compliance mode"));
    }
}

// What is set for the bucket says nothing about what was uploaded before.
void StoreExamination::look_at_newest_lock() {
    if (!found_.catalogue || found_.catalogue->backups.empty() || !found_.sights.object_lock ||
        !found_.sights.object_lock->enabled) {
        return;
    }
    const auto& manifest = found_.catalogue->backups.back().manifest;
    const auto objects = manifest.all_objects();
    if (objects.empty()) {
        return;
    }
    auto lock = questions_.probe->lock_of(objects.front().key, objects.front().version_id);
    if (!lock || lock->mode.empty()) {
        add(unknown("newest backup", "whether it is locked cannot be seen with this key",
                    "look at one of its objects with a key that may read retentions"));
    } else {
        add(passed("newest backup", "locked until " + lock->until));
    }
}

void StoreExamination::look_at_clock() {
    const auto offset = questions_.probe->clock_offset();
    if (!offset) {
        add(unknown("clock", "the store's answers name no time"));
    } else if (std::chrono::abs(*offset) > clock_matters) {
        add(warned("clock",
                   "this clock is " + std::to_string(std::chrono::abs(*offset).count()) + " s " +
                       (offset->count() > 0 ? "behind" : "ahead of") + " the store's",
                   "set the node's clock, by NTP"));
    } else {
        add(passed("clock", "within a minute of the store's"));
    }
}

void StoreExamination::look_at_deletion() {
    if (questions_.probe == nullptr) {
        found_.sights.deletes = found_.sights.writes;  // who may write into a folder may delete in it
        return;
    }
    const bool versions_known = found_.sights.versioning == s3::Versioning::on;
    if (!restore_text_ || !versions_known || restore_text_->version_id.empty() || found_.sights.writes != Right::yes) {
        return;  // a deletion by name could hide, and what is gone could not be written again
    }
    auto tried = questions_.probe->try_to_delete(restore_text_->key, restore_text_->version_id);
    if (!tried) {
        return;
    }
    found_.sights.deletes = *tried == store::Deletion::done ? Right::yes : Right::no;
    if (*tried == store::Deletion::refused) {
        add(passed("deletion", "the store did not let RESTORE.txt go"));
        return;
    }
    write_back();
    const auto& lock = found_.sights.object_lock;
    const bool promised = lock && lock->enabled && lock->retention &&
                          questions_.now - restore_text_->modified < std::chrono::days(lock->retention->days);
    add(promised ? failed("deletion", "RESTORE.txt could be deleted although the bucket says that it is locked",
                          "the store does not enforce its locks: use another one, or take deletion from the key")
                 : warned("deletion", "the key may delete for good: RESTORE.txt was deleted, and written again",
                          "take that right from the key, and let the bucket's own rules or `lifeboat prune --all` from "
                          "elsewhere delete: docs/stores.md"));
}

void StoreExamination::write_back() {
    if (auto written = backup::write_restore_text(questions_.store, questions_.layout); !written) {
        add(warned("RESTORE.txt", "it was deleted, and could not be written again: " + written.error().what,
                   "nothing: the next backup writes it"));
    }
}

bool is_private_v4(std::uint32_t address) {
    const auto in = [address](std::uint32_t network, unsigned bits) {
        return (address >> (32U - bits)) == (network >> (32U - bits));
    };
    return in(0x0A000000, 8) || in(0xAC100000, 12) || in(0xC0A80000, 16) || in(0x64400000, 10) || in(0xA9FE0000, 16);
}

std::optional<Reach> reach_of_address(const std::string& host) {
    in_addr v4{};
    if (::inet_pton(AF_INET, host.c_str(), &v4) == 1) {
        const auto address = ntohl(v4.s_addr);
        return (address >> 24U) == 127U ? Reach::this_machine
               : is_private_v4(address) ? Reach::private_network
                                        : Reach::outside;
    }
    in6_addr v6{};
    const std::string bare = host.size() > 2 && host.front() == '[' ? host.substr(1, host.size() - 2) : host;
    if (::inet_pton(AF_INET6, bare.c_str(), &v6) == 1) {
        const bool unique_local = (v6.s6_addr[0] & 0xFEU) == 0xFCU;
        const bool link_local = v6.s6_addr[0] == 0xFEU && (v6.s6_addr[1] & 0xC0U) == 0x80U;
        return IN6_IS_ADDR_LOOPBACK(&v6)    ? Reach::this_machine
               : unique_local || link_local ? Reach::private_network
                                            : Reach::outside;
    }
    return std::nullopt;
}

}  // namespace

Reach reach_of(const std::string& host) {
    if (const auto address = reach_of_address(host)) {
        return *address;
    }
    if (host == "localhost" || ends_with(host, ".localhost")) {
        return Reach::this_machine;
    }
    const bool service = ends_with(host, ".svc") || ends_with(host, ".cluster.local") ||
                         host.find(".svc.") != std::string::npos || host.find('.') == std::string::npos;
    if (service) {
        return Reach::cluster;
    }
    const bool is_private = ends_with(host, ".internal") || ends_with(host, ".local") || ends_with(host, ".lan");
    return is_private ? Reach::private_network : Reach::outside;
}

StoreFindings check_store(const StoreQuestions& questions) {
    return StoreExamination(questions).run();
}

}  // namespace lifeboat::doctor
