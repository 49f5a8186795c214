#include "catalogue/catalogue.hpp"

#include "catalogue/trust.hpp"

#include "copied_back.hpp"
#include "listed_reader.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace lifeboat::catalogue {
namespace {

using store::ObjectInfo;

// The versions of one key, and hide markers among them: the oldest first.
using History = std::vector<ObjectInfo>;

// One listing, sorted out by what each key is.
struct Listing {
    std::map<BackupId, History> manifests;
    std::map<BackupId, History> partials;
    std::map<BackupId, std::vector<ObjectInfo>> data;    // by key, each with its oldest version first
    std::map<BackupId, std::vector<ObjectInfo>> drills;  // the oldest version of each result
    bool any_accepted = false;
};

void note_drill(Listing& listing, const BackupId& id, const ObjectInfo& object) {
    auto& drills = listing.drills[id];
    if (!object.hide_marker && (drills.empty() || drills.back().key != object.key)) {
        drills.push_back(object);
    }
}

Result<Listing> list_instance(store::ObjectStore& store, const Layout& layout) {
    Listing listing;
    auto listed = store.list(layout.prefix(), [&](const ObjectInfo& object) {
        auto place = place_of(layout, object.key);
        switch (place.kind) {
            case KeyKind::manifest: listing.manifests[*place.id].push_back(object); break;
            case KeyKind::partial_manifest: listing.partials[*place.id].push_back(object); break;
            case KeyKind::accepted: listing.any_accepted = listing.any_accepted || !object.hide_marker; break;
            case KeyKind::data: listing.data[*place.id].push_back(object); break;
            case KeyKind::drill_result: note_drill(listing, *place.id, object); break;
            case KeyKind::drill_report:
            case KeyKind::other: break;
        }
        return done();
    });
    if (!listed) {
        return std::move(listed).error();
    }
    return listing;
}

// By its version, or by its size: the copy of a store has version ids of its own, or none. Whether it is what was
// written, its hash tells when it is read.
bool is_there(const store::StoredObject& object, const ObjectInfo& info) {
    return !info.hide_marker && info.key == object.key &&
           ((!object.version_id.empty() && object.version_id == info.version_id) || object.size == info.size);
}

std::vector<store::ObjectKey> not_listed(const Manifest& manifest, const Listing& listing) {
    const auto data = listing.data.find(manifest.id);
    const auto present = data == listing.data.end() ? std::vector<ObjectInfo>{} : data->second;
    std::vector<store::ObjectKey> gone;
    for (const auto& object : manifest.all_objects()) {
        if (std::none_of(present.begin(), present.end(), [&](const auto& info) { return is_there(object, info); })) {
            gone.push_back(object.key);
        }
    }
    return gone;
}

// What trust makes of it comes later.
State state_of(KeyKind kind, bool whole) {
    if (!whole) {
        return State::expired;
    }
    if (kind == KeyKind::partial_manifest) {
        return State::partial;
    }
    return State::good;
}

// Reads manifests of one instance into a catalogue.
class Reader {
public:
    Reader(store::ObjectStore& store, ListedReader& reader, const Layout& layout,
           std::optional<std::chrono::milliseconds> expires_after, Listing& listing, Catalogue& catalogue)
        : store_(store),
          reader_(reader),
          layout_(layout),
          expires_after_(expires_after),
          listing_(listing),
          catalogue_(catalogue) {}

    Status add(KeyKind kind, const BackupId& id, const History& history);

private:
    struct Judged {
        State state;
        std::string tampering;
    };

    static void come_after_another(Judged& judged, const ObjectInfo& oldest);
    void refuse(KeyKind kind, const BackupId& id, const ObjectInfo& first, Error why);
    Status list_data_again(const BackupId& id);
    Result<Judged> judge(const Manifest& manifest, State state, History::const_iterator first,
                         History::const_iterator end, const std::string& json);
    Result<bool> is_another(const ObjectInfo& first, const ObjectInfo& later, const std::string& json);
    [[nodiscard]] bool by_age_rule(const Manifest& manifest, const ObjectInfo& first, const ObjectInfo& marker) const;
    [[nodiscard]] std::string done_to_data(const Manifest& manifest, os::TimePoint stored) const;
    [[nodiscard]] std::string done_to(const Manifest& manifest, const store::StoredObject& object, os::TimePoint stored,
                                      History::const_iterator begin, History::const_iterator end) const;

