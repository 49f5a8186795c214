// Backups as the tests of this room need them.
#pragma once

#include "catalogue/catalogue.hpp"

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace lifeboat::catalogue {

inline BackupId id_of(const std::string& text) {
    return BackupId::parse(text).value();
}
inline const BackupId& some_id() {
    static const BackupId id = id_of("20261122T021700Z-7f3a");
    return id;
}
inline Layout app() {
    return Layout::of("app").value();
}

inline os::TimePoint at(int year, unsigned month, unsigned day, int hour = 0, int minute = 0, int second = 0) {
    return std::chrono::sys_days(std::chrono::year(year) / static_cast<int>(month) / static_cast<int>(day)) +
           std::chrono::hours(hour) + std::chrono::minutes(minute) + std::chrono::seconds(second);
}

inline store::StoredObject object(const store::ObjectKey& key, std::uint64_t size = 3) {
    return {key, size, std::string(64, 'a'), {}};
}

// With its id alone: a field that is added to the manifest must not touch the tests of the others.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
inline Manifest bare_manifest(const BackupId& id) {
    return Manifest{id};
}
#pragma GCC diagnostic pop

inline DatabaseRecord database(const std::string& name, std::vector<store::StoredObject> objects) {
    DatabaseRecord record;
    record.name = name;
    record.objects = std::move(objects);
    record.archive_bytes = 1000;
    return record;
}

inline Acceptance acceptance_of(const BackupId& id, os::TimePoint stored, std::vector<std::string> lost = {}) {
    return {id, stored, at(2026, 11, 23), "owner@laptop", "it is right", std::move(lost)};
}

// One database, "shop", and globals.
inline Manifest simple_manifest(const BackupId& id = some_id()) {
    Manifest manifest = bare_manifest(id);
    manifest.instance = "app";
    manifest.started = at(2026, 11, 22, 2, 17);
    manifest.finished = at(2026, 11, 22, 2, 18);
    manifest.writer = {"0.1.0", "15.20"};
    manifest.server = {"15.20", 150020, "", std::nullopt, "primary"};
    manifest.compression_level = 3;
    manifest.databases = {database("shop", {object(app().database(id, "shop", Encrypted::no))})};
    manifest.globals = {object(app().globals(id, Encrypted::no))};
    return manifest;
}

// A drill that passed, of a backup that is not encrypted.
inline DrillResult passed_drill(const BackupId& id = some_id()) {
    DrillResult result{id, "app", at(2026, 11, 23, 4), at(2026, 11, 23, 4, 2), "0.1.0", "15.20"};
    result.passed = true;
    result.checks_passed = 2;
    result.fetch = std::chrono::milliseconds(1250);
    result.restore = std::chrono::milliseconds(61'500);
    result.compare = std::chrono::milliseconds(0);
    result.bytes = 1234;
    return result;
}

inline DrillResult failed_drill(const BackupId& id = some_id()) {
    DrillResult result = passed_drill(id);
    result.passed = false;
    result.differences = {{"rows", 1}, {"entry", 20}};
    return result;
}

}  // namespace lifeboat::catalogue
