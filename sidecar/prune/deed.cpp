#include "prune/prune.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace lifeboat::prune {
namespace {

using store::ObjectInfo;

class Deed {
public:
    Deed(store::ObjectStore& store, const Plan& plan, const std::stop_token& stop)
        : store_(store), plan_(plan), stop_(stop) {
        for (const auto& row : plan.rows) {
            known_.insert(row.id);
        }
        known_.insert(plan.unread.begin(), plan.unread.end());
    }

    Outcome run();

private:
    enum class Became { gone, left };

    Status let_go(const Row& row);
    [[nodiscard]] std::vector<store::ObjectKey> manifests_of(const catalogue::BackupId& id) const;
    Result<Became> remove_manifests(const catalogue::BackupId& id);
    Status remove_below(const std::string& prefix, const catalogue::BackupId& id);
    Status remove(const ObjectInfo& info);
    Status look_again();
    [[nodiscard]] Status look_at_anchor(const std::vector<ObjectInfo>& manifests) const;
    Status look_at_new(const std::vector<ObjectInfo>& manifests);
    Result<std::vector<ObjectInfo>> list(const std::string& prefix);
    void leave(const catalogue::BackupId& id, const Error& why);

    store::ObjectStore& store_;
    const Plan& plan_;
    const std::stop_token stop_;
    std::set<catalogue::BackupId> known_;          // of the plan, and those that were looked at since
    std::map<catalogue::BackupId, Error> needed_;  // witnesses of what was left, and why that was
    Outcome outcome_;
};

// The store's own no: it is locked, or the key may not delete. Many stores do not say which. So the next one is tried
// as well; as the first deletion of each is that of its manifest, nothing is lost by asking.
bool is_a_no(const Error& error) {
    return error.kind == ErrorKind::refused || error.kind == ErrorKind::failed;
}

Result<std::vector<ObjectInfo>> Deed::list(const std::string& prefix) {
    std::vector<ObjectInfo> found;
    auto listed = store_.list(prefix, [&](const ObjectInfo& info) {
        found.push_back(info);
        return done();
    });
    if (!listed) {
        return std::move(listed).error();
    }
    return found;
}

Status Deed::remove(const ObjectInfo& info) {
    if (stop_.stop_requested()) {
        return Error{ErrorKind::interrupted, "stopped before everything was deleted that no rule keeps",
                     "the next prune goes on from here"};
    }
    return store_.remove(info.key, info.version_id);
}

void Deed::leave(const catalogue::BackupId& id, const Error& why) {
    if (outcome_.left.empty() || outcome_.left.back().id != id) {
        outcome_.left.push_back({id, why});
    }
}

// Versions with bytes from the newest to the oldest, which is the manifest: a later one under its name cannot become
// the manifest that way, should this be the last that we do. Then the markers, which hide nothing any more, and last
// what else the prefix found: its signature.
void put_in_order(std::vector<ObjectInfo>& versions, const store::ObjectKey& manifest) {
    std::reverse(versions.begin(), versions.end());
    std::stable_sort(versions.begin(), versions.end(), [&](const auto& a, const auto& b) {
        return std::pair(a.key != manifest, a.hide_marker) < std::pair(b.key != manifest, b.hide_marker);
    });
}

// Of those rows of the plan that bear this id: what is no row was not decided.
std::vector<store::ObjectKey> Deed::manifests_of(const catalogue::BackupId& id) const {
    std::vector<store::ObjectKey> keys;
    for (const auto& row : plan_.rows) {
        if (row.id == id && !row.keep) {
            keys.push_back(row.of_partial_run ? plan_.layout.partial_manifest(id) : plan_.layout.manifest(id));
        }
    }
    return keys;
}

Result<Deed::Became> Deed::remove_manifests(const catalogue::BackupId& id) {
    for (const auto& key : manifests_of(id)) {
        auto versions = list(key.text());
        if (!versions) {
            return std::move(versions).error();
        }
        put_in_order(*versions, key);
        for (const auto& version : *versions) {
            auto removed = remove(version);
            if (!removed && is_a_no(removed.error())) {
                leave(id, removed.error());
                return Became::left;
            }
            if (!removed) {
                return std::move(removed).error();
            }
        }
    }
    return Became::gone;
}

// What is locked is left and said. Where the store does not answer the run ends: what is left has no manifest any more.
Status Deed::remove_below(const std::string& prefix, const catalogue::BackupId& id) {
    auto objects = list(prefix);
    if (!objects) {
        return std::move(objects).error();
    }
    for (const auto& object : *objects) {
        auto removed = remove(object);
        if (!removed && is_a_no(removed.error())) {
            leave(id, removed.error());
        } else if (!removed) {
            return removed;
        }
    }
    return done();
}

// Whether the plan is still right: what all else is let go for stands, and nothing came that puts it in doubt.
Status Deed::look_again() {
    const auto manifests = list(plan_.layout.manifests_prefix());
    if (!manifests) {
        return manifests.error();
    }
    auto looked = look_at_anchor(*manifests);
    return looked ? look_at_new(*manifests) : looked;
}

// A plan that was made before a marked backup came would let go of what its owner may need.
Status Deed::look_at_new(const std::vector<ObjectInfo>& manifests) {
    for (const auto& info : manifests) {
        const auto place = catalogue::place_of(plan_.layout, info.key);
        if (place.kind != catalogue::KeyKind::manifest || info.hide_marker || !known_.insert(*place.id).second) {
            continue;
        }
        auto json = store::get(store_, info.key, info.version_id, catalogue::largest_manifest);
        if (!json && json.error().kind != ErrorKind::not_found && json.error().kind != ErrorKind::corrupt) {
            return std::move(json).error();
        }
        const auto manifest = json ? catalogue::parse_manifest(*json, plan_.layout, *place.id)
                                   : Result<catalogue::Manifest>(json.error());
        if (manifest && !manifest->marks.empty()) {
            return Error{ErrorKind::refused,
                         "backup " + place.id->text() +
                             ", which came while others were let go, is marked: nothing more was deleted",
                         "look at it with `lifeboat show`; once it is as it should be, accept it"};
        }
    }
    return done();
}

// Whether somebody hid it since. What was there before its first version hides nothing: whoever saw its data come may
// have put a marker under its name.
Status Deed::look_at_anchor(const std::vector<ObjectInfo>& manifests) const {
    if (!plan_.anchor) {
        return done();
    }
    const auto key = plan_.layout.manifest(*plan_.anchor);
    const auto first = std::find_if(manifests.begin(), manifests.end(),
                                    [&](const auto& info) { return info.key == key && !info.hide_marker; });
    const bool hidden =
        std::any_of(first, manifests.end(), [&](const auto& info) { return info.key == key && info.hide_marker; });
    if (hidden || first == manifests.end()) {
        return Error{ErrorKind::refused,
                     "the newest good backup, " + plan_.anchor->text() +
                         ", was hidden or deleted by someone while others were let go: nothing more was deleted",
                     "find out who did it: `lifeboat list` shows what there is"};
    }
    return done();
}

Status Deed::let_go(const Row& row) {
    if (const auto needed = needed_.find(row.id); needed != needed_.end()) {
        leave(row.id, needed->second);
        return done();
    }
    if (auto stands = look_again(); !stands) {
        return stands;
    }
    auto became = remove_manifests(row.id);
    if (!became) {
        return std::move(became).error();
    }
    if (*became == Became::left) {
        if (row.witness) {
            needed_.emplace(*row.witness,
                            in_context("it tells that " + row.id.text() + ", which is left, was copied back",
                                       outcome_.left.back().why));
        }
        return done();
    }
    if (std::find(outcome_.gone.begin(), outcome_.gone.end(), row.id) == outcome_.gone.end()) {
        outcome_.gone.push_back(row.id);
        outcome_.bytes += row.bytes;
    }
    for (const auto& prefix : {plan_.layout.data_prefix(row.id), plan_.layout.drills_prefix(row.id)}) {
        if (auto removed = remove_below(prefix, row.id); !removed) {
            return removed;
        }
    }
    return done();
}

Outcome Deed::run() {
    for (const bool copied_back : {true, false}) {
        for (const auto& row : plan_.rows) {
            if (row.keep || row.witness.has_value() != copied_back) {
                continue;
            }
            if (auto went = let_go(row); !went) {
                outcome_.failure = std::move(went).error();
                return outcome_;
            }
        }
    }
    return outcome_;
}

}  // namespace

bool Outcome::may_not() const {
    return gone.empty() && !left.empty() &&
           std::all_of(left.begin(), left.end(), [](const auto& each) { return each.why.kind == ErrorKind::failed; });
}

Outcome carry_out(store::ObjectStore& store, const Plan& plan, const std::stop_token& stop) {
    if (plan.stop) {
        Outcome nothing;
        nothing.failure = Error{ErrorKind::refused, plan.stop->what, plan.stop->next};
        return nothing;
    }
    return Deed(store, plan, stop).run();
}

}  // namespace lifeboat::prune