    store::ObjectStore& store_;
    ListedReader& reader_;
    const Layout& layout_;
    const std::optional<std::chrono::milliseconds> expires_after_;
    Listing& listing_;
    Catalogue& catalogue_;
};

// A listing takes many pages, data before manifests: of a backup that was finished between two of them it has the
// manifest and no data.
Status Reader::list_data_again(const BackupId& id) {
    std::vector<ObjectInfo> data;
    auto listed = store_.list(layout_.data_prefix(id), [&](const ObjectInfo& object) {
        data.push_back(object);
        return done();
    });
    if (listed) {
        listing_.data[id] = std::move(data);
    }
    return listed;
}

void Reader::refuse(KeyKind kind, const BackupId& id, const ObjectInfo& first, Error why) {
    if (kind == KeyKind::manifest) {
        catalogue_.refused_backups.push_back({id, first.modified, why});
    }
    catalogue_.refused.push_back(std::move(why));
}

Status Reader::add(KeyKind kind, const BackupId& id, const History& history) {
    auto search = find_manifest(reader_, layout_, kind, id, history);
    if (!search) {
        return std::move(search).error();
    }
    const auto oldest =
        std::find_if(history.begin(), history.end(), [](const auto& info) { return !info.hide_marker; });
    if (search->refused) {
        refuse(kind, id, *oldest, *std::move(search->refused));  // one that is no good must not hide the others
        return done();
    }
    if (!search->found) {
        return done();  // pruned since it was listed, or only the markers are left of it
    }
    auto& manifest = search->found->manifest;
    const auto own = history.begin() + static_cast<History::difference_type>(search->found->version);
    auto gone = not_listed(manifest, listing_);
    if (!gone.empty()) {
        if (auto listed = list_data_again(id); !listed) {
            return listed;
        }
        gone = not_listed(manifest, listing_);
    }
    const State state = state_of(kind, gone.empty());
    auto judged = judge(manifest, state, own, history.end(), search->found->json);
    if (!judged) {
        return std::move(judged).error();
    }
    if (!search->found->first) {
        come_after_another(*judged, *oldest);
    }
    if (judged->tampering.empty()) {
        judged->tampering = done_to_data(manifest, own->modified);
    }
    Backup backup{std::move(manifest), judged->state, own->modified, std::move(judged->tampering), std::move(gone)};
    backup.of_partial_run = kind == KeyKind::partial_manifest;
    catalogue_.backups.push_back(std::move(backup));
    return done();
}

// What the oldest version holds may have come from anybody who saw the data being stored, and so may all after it.
void Reader::come_after_another(Judged& judged, const ObjectInfo& oldest) {
    judged.state = judged.state == State::expired ? State::expired : State::hidden;
    judged.tampering = "somebody stored something else under the name of its manifest before it was written, on " +
                       os::utc_text(oldest.modified);
}

bool Reader::by_age_rule(const Manifest& manifest, const ObjectInfo& first, const ObjectInfo& marker) const {
    const auto days = std::chrono::days(manifest.retention.keep_days);
    const auto rule = expires_after_.value_or(days);
    return rule.count() > 0 && marker.modified - first.modified >= rule;
}

// What became of one object of a backup that was `stored` then. Its writer may have sent it twice, but not after the
// manifest, unless as the same bytes.
std::string Reader::done_to(const Manifest& manifest, const store::StoredObject& object, os::TimePoint stored,
                            History::const_iterator begin, History::const_iterator end) const {
    const auto named = std::find_if(begin, end, [&](const auto& info) { return is_there(object, info); });
    if (named == end) {
        return object.version_id.empty() && !begin->hide_marker ? "'" + object.key.text() + "' is not what was stored"
                                                                : "";
    }
    for (auto later = std::next(named); later != end; ++later) {
        const bool same = !named->etag.empty() && later->etag == named->etag && later->size == named->size;
        const bool harmless =
            later->hide_marker ? by_age_rule(manifest, *named, *later) : later->modified <= stored || same;
        if (!harmless) {
            return std::string("somebody ") + (later->hide_marker ? "hid" : "wrote over") + " '" + object.key.text() +
                   "' on " + os::utc_text(later->modified);
        }
    }
    return {};
}

std::string Reader::done_to_data(const Manifest& manifest, os::TimePoint stored) const {
    const auto data = listing_.data.find(manifest.id);
    if (data == listing_.data.end()) {
        return {};
    }
    const auto objects = manifest.all_objects();
    for (auto begin = data->second.begin(); begin != data->second.end();) {
        const auto end =
            std::find_if(begin, data->second.end(), [&](const auto& info) { return info.key != begin->key; });
        const auto object =
            std::find_if(objects.begin(), objects.end(), [&](const auto& one) { return one.key == begin->key; });
        if (object != objects.end()) {
            if (auto done = done_to(manifest, *object, stored, begin, end); !done.empty()) {
                return done;
            }
        }
        begin = end;
    }
    return {};
}

Error unreadable(const store::ObjectKey& key, const Error& said) {
    return {ErrorKind::corrupt,
            "somebody stored a later version of '" + key.text() +
                "', which cannot be compared with the first: " + said.what,
            said.next};
}

// Whether a later version of a manifest holds other bytes than the first. A store that does not answer is no tampering.
// One that nobody can read must not hide the others either, nor the backup: it is named, and the first version counts
// as ever.
Result<bool> Reader::is_another(const ObjectInfo& first, const ObjectInfo& later, const std::string& json) {
    if (later.size != first.size) {
        return true;
    }
    if (!first.etag.empty() && later.etag == first.etag) {
        return false;
    }
    auto text = reader_.read(later, largest_manifest);
    if (text) {
        return *text != json;
    }
    switch (text.error().kind) {
        case ErrorKind::not_found: return false;  // gone since it was listed
        case ErrorKind::corrupt: catalogue_.refused.push_back(unreadable(later.key, text.error())); return false;
        default: return std::move(text).error();
    }
}

// What came after the first version decides whether somebody meddled.
Result<Reader::Judged> Reader::judge(const Manifest& manifest, State state, History::const_iterator first,
                                     History::const_iterator end, const std::string& json) {
    if (state == State::expired) {
        return Judged{state, {}};
    }
    for (auto later = std::next(first); later != end; ++later) {
        if (later->hide_marker) {
            return by_age_rule(manifest, *first, *later)
                       ? Judged{State::expired, {}}
                       : Judged{State::hidden, "somebody hid its manifest on " + os::utc_text(later->modified)};
        }
        const auto another = is_another(*first, *later, json);
        if (!another) {
            return another.error();
        }
        if (*another) {  // the same bytes are another try of the writer, whose first one did succeed
            return Judged{State::hidden, "somebody wrote over its manifest on " + os::utc_text(later->modified)};
        }
    }
    return Judged{state, {}};
}

// The times of the store that is looked at come before those that an acceptance wrote down: it may be a copy. Not those
// of a backup that was copied back: its owner accepted it when it came for the first time.
void take_acceptances(Catalogue& catalogue) {
    for (auto& backup : catalogue.backups) {
        const auto found = std::find_if(catalogue.acceptances.begin(), catalogue.acceptances.end(),
                                        [&](const auto& one) { return one.id == backup.manifest.id; });
        if (found != catalogue.acceptances.end()) {
            found->stored = backup.misdated ? found->stored : backup.stored;
            backup.accepted = *found;
        }
    }
    std::sort(catalogue.acceptances.begin(), catalogue.acceptances.end(),
              [](const auto& a, const auto& b) { return std::tie(a.stored, a.id) < std::tie(b.stored, b.id); });
}

void find_copied_back(std::vector<Backup>& backups) {
    std::vector<Dated> dates;
    dates.reserve(backups.size());
    for (const auto& backup : backups) {
        dates.push_back({backup.manifest.id.started(), backup.stored});
    }
    const auto found = copied_back(dates);
    for (std::size_t i = 0; i < backups.size(); ++i) {
        auto& backup = backups[i];
        if (!found[i]) {
            continue;
        }
        backup.misdated = true;
        backup.misdated_by = backups[*found[i]].manifest.id;
        if (backup.tampering.empty()) {
            backup.tampering =
                "it began on " + os::utc_text(backup.manifest.id.started()) + ", and came into the store on " +
                os::utc_text(backup.stored) +
                ", after newer ones: somebody copied an old backup back, or its writer's clock was behind";
        }
        backup.state = backup.state == State::expired ? State::expired : State::hidden;
    }
}

// Its maker knew nothing of the doubt, and so did not write it down.
Mark unforeseen(const BackupId& doubt) {
    return {std::string(follows_marked),
            "backup " + doubt.text() + ", made before it, is marked, and nobody accepted that", "", doubt.text()};
}

void take_trust(Catalogue& catalogue) {
    take_acceptances(catalogue);
    Trust trust(catalogue.acceptances);
    for (auto& backup : catalogue.backups) {  // oldest first
        if (backup.of_partial_run || backup.misdated) {
            continue;
        }
        backup.trusted = trust.next(backup.manifest, backup.stored);
        if (backup.trusted) {
            catalogue.doubt = trust.doubt() ? catalogue.doubt : std::nullopt;
            continue;
        }
        if (!catalogue.doubt || catalogue.doubt->since != *trust.doubt()) {
            catalogue.doubt = Doubt{*trust.doubt(), {}};
        }
        catalogue.doubt->marked.push_back(backup.manifest.id);
        auto& marks = backup.manifest.marks;
        marks.insert(marks.begin(), trust.found().begin(), trust.found().end());
        if (marks.empty()) {
            marks.push_back(unforeseen(*trust.doubt()));
        }
        backup.state = backup.state == State::good ? State::marked : backup.state;
    }
    trust.finish();
    if (!trust.doubt()) {
        catalogue.doubt.reset();
    }
}

// Reads the results of one backup's drills, as far as they matter, into it.
class DrillReader {
public:
    DrillReader(ListedReader& reader, const Layout& layout, Catalogue& catalogue)
        : reader_(reader), layout_(layout), catalogue_(catalogue) {}

