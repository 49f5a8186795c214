#include "catalogue/trust.hpp"

#include "catalogue/comparison.hpp"

#include "copied_back.hpp"
#include "listed_reader.hpp"
#include "os/future.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace lifeboat::catalogue {
namespace {

// A key of which there is more than markers of deletions.
struct Named {
    BackupId id;
    std::vector<store::ObjectInfo> versions;  // from the first on, the oldest

    [[nodiscard]] const store::ObjectInfo& first() const { return versions.front(); }
};

Result<std::vector<Named>> list_keys(store::ObjectStore& store, const Layout& layout, const std::string& prefix) {
    std::vector<Named> found;
    auto listed = store.list(prefix, [&](const store::ObjectInfo& object) {
        const auto place = place_of(layout, object.key);
        if (!place.id || object.hide_marker) {
            return done();
        }
        if (!found.empty() && found.back().id == *place.id) {
            found.back().versions.push_back(object);
        } else {
            found.push_back({*place.id, {object}});
        }
        return done();
    });
    if (!listed) {
        return std::move(listed).error();
    }
    return found;
}

// `partial`: those of partial runs, which tell of their time as well.
void drop_copied_back(std::vector<Named>& names, const std::vector<Named>& partial) {
    std::vector<Dated> dates;
    dates.reserve(names.size() + partial.size());
    for (const auto* some : {&std::as_const(names), &partial}) {
        for (const auto& name : *some) {
            dates.push_back({name.id.started(), name.first().modified});
        }
    }
    const auto found = copied_back(dates);
    std::vector<Named> rest;
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (!found[i]) {
            rest.push_back(std::move(names[i]));
        }
    }
    names = std::move(rest);
}

// The newest first, and as rank_by_age() what is dated in the future last of all: as of the earliest time that there
// is, and so is the owner's word on it. Where everything is dated so the times stay.
void rank(std::vector<Named>& names, std::vector<Acceptance>& acceptances, os::TimePoint now) {
    std::sort(names.begin(), names.end(), [](const auto& a, const auto& b) {
        return std::tie(b.first().modified, b.id) < std::tie(a.first().modified, a.id);
    });
    const auto future = std::stable_partition(names.begin(), names.end(), [now](const auto& name) {
        return !os::is_in_the_future(name.first().modified, now);
    });
    if (future == names.begin()) {
        return;
    }
    std::for_each(future, names.end(), [](Named& name) {
        for (auto& version : name.versions) {
            version.modified = os::TimePoint::min();
        }
    });
    for (auto& acceptance : acceptances) {
        if (os::is_in_the_future(acceptance.stored, now)) {
            acceptance.stored = os::TimePoint::min();
        }
    }
}

bool was_checked(const Manifest& manifest) {
    return !manifest.lineage || manifest.lineage->not_checked.empty();
}

LineageRules rules_of(const Manifest& manifest) {
    return manifest.lineage ? LineageRules{manifest.lineage->min_ratio} : LineageRules{};
}

struct Link {
    Manifest manifest;
    os::TimePoint stored;
};

// Goes back from the newest manifest, as far as one can matter.
class WayBack {
public:
    WayBack(const std::vector<Named>& names, const std::vector<Acceptance>& acceptances) {
        for (const auto& name : names) {
            stored_.emplace(name.id.text(), name.first().modified);
        }
        for (const auto& acceptance : acceptances) {
            accepted_.insert(acceptance.id);
        }
    }

    // Whether what was stored before `manifest` still matters.
    bool goes_on(const Manifest& manifest, os::TimePoint stored) {
        if (accepted_.count(manifest.id) != 0) {
            return false;
        }
        if (until_ && stored <= *until_) {
            return false;
        }
        if (!manifest.marks.empty()) {
            until_.reset();
            return true;
        }
        if (!manifest.lineage) {
            return false;  // from before there were marks
        }
        if (!was_checked(manifest) || until_) {
            return true;
        }
        // It was found in order by one that knew all up to this one. What another server stored between the two, it
        // may not have seen.
        const auto known = stored_.find(manifest.lineage->compared_with);
        if (known == stored_.end()) {
            return false;
        }
        until_ = known->second;
        return true;
    }

private:
    std::map<std::string, os::TimePoint> stored_;
    std::set<BackupId> accepted_;
    std::optional<os::TimePoint> until_;
};

