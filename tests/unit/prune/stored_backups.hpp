// An instance in a store in memory, with the store's own clock in the test's hand.
#pragma once

#include "prune/prune.hpp"

#include "support/memory_store.hpp"
#include "unit/catalogue/samples.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace lifeboat::prune {

using catalogue::app;
using catalogue::at;
using catalogue::BackupId;
using catalogue::id_of;
using catalogue::Manifest;
using catalogue::State;

// A run that began at `started`, as its client says; `tail` tells those of one second apart.
inline BackupId id_at(os::TimePoint started, const std::string& tail = "0001") {
    std::string text = os::utc_text(started);  // 2026-11-22T02:17:00Z
    std::erase_if(text, [](char c) { return c == '-' || c == ':'; });
    return id_of(text + "-" + tail);
}

class StoredBackups {
public:
    explicit StoredBackups(store::ObjectStore& store, std::function<void(const store::ObjectKey&, os::TimePoint)> date)
        : store_(store), date_(std::move(date)) {}
    explicit StoredBackups(test::MemoryStore& store)
        : StoredBackups(store, [&store](const auto& key, auto when) { store.set_modified(key, when); }) {}

    // A whole backup of these databases and the globals, stored at `when`.
    Manifest add(os::TimePoint when, const std::vector<std::string>& databases = {"shop"},
                 const std::string& tail = "0001", const std::vector<catalogue::Mark>& marks = {}) {
        auto manifest = made(id_at(when, tail), databases);
        manifest.marks = marks;
        put_data(manifest, when);
        put(app().manifest(manifest.id), to_json(manifest), when);
        return manifest;
    }
    Manifest add_partial(os::TimePoint when, const std::vector<std::string>& databases) {
        auto manifest = made(id_at(when), databases);
        manifest.failures.push_back({"another", "failed"});
        put_data(manifest, when);
        put(app().partial_manifest(manifest.id), to_json(manifest), when);
        return manifest;
    }
    std::vector<Manifest> add_nightly(int nights, os::TimePoint last) {
        std::vector<Manifest> all;
        for (int night = nights - 1; night >= 0; --night) {
            all.push_back(add(last - std::chrono::days(night)));
        }
        return all;
    }
    // `stored`: the backup.
    static std::string acceptance(const BackupId& id, os::TimePoint stored, std::vector<std::string> lost = {}) {
        return to_json(catalogue::Acceptance{id, stored, stored, "owner@laptop", "it is right", std::move(lost)},
                       catalogue::Layout::of("app").value());
    }
    void accept(const BackupId& id, os::TimePoint when, std::vector<std::string> lost = {}) {
        put(accepted(id), acceptance(id, when, std::move(lost)), when);
    }

    static store::ObjectKey accepted(const BackupId& id) {
        return store::ObjectKey::parse("app/accepted/" + id.text() + ".json").value();
    }
    static store::ObjectKey drill(const BackupId& id, const std::string& name) {
        return store::ObjectKey::parse("app/drills/" + id.text() + "/" + name).value();
    }

    void put(const store::ObjectKey& key, std::string_view content, os::TimePoint when) {
        const auto stored = store::put(store_, key, stream::as_bytes(content));
        ASSERT_TRUE(stored) << stored.error().what;
        date_(key, when);
    }
    void put_data(const Manifest& manifest, os::TimePoint when) {
        for (const auto& object : manifest.all_objects()) {
            put(object.key, "abc", when);
        }
    }

    static Manifest made(const BackupId& id, const std::vector<std::string>& databases) {
        auto manifest = catalogue::simple_manifest(id);
        manifest.databases.clear();
        for (const auto& name : databases) {
            manifest.databases.push_back(
                catalogue::database(name, {catalogue::object(app().database(id, name, catalogue::Encrypted::no))}));
        }
        return manifest;
    }

private:
    store::ObjectStore& store_;
    std::function<void(const store::ObjectKey&, os::TimePoint)> date_;
};

// Every version of every object below `prefix`, hide markers with a "!" behind.
inline std::vector<std::string> all_below(store::ObjectStore& store, const std::string& prefix) {
    std::vector<std::string> keys;
    EXPECT_TRUE(store.list(prefix, [&](const auto& info) {
        keys.push_back(info.key.text() + (info.hide_marker ? "!" : ""));
        return done();
    }));
    return keys;
}

// Every version of everything that bears this id, wherever it lies.
inline std::vector<std::string> all_of(store::ObjectStore& store, const BackupId& id) {
    auto keys = all_below(store, "");
    std::erase_if(keys, [&](const auto& key) { return key.find(id.text()) == std::string::npos; });
    return keys;
}

inline std::vector<std::string> texts(const std::vector<BackupId>& ids) {
    std::vector<std::string> all;
    all.reserve(ids.size());
    for (const auto& id : ids) {
        all.push_back(id.text());
    }
    return all;
}

inline std::vector<std::string> going(const Plan& plan) {
    std::vector<std::string> ids;
    for (const auto& row : plan.rows) {
        if (!row.keep) {
            ids.push_back(row.id.text());
        }
    }
    return ids;
}

}  // namespace lifeboat::prune
