#include "prune/prune.hpp"

#include <algorithm>
#include <map>
#include <string_view>

namespace lifeboat::prune {
namespace {

using catalogue::BackupId;
using catalogue::KeyKind;
using store::ObjectInfo;

// What lies under the id of one backup.
struct Holding {
    std::optional<os::TimePoint> manifest;  // when its first version was stored; empty: there is none
    bool data = false;                      // bytes, not only markers
    std::vector<ObjectInfo> acceptances;
    std::vector<ObjectInfo> others;  // drills, signatures, and markers that hide nothing any more
};

constexpr std::string_view signature = ".minisig";

// As place_of, and a signature is where its manifest is.
catalogue::KeyPlace belongs_to(const catalogue::Layout& layout, const store::ObjectKey& key) {
    const auto& text = key.text();
    if (!text.ends_with(signature)) {
        return catalogue::place_of(layout, key);
    }
    const auto signed_key = store::ObjectKey::parse(std::string_view(text).substr(0, text.size() - signature.size()));
    return signed_key ? catalogue::place_of(layout, *signed_key) : catalogue::KeyPlace{};
}

bool is_manifest(KeyKind kind) {
    return kind == KeyKind::manifest || kind == KeyKind::partial_manifest;
}

void note(std::map<BackupId, Holding>& held, const catalogue::Layout& layout, const ObjectInfo& info) {
    const auto place = belongs_to(layout, info.key);
    if (!place.id) {
        return;
    }
    auto& holding = held[*place.id];
    if (is_manifest(place.kind) && !info.hide_marker && !info.key.text().ends_with(signature)) {
        holding.manifest = std::min(holding.manifest.value_or(info.modified), info.modified);
    } else if (place.kind == KeyKind::data && !info.hide_marker) {
        holding.data = true;
    } else if (place.kind == KeyKind::accepted) {
        holding.acceptances.push_back(info);
    } else {
        holding.others.push_back(info);
    }
}

class Cleaner {
public:
    Cleaner(store::ObjectStore& store, std::chrono::milliseconds min_age, os::TimePoint our_time,
            const std::stop_token& stop)
        : store_(store), min_age_(min_age), our_time_(our_time), stop_(stop) {}

    Result<Remains> run(const std::map<BackupId, Holding>& held);

private:
    Status take(const std::vector<ObjectInfo>& objects, os::TimePoint before);

    store::ObjectStore& store_;
    const std::chrono::milliseconds min_age_;
    const os::TimePoint our_time_;
    const std::stop_token stop_;
    Remains remains_;
};

Status Cleaner::take(const std::vector<ObjectInfo>& objects, os::TimePoint before) {
    for (const auto& object : objects) {
        if (object.modified >= before || remains_.refused) {
            continue;
        }
        if (stop_.stop_requested()) {
            return Error{ErrorKind::interrupted, "stopped", {}};
        }
        auto removed = store_.remove(object.key, object.version_id);
        if (removed) {
            ++remains_.objects;
        } else if (removed.error().kind == ErrorKind::failed) {
            remains_.refused = removed.error();
        } else if (removed.error().kind != ErrorKind::refused) {
            return removed;
        }
    }
    return done();
}

Result<Remains> Cleaner::run(const std::map<BackupId, Holding>& held) {
    std::optional<os::TimePoint> oldest;
    std::optional<os::TimePoint> newest;
    for (const auto& [id, holding] : held) {
        if (const auto stored = holding.manifest) {
            oldest = std::min(oldest.value_or(*stored), *stored);
            newest = std::max(newest.value_or(*stored), *stored);
        }
    }
    if (!newest) {
        return remains_;  // nothing tells the store's time
    }
    const auto now = std::min(*newest, our_time_);
    for (const auto& [id, holding] : held) {
        if (holding.manifest) {
            continue;
        }
        if (auto taken = take(holding.acceptances, std::min(*oldest, now) - min_age_); !taken) {
            return std::move(taken).error();
        }
        // What is beside data is left until a sweep has taken that: a run may be at work there.
        if (holding.data) {
            continue;
        }
        if (auto taken = take(holding.others, now - min_age_); !taken) {
            return std::move(taken).error();
        }
    }
    return remains_;
}

}  // namespace

Result<Remains> clear_remains(store::ObjectStore& store, const catalogue::Layout& layout,
                              std::chrono::milliseconds min_age, os::TimePoint our_time, const std::stop_token& stop) {
    std::map<BackupId, Holding> held;
    auto listed = store.list(layout.prefix(), [&](const ObjectInfo& info) {
        note(held, layout, info);
        return done();
    });
    if (!listed) {
        return std::move(listed).error();
    }
    if (!store.lists_everything()) {
        return Remains{};  // what seems to be left alone may have a manifest that somebody hid
    }
    return Cleaner(store, min_age, our_time, stop).run(held);
}

}  // namespace lifeboat::prune