    Status read(Backup& backup, std::vector<ObjectInfo> results);

private:
    static constexpr std::size_t most_for_recipients = 40;

    Status add(Backup& backup, const ObjectInfo& info);
    static Status refuse(Error error, std::vector<Error>& named);

    ListedReader& reader_;
    const Layout& layout_;
    Catalogue& catalogue_;
};

// Whoever opens a backup does so with one of its recipients, so more than one of each need not be looked for.
bool every_recipient_passed(const Backup& backup) {
    const auto passed_with = [&backup](const std::string& recipient) {
        return std::any_of(backup.drills.begin(), backup.drills.end(), [&](const Drill& drill) {
            return drill.result.passed && drill.result.was_opened_by(recipient);
        });
    };
    const auto& recipients = backup.manifest.recipients;
    return backup.proven_at && std::all_of(recipients.begin(), recipients.end(), passed_with);
}

Status DrillReader::read(Backup& backup, std::vector<ObjectInfo> results) {
    std::sort(results.begin(), results.end(), [](const auto& a, const auto& b) {
        return std::tie(b.modified, b.key.text()) < std::tie(a.modified, a.key.text());
    });
    for (std::size_t at = 0; at < results.size(); ++at) {
        if (every_recipient_passed(backup) || (backup.proven_at && at >= most_for_recipients)) {
            break;
        }
        if (auto added = add(backup, results[at]); !added) {
            return added;
        }
    }
    return done();
}

Status DrillReader::refuse(Error error, std::vector<Error>& named) {
    if (error.kind == ErrorKind::corrupt) {
        named.push_back(std::move(error));
        return done();
    }
    return error.kind == ErrorKind::not_found ? done() : Status(std::move(error));  // pruned since it was listed
}

Status DrillReader::add(Backup& backup, const ObjectInfo& info) {
    auto json = reader_.read(info, largest_drill_result);
    if (!json) {
        const bool unreadable = info.size <= largest_drill_result;
        return refuse(std::move(json).error(), unreadable ? catalogue_.refused : catalogue_.refused_drills);
    }
    auto result = parse_drill_result(*json, layout_, backup.manifest.id);
    if (!result) {
        return refuse(std::move(result).error(), catalogue_.refused_drills);
    }
    if (result->passed && !backup.proven_at) {
        backup.proven_at = info.modified;
    }
    backup.drills.push_back({std::move(*result), info.modified});
    return done();
}

Status read_drills(ListedReader& reader, const Layout& layout, const Listing& listing, Catalogue& catalogue) {
    DrillReader drills(reader, layout, catalogue);
    for (auto& backup : catalogue.backups) {
        const auto results = listing.drills.find(backup.manifest.id);
        if (results == listing.drills.end()) {
            continue;
        }
        if (auto read = drills.read(backup, results->second); !read) {
            return read;
        }
    }
    return done();
}

Leftover& leftover_of(std::map<BackupId, Leftover>& found, const BackupId& id) {
    return found.try_emplace(id, Leftover{id, 0, {}}).first->second;
}

void add_data(std::map<BackupId, Leftover>& found, const BackupId& id, const std::vector<ObjectInfo>& objects) {
    auto& leftover = leftover_of(found, id);
    for (const auto& object : objects) {
        if (!object.hide_marker) {
            leftover.bytes += object.size;
            leftover.touched = std::max(leftover.touched, object.modified);
            leftover.objects.push_back(object);
        }
    }
}

void add_upload(std::map<BackupId, Leftover>& found, const BackupId& id, store::UnfinishedUpload upload) {
    auto& leftover = leftover_of(found, id);
    leftover.bytes += upload.size;
    leftover.touched = std::max(leftover.touched, upload.started);
    leftover.uploads.push_back(std::move(upload));
}

bool has_bytes(const std::map<BackupId, History>& manifests, const BackupId& id) {
    const auto found = manifests.find(id);
    return found != manifests.end() &&
           std::any_of(found->second.begin(), found->second.end(), [](const auto& info) { return !info.hide_marker; });
}

// A manifest counts here whatever was done to it: what it names is never taken for a leftover. Only where every version
// of it is gone, and markers are all that is left, there is none.
bool has_manifest(const Listing& listing, const BackupId& id) {
    return has_bytes(listing.manifests, id) || has_bytes(listing.partials, id);
}

std::optional<os::TimePoint> newest_manifest(const Listing& listing) {
    std::optional<os::TimePoint> newest;
    for (const auto* manifests : {&listing.manifests, &listing.partials}) {
        for (const auto& [id, history] : *manifests) {
            newest = std::max(newest.value_or(history.front().modified), history.front().modified);
        }
    }
    return newest;
}

// Data without a manifest, and uploads that were never finished.
Result<Leftovers> leftovers_of(store::ObjectStore& store, const Layout& layout, const Listing& listing) {
    auto unfinished = store.unfinished(layout.prefix());
    Leftovers leftovers;
    if (!unfinished) {
        if (unfinished.error().kind == ErrorKind::interrupted) {
            return std::move(unfinished).error();
        }
        leftovers.uploads_unseen = unfinished.error();
        unfinished = std::vector<store::UnfinishedUpload>{};
    }
    std::map<BackupId, Leftover> found;
    for (const auto& [id, objects] : listing.data) {
        const bool any =
            std::any_of(objects.begin(), objects.end(), [](const auto& each) { return !each.hide_marker; });
        if (any && !has_manifest(listing, id)) {
            add_data(found, id, objects);
        }
    }
    for (auto& upload : *unfinished) {
        if (const auto place = place_of(layout, upload.key); place.id && !has_manifest(listing, *place.id)) {
            add_upload(found, *place.id, std::move(upload));
        } else {
            leftovers.strays.push_back(std::move(upload));
        }
    }
    for (auto& [id, leftover] : found) {
        leftovers.runs.push_back(std::move(leftover));
    }
    leftovers.newest_manifest = newest_manifest(listing);
    return leftovers;
}

bool holds_backups(KeyKind kind) {
    switch (kind) {
        case KeyKind::manifest:
        case KeyKind::partial_manifest:
        case KeyKind::data:
        case KeyKind::accepted: return true;
        case KeyKind::drill_result:
        case KeyKind::drill_report:
        case KeyKind::other: return false;
    }
    return false;
}

}  // namespace

