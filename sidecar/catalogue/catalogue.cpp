#include "catalogue/catalogue.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace lifeboat::catalogue {
namespace {

using store::ObjectInfo;

// One listing, sorted out by what each key is.
struct Listing {
    std::vector<std::pair<BackupId, ObjectInfo>> manifests;
    std::vector<std::pair<BackupId, ObjectInfo>> partials;
    std::set<BackupId> accepted;
    std::map<BackupId, std::vector<ObjectInfo>> data;
};

Result<Listing> list_instance(store::ObjectStore& store, const Layout& layout) {
    Listing listing;
    auto listed = store.list(layout.prefix(), [&](const ObjectInfo& object) {
        auto place = place_of(layout, object.key);
        switch (place.kind) {
            case KeyKind::manifest: listing.manifests.emplace_back(*place.id, object); break;
            case KeyKind::partial_manifest: listing.partials.emplace_back(*place.id, object); break;
            case KeyKind::accepted: listing.accepted.insert(*place.id); break;
            case KeyKind::data: listing.data[*place.id].push_back(object); break;
            case KeyKind::other: break;
        }
        return done();
    });
    if (!listed) {
        return std::move(listed).error();
    }
    return listing;
}

bool all_listed(const Manifest& manifest, const std::vector<ObjectInfo>& present) {
    const auto objects = manifest.all_objects();
    return std::all_of(objects.begin(), objects.end(), [&](const auto& object) {
        return std::any_of(present.begin(), present.end(), [&](const auto& info) { return info.key == object.key; });
    });
}

State state_of(const Manifest& manifest, KeyKind kind, const Listing& listing) {
    const auto data = listing.data.find(manifest.id);
    if (!all_listed(manifest, data == listing.data.end() ? std::vector<ObjectInfo>{} : data->second)) {
        return State::expired;
    }
    if (kind == KeyKind::partial_manifest) {
        return State::partial;
    }
    return manifest.marks.empty() || listing.accepted.count(manifest.id) != 0 ? State::good : State::marked;
}

Status add_backup(Catalogue& catalogue, store::ObjectStore& store, const Layout& layout, const Listing& listing,
                  KeyKind kind, const std::pair<BackupId, ObjectInfo>& entry) {
    const auto& [id, object] = entry;
    auto json = store::get(store, object.key, object.version_id, largest_manifest);
    if (!json) {
        if (json.error().kind == ErrorKind::not_found) {
            return done();  // pruned since it was listed
        }
        if (json.error().kind == ErrorKind::corrupt) {
            catalogue.refused.push_back(std::move(json).error());  // one that is too large must not hide the others
            return done();
        }
        return std::move(json).error();
    }
    auto manifest = parse_manifest(*json, layout, id);
    if (!manifest) {
        catalogue.refused.push_back(std::move(manifest).error());
        return done();
    }
    const State state = state_of(*manifest, kind, listing);
    catalogue.backups.push_back({std::move(*manifest), state, object.modified});
    return done();
}

Leftover leftover_of(const BackupId& id, const std::vector<ObjectInfo>& objects) {
    Leftover leftover{id, 0, {}};
    for (const auto& object : objects) {
        leftover.bytes += object.size;
        leftover.touched = std::max(leftover.touched, object.modified);
    }
    return leftover;
}

// Data without a manifest, and uploads that were never finished.
Status add_leftovers(Catalogue& catalogue, store::ObjectStore& store, const Layout& layout, const Listing& listing) {
    std::set<BackupId> whole;
    for (const auto* list : {&listing.manifests, &listing.partials}) {
        for (const auto& [id, object] : *list) {
            whole.insert(id);
        }
    }
    std::map<BackupId, Leftover> found;
    for (const auto& [id, objects] : listing.data) {
        if (whole.count(id) == 0) {
            found.emplace(id, leftover_of(id, objects));
        }
    }
    auto unfinished = store.unfinished(layout.prefix());
    if (!unfinished) {
        return std::move(unfinished).error();
    }
    for (const auto& upload : *unfinished) {
        if (const auto place = place_of(layout, upload.key); place.id && whole.count(*place.id) == 0) {
            auto& leftover = found.try_emplace(*place.id, Leftover{*place.id, 0, {}}).first->second;
            leftover.bytes += upload.size;
            leftover.touched = std::max(leftover.touched, upload.started);
        }
    }
    for (auto& [id, leftover] : found) {
        catalogue.leftovers.push_back(std::move(leftover));
    }
    return done();
}

}  // namespace

std::string_view name_of(State state) {
    switch (state) {
        case State::good: return "good";
        case State::marked: return "marked";
        case State::partial: return "partial";
        case State::expired: return "expired";
    }
    return "";
}

Result<Catalogue> read_catalogue(store::ObjectStore& store, const Layout& layout) {
    auto listing = list_instance(store, layout);
    if (!listing) {
        return std::move(listing).error();
    }
    Catalogue catalogue;
    catalogue.instance = layout.instance();
    for (const auto& entry : listing->manifests) {
        if (auto added = add_backup(catalogue, store, layout, *listing, KeyKind::manifest, entry); !added) {
            return std::move(added).error();
        }
    }
    for (const auto& entry : listing->partials) {
        if (auto added = add_backup(catalogue, store, layout, *listing, KeyKind::partial_manifest, entry); !added) {
            return std::move(added).error();
        }
    }
    std::sort(catalogue.backups.begin(), catalogue.backups.end(), [](const Backup& a, const Backup& b) {
        return std::tie(a.stored, a.manifest.id) < std::tie(b.stored, b.manifest.id);
    });
    if (auto added = add_leftovers(catalogue, store, layout, *listing); !added) {
        return std::move(added).error();
    }
    return catalogue;
}

Result<std::vector<Layout>> list_instances(store::ObjectStore& store) {
    std::set<std::string> names;
    auto listed = store.list("", [&](const ObjectInfo& object) {
        const auto& key = object.key.text();
        auto layout = Layout::of(key.substr(0, key.find('/')));
        if (layout && key.size() > layout->prefix().size() && place_of(*layout, object.key).kind != KeyKind::other) {
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