// From the newest back, as far as one can matter.
Result<std::vector<Link>> go_back(ListedReader& reader, const Layout& layout, const std::vector<Named>& names,
                                  WayBack way) {
    std::vector<Link> links;
    std::optional<Error> refused;
    for (const auto& name : names) {
        auto search = find_manifest(reader, layout, KeyKind::manifest, name.id, name.versions);
        if (!search) {
            return std::move(search).error();
        }
        if (!search->found) {
            refused = refused ? refused : search->refused;
            continue;
        }
        auto& found = *search->found;
        links.push_back({std::move(found.manifest), name.versions[found.version].modified});
        if (!way.goes_on(links.back().manifest, links.back().stored)) {
            break;
        }
    }
    // Or whoever makes all of them unreadable would make this backup the first one.
    if (links.empty() && refused) {
        return Error{ErrorKind::corrupt, "none of the manifests that are there is any good: " + refused->what,
                     refused->next};
    }
    return links;
}

}  // namespace

bool only_follows(const Manifest& manifest) {
    const auto follows = [](const Mark& mark) { return mark.kind == follows_marked; };
    return !manifest.marks.empty() && std::all_of(manifest.marks.begin(), manifest.marks.end(), follows);
}

std::vector<std::string> followed_by(const Manifest& manifest) {
    std::vector<std::string> ids;
    for (const auto& mark : manifest.marks) {
        if (mark.kind == follows_marked && !mark.backup.empty()) {
            ids.push_back(mark.backup);
        }
    }
    return ids;
}

Trust::Trust(std::vector<Acceptance> acceptances) : acceptances_(std::move(acceptances)) {
    std::sort(acceptances_.begin(), acceptances_.end(),
              [](const auto& a, const auto& b) { return std::tie(a.stored, a.id) < std::tie(b.stored, b.id); });
    for (const auto& acceptance : acceptances_) {
        accepted_.emplace(acceptance.id, acceptance);
    }
}

void Trust::settle(const Acceptance& acceptance) {
    doubt_.reset();
    vouched_for_ = nullptr;
    settled_.merge(open_);
    open_.clear();
    settled_.insert(acceptance.id.text());
    settled_.insert(acceptance.settles.begin(), acceptance.settles.end());
    settled_until_ = acceptance.stored;
}

void Trust::settle_until(os::TimePoint stored) {
    // Strictly before: a copy of the store may have other times, and a backup that is there speaks for itself.
    const auto end = std::find_if(acceptances_.begin(), acceptances_.end(),
                                  [&](const auto& acceptance) { return acceptance.stored >= stored; });
    std::for_each(acceptances_.begin(), end, [&](const auto& acceptance) { settle(acceptance); });
    acceptances_.erase(acceptances_.begin(), end);
}

void Trust::finish() {
    for (const auto& acceptance : std::exchange(acceptances_, {})) {
        settle(acceptance);
    }
}

bool Trust::follows_settled(const Manifest& manifest) const {
    return only_follows(manifest) && std::all_of(manifest.marks.begin(), manifest.marks.end(),
                                                 [&](const auto& mark) { return is_settled(mark.backup); });
}

// Of one that is gone nothing but its name tells its time. A clock that was far behind does not pass (misdated), and of
// one that was ahead it is not believed that it came before.
bool Trust::is_settled(const std::string& backup) const {
    if (settled_.count(backup) != 0) {
        return true;
    }
    const auto id = BackupId::parse(backup);
    return id && settled_until_ && id->started() < *settled_until_;
}

std::vector<Mark> Trust::lost_in(const Manifest& manifest) const {
    const auto* const with = manifest.marks.empty() ? measure_ : vouched_for_;
    if (with == nullptr || (manifest.marks.empty() && was_checked(manifest))) {
        return {};
    }
    return compare(*with, manifest, rules_of(manifest), {}).marks;
}

void Trust::trust(const Manifest& manifest) {
    if (measure_ == nullptr || was_checked(manifest) || !was_checked(*measure_)) {
        measure_ = &manifest;
    }
}

bool Trust::next(const Manifest& manifest, os::TimePoint stored) {
    settle_until(stored);
    found_.clear();
    if (const auto accepted = accepted_.find(manifest.id); accepted != accepted_.end()) {
        settle(accepted->second);
        vouched_for_ = &manifest;
        measure_ = &manifest;
        std::erase_if(acceptances_, [&](const auto& acceptance) { return acceptance.id == manifest.id; });
        return true;
    }
    if (!doubt_ && (manifest.marks.empty() || follows_settled(manifest))) {
        found_ = lost_in(manifest);
        if (found_.empty()) {
            trust(manifest);
            return true;
        }
    }
    open_.insert(manifest.id.text());
    if (!doubt_) {
        doubt_ = manifest.id;
    }
    return false;
}

Result<std::vector<Acceptance>> read_acceptances(store::ObjectStore& store, const Layout& layout,
                                                 std::vector<Error>& refused) {
    ListedReader reader(store, layout);
    return read_acceptances(store, reader, layout, refused);
}