std::string_view name_of(State state) {
    switch (state) {
        case State::good: return "good";
        case State::marked: return "marked";
        case State::partial: return "partial";
        case State::hidden: return "hidden";
        case State::expired: return "expired";
    }
    return "";
}

Result<Catalogue> read_catalogue(store::ObjectStore& store, const Layout& layout,
                                 std::optional<std::chrono::milliseconds> expires_after) {
    auto listing = list_instance(store, layout);
    if (!listing) {
        return std::move(listing).error();
    }
    Catalogue catalogue;
    catalogue.instance = layout.instance();
    ListedReader reader(store, layout);
    Reader manifests(store, reader, layout, expires_after, *listing, catalogue);
    for (const auto& [id, history] : listing->manifests) {
        if (auto added = manifests.add(KeyKind::manifest, id, history); !added) {
            return std::move(added).error();
        }
    }
    for (const auto& [id, history] : listing->partials) {
        if (auto added = manifests.add(KeyKind::partial_manifest, id, history); !added) {
            return std::move(added).error();
        }
    }
    std::sort(catalogue.backups.begin(), catalogue.backups.end(), [](const Backup& a, const Backup& b) {
        return std::tie(a.stored, a.manifest.id) < std::tie(b.stored, b.manifest.id);
    });
    find_copied_back(catalogue.backups);
    if (listing->any_accepted) {
        auto acceptances = read_acceptances(store, reader, layout, catalogue.refused);
        if (!acceptances) {
            return std::move(acceptances).error();
        }
        catalogue.acceptances = std::move(*acceptances);
    }
    take_trust(catalogue);
    if (auto read = read_drills(reader, layout, *listing, catalogue); !read) {
        return std::move(read).error();
    }
    auto leftovers = leftovers_of(store, layout, *listing);
    if (!leftovers) {
        return std::move(leftovers).error();
    }
    catalogue.leftovers = std::move(leftovers->runs);
    catalogue.strays = std::move(leftovers->strays);
    catalogue.uploads_unseen = std::move(leftovers->uploads_unseen);
    return catalogue;
}

