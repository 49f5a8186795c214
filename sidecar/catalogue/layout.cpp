#include "catalogue/layout.hpp"

#include "stream/sha256.hpp"

#include <algorithm>

namespace lifeboat::catalogue {
namespace {

bool lower_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}
bool plain(char c) {
    return lower_or_digit(c) || c == '-' || c == '_';
}
bool safe(char c) {
    return plain(c) || (c >= 'A' && c <= 'Z');
}

std::string suffix(Encrypted encrypted) {
    return encrypted == Encrypted::yes ? ".zst.age" : ".zst";
}

// For keys made of parts that were checked before, which cannot fail to be keys.
store::ObjectKey key(const std::string& text) {
    return store::ObjectKey::parse(text).value();
}

constexpr std::string_view json = ".json";
constexpr std::string_view report_json = ".report.json";

std::optional<BackupId> id_of(std::string_view text) {
    auto id = BackupId::parse(text);
    return id ? std::optional(std::move(*id)) : std::nullopt;
}

KeyPlace json_place(KeyKind kind, std::string_view name) {
    if (name.size() <= json.size() || name.substr(name.size() - json.size()) != json) {
        return {};
    }
    auto id = id_of(name.substr(0, name.size() - json.size()));
    return id ? KeyPlace{kind, std::move(id)} : KeyPlace{};
}

// "20261122T021700Z": a key holds no colons.
std::string compact_time(os::TimePoint time) {
    std::string text = os::utc_text(time);
    text.erase(std::remove_if(text.begin(), text.end(), [](char c) { return c == '-' || c == ':'; }), text.end());
    return text;
}

bool is_compact_time(std::string_view text) {
    // A backup id is such a time and a tail.
    return BackupId::parse(std::string(text) + "-0000").ok();
}

KeyPlace drill_place(std::string_view name) {
    const auto slash = name.find('/');
    if (slash == std::string_view::npos) {
        return {};
    }
    const std::string_view file = name.substr(slash + 1);
    const auto dot = file.find('.');
    auto id = id_of(name.substr(0, slash));
    if (!id || dot == std::string_view::npos || !is_compact_time(file.substr(0, dot))) {
        return {};
    }
    const std::string_view rest = file.substr(dot);
    if (rest == json) {
        return {KeyKind::drill_result, std::move(id)};
    }
    const bool report = rest.substr(0, report_json.size()) == report_json && rest.find('/') == std::string_view::npos;
    return report ? KeyPlace{KeyKind::drill_report, std::move(id)} : KeyPlace{};
}

}  // namespace

Result<Layout> Layout::of(const std::string& instance) {
    const bool fits =
        !instance.empty() && instance.size() <= 63 && lower_or_digit(instance.front()) &&
        std::all_of(instance.begin(), instance.end(), [](char c) { return lower_or_digit(c) || c == '-'; });
    if (!fits) {
        return Error{ErrorKind::usage, "'" + instance + "' is no instance name",
                     "use 1 to 63 of a-z, 0-9 and -, beginning with a letter or digit"};
    }
    return Layout(instance);
}

store::ObjectKey Layout::manifest(const BackupId& id) const {
    return key(prefix() + "manifests/" + id.text() + ".json");
}

store::ObjectKey Layout::partial_manifest(const BackupId& id) const {
    return key(prefix() + "partial/" + id.text() + ".json");
}

store::ObjectKey Layout::database(const BackupId& id, const std::string& name, Encrypted encrypted) const {
    return key(data_prefix(id) + database_file_name(name) + ".dump" + suffix(encrypted));
}

store::ObjectKey Layout::globals(const BackupId& id, Encrypted encrypted) const {
    return key(data_prefix(id) + "globals.sql" + suffix(encrypted));
}

store::ObjectKey Layout::proof(const BackupId& id, Encrypted encrypted) const {
    return key(data_prefix(id) + "tables.json" + suffix(encrypted));
}

store::ObjectKey Layout::acceptance(const BackupId& id) const {
    return key(acceptances_prefix() + id.text() + ".json");
}

store::ObjectKey Layout::drill_result(const BackupId& id, os::TimePoint started) const {
    return key(drills_prefix(id) + compact_time(started) + std::string(json));
}

store::ObjectKey Layout::drill_report(const BackupId& id, os::TimePoint started, Encrypted encrypted) const {
    return key(drills_prefix(id) + compact_time(started) + std::string(report_json) + suffix(encrypted));
}

store::ObjectKey Layout::restore_text() const {
    return key(prefix() + "RESTORE.txt");
}

std::string Layout::data_prefix(const BackupId& id) const {
    return prefix() + "data/" + id.text() + "/";
}

std::string Layout::drills_prefix(const BackupId& id) const {
    return prefix() + "drills/" + id.text() + "/";
}

KeyPlace place_of(const Layout& layout, const store::ObjectKey& object) {
    const std::string_view rest = std::string_view(object.text()).substr(layout.prefix().size());
    const auto slash = rest.find('/');
    if (slash == std::string_view::npos) {
        return {};
    }
    const std::string_view folder = rest.substr(0, slash);
    const std::string_view name = rest.substr(slash + 1);
    if (folder == "manifests") {
        return json_place(KeyKind::manifest, name);
    }
    if (folder == "partial") {
        return json_place(KeyKind::partial_manifest, name);
    }
    if (folder == "accepted") {
        return json_place(KeyKind::accepted, name);
    }
    if (folder == "drills") {
        return drill_place(name);
    }
    if (folder == "data" && name.find('/') != std::string_view::npos) {
        auto id = id_of(name.substr(0, name.find('/')));
        return id ? KeyPlace{KeyKind::data, std::move(id)} : KeyPlace{};
    }
    return {};
}

std::string database_file_name(const std::string& database) {
    if (!database.empty() && std::all_of(database.begin(), database.end(), plain)) {
        return database;
    }
    std::string name;
    std::copy_if(database.begin(), database.end(), std::back_inserter(name), safe);
    return name + "." + stream::sha256_hex(database).substr(0, 8);
}

}  // namespace lifeboat::catalogue