Result<std::vector<Acceptance>> read_acceptances(store::ObjectStore& store, ListedReader& reader, const Layout& layout,
                                                 std::vector<Error>& refused) {
    const auto names = list_keys(store, layout, layout.acceptances_prefix());
    if (!names) {
        return names.error();
    }
    std::vector<Acceptance> acceptances;
    for (const auto& name : *names) {
        auto json = reader.read(name.first(), largest_acceptance);
        if (!json && json.error().kind == ErrorKind::not_found) {
            continue;  // gone since it was listed
        }
        if (!json && json.error().kind != ErrorKind::corrupt) {
            return std::move(json).error();
        }
        auto acceptance = json ? parse_acceptance(*json, layout, name.id) : Result<Acceptance>(json.error());
        if (acceptance) {
            acceptances.push_back(std::move(*acceptance));
        } else {
            refused.push_back(std::move(acceptance).error());
        }
    }
    return acceptances;
}

namespace {

// Everything under this one key. By version, so that nothing is hidden.
Status remove_all(store::ObjectStore& store, const store::ObjectKey& key) {
    std::vector<store::ObjectInfo> versions;
    auto listed = store.list(key.text(), [&](const store::ObjectInfo& info) {
        if (info.key == key) {
            versions.push_back(info);
        }
        return done();
    });
    for (const auto& version : versions) {
        if (auto removed = store.remove(key, version.version_id); !removed) {
            return removed;
        }
    }
    return listed;
}

bool holds(const std::vector<Acceptance>& acceptances, const BackupId& id) {
    return std::any_of(acceptances.begin(), acceptances.end(), [&](const auto& one) { return one.id == id; });
}

}  // namespace

Result<Accepted> store_acceptance(store::ObjectStore& store, const Layout& layout, const Acceptance& acceptance) {
    const auto key = layout.acceptance(acceptance.id);
    const std::string json = to_json(acceptance, layout);
    auto put = store::put(store, key, stream::as_bytes(json));
    if (!put && put.error().kind != ErrorKind::exists) {
        return std::move(put).error();
    }
    std::vector<Error> refused;
    const auto there = read_acceptances(store, layout, refused);
    if (!there) {
        return there.error();
    }
    if (holds(*there, acceptance.id)) {
        return put ? Result<Accepted>(Accepted{}) : std::move(put).error();
    }
    // Also where ours could be written: over a hidden one, whose first version counts all the same.
    if (auto removed = remove_all(store, key); !removed) {
        Error error =
            in_context("'" + key.text() + "' is no acceptance, and cannot be deleted", std::move(removed).error());
        if (error.kind == ErrorKind::failed || error.kind == ErrorKind::refused) {
            error.kind = ErrorKind::corrupt;  // the key may write: it is what lies there that is wrong
        }
        error.next =
            "delete it, by its version, with a key that may, and accept again; or accept a later backup, which "
            "says as much";
        return error;
    }
    put = store::put(store, key, stream::as_bytes(json));
    return put ? Result<Accepted>(Accepted{true}) : std::move(put).error();
}

Result<Ancestry> read_ancestry(store::ObjectStore& store, const Layout& layout, os::TimePoint now) {
    auto names = list_keys(store, layout, layout.manifests_prefix());
    if (!names) {
        return names.error().kind == ErrorKind::not_found ? Result(Ancestry{}) : std::move(names).error();
    }
    const auto partial = list_keys(store, layout, layout.partials_prefix());
    if (!partial) {
        return partial.error();
    }
    drop_copied_back(*names, *partial);
    ListedReader reader(store, layout);
    std::vector<Error> refused;
    auto acceptances = read_acceptances(store, reader, layout, refused);
    if (!acceptances) {
        return std::move(acceptances).error();
    }
    rank(*names, *acceptances, now);
    const auto links = go_back(reader, layout, *names, WayBack(*names, *acceptances));
    if (!links) {
        return links.error();
    }
    Ancestry ancestry;
    Trust trust(std::move(*acceptances));
    std::for_each(links->rbegin(), links->rend(), [&](const Link& link) {
        const auto& manifest = link.manifest;
        if (trust.next(manifest, link.stored)) {
            ancestry.head.reset();
        } else if (!trust.found().empty() || (!manifest.marks.empty() && !only_follows(manifest))) {
            ancestry.head = manifest;
            ancestry.head->marks.insert(ancestry.head->marks.begin(), trust.found().begin(), trust.found().end());
        }
    });
    trust.finish();
    ancestry.trusted = trust.measure() == nullptr ? std::nullopt : std::optional(*trust.measure());
    ancestry.doubt = trust.doubt();
    if (!ancestry.doubt) {
        ancestry.head.reset();
    }
    return ancestry;
}

}  // namespace lifeboat::catalogue