Result<Leftovers> find_leftovers(store::ObjectStore& store, const Layout& layout) {
    auto listing = list_instance(store, layout);
    if (!listing) {
        return std::move(listing).error();
    }
    return leftovers_of(store, layout, *listing);
}

Result<std::vector<BackupName>> list_names(store::ObjectStore& store, const Layout& layout) {
    std::vector<BackupName> names;
    auto listed = store.list(layout.manifests_prefix(), [&](const ObjectInfo& object) {
        const auto place = place_of(layout, object.key);
        const bool another = names.empty() || !place.id || names.back().id != *place.id;
        if (place.kind == KeyKind::manifest && !object.hide_marker && another) {
            names.push_back({*place.id, object.modified});
        }
        return done();
    });
    if (!listed) {
        return std::move(listed).error();
    }
    return names;
}

Result<std::vector<Layout>> list_instances(store::ObjectStore& store) {
    std::set<std::string> names;
    auto listed = store.list("", [&](const ObjectInfo& object) {
        const auto& key = object.key.text();
        auto layout = Layout::of(key.substr(0, key.find('/')));
        if (layout && key.size() > layout->prefix().size() && holds_backups(place_of(*layout, object.key).kind)) {
            names.insert(layout->instance());
        }
        return done();
    });
    if (!listed) {
        return std::move(listed).error();
    }
    std::vector<Layout> layouts;
    layouts.reserve(names.size());
    for (const auto& name : names) {
        layouts.push_back(Layout::of(name).value());
    }
    return layouts;
}

}  // namespace lifeboat::catalogue
