#include "catalogue/manifest.hpp"
#include "json_fields.hpp"

#include <limits>
#include <nlohmann/json.hpp>

namespace lifeboat::catalogue {
namespace {

using Json = nlohmann::ordered_json;

// ---- writing ----

Json json_of(const std::vector<store::StoredObject>& objects) {
    Json list = Json::array();
    for (const auto& object : objects) {
        Json entry = {{"key", object.key.text()}, {"size", object.size}, {"sha256", object.sha256}};
        if (!object.version_id.empty()) {
            entry["version_id"] = object.version_id;
        }
        list.push_back(std::move(entry));
    }
    return list;
}

Json json_of(const SourceServer& server) {
    Json json = {{"version", server.version}, {"version_num", server.version_num}, {"role", server.role}};
    if (!server.system_identifier.empty()) {
        json["system_identifier"] = server.system_identifier;
    }
    if (server.timeline) {
        json["timeline"] = *server.timeline;
    }
    return json;
}

Json json_of(const OmissionRecord& omission) {
    return {{"kind", omission.kind}, {"count", omission.count}, {"text", omission.text}};
}

Json json_of(const ExtensionRecord& extension) {
    return {{"name", extension.name}, {"version", extension.version}};
}

Json json_of(const DatabaseRecord& database);
Json json_of(const FailureRecord& failure);
Json json_of(const Mark& mark);

template <class T>
Json json_list(const std::vector<T>& items) {
    Json list = Json::array();
    for (const auto& item : items) {
        list.push_back(json_of(item));
    }
    return list;
}

Json json_of(const NeedsRecord& needs) {
    Json json = {{"encoding", needs.encoding},
                 {"locale_provider", needs.locale_provider},
                 {"collate", needs.collate},
                 {"ctype", needs.ctype}};
    if (!needs.locale.empty()) {
        json["locale"] = needs.locale;
    }
    json["extensions"] = json_list(needs.extensions);
    json["tablespaces"] = needs.tablespaces;
    return json;
}

Json json_of(const ContentTotals& contents) {
    return {{"tables", contents.tables},
            {"rows", contents.rows},
            {"bytes", contents.bytes},
            {"sequences", contents.sequences},
            {"large_objects", contents.large_objects}};
}

Json json_of(const DatabaseRecord& database) {
    Json json = {{"name", database.name},
                 {"archive_bytes", database.archive_bytes},
                 {"needs", json_of(database.needs)},
                 {"objects", json_of(database.objects)}};
    if (!database.omissions.empty()) {
        json["omissions"] = json_list(database.omissions);
    }
    if (database.warnings != 0) {
        json["warnings"] = database.warnings;
    }
    if (database.contents) {
        json["contents"] = json_of(*database.contents);
    }
    if (!database.not_proven.empty()) {
        json["not_proven"] = database.not_proven;
    }
    return json;
}

Json json_of(const FailureRecord& failure) {
    Json json;
    if (failure.database) {
        json["database"] = *failure.database;
    } else {
        json["globals"] = true;
    }
    json["error"] = failure.error;
    return json;
}

Json json_of(const RetentionRecord& keep) {
    return {{"keep_days", keep.keep_days},
            {"keep_last", keep.keep_last},
            {"keep_weekly", keep.keep_weekly},
            {"keep_monthly", keep.keep_monthly},
            {"keep_yearly", keep.keep_yearly}};
}

Json json_of(const Mark& mark) {
    Json json = {{"kind", mark.kind}, {"reason", mark.reason}};
    if (!mark.database.empty()) {
        json["database"] = mark.database;
    }
    if (!mark.backup.empty()) {
        json["backup"] = mark.backup;
    }
    return json;
}

Json json_of(const LineageRecord& lineage) {
    Json json = Json::object();
    if (!lineage.not_checked.empty()) {
        json["not_checked"] = lineage.not_checked;
    } else {
        json["compared_with"] = lineage.compared_with.empty() ? Json() : Json(lineage.compared_with);
    }
    if (lineage.min_ratio != LineageRecord().min_ratio) {
        json["min_ratio"] = lineage.min_ratio;
    }
    return json;
}

// ---- reading ----

// Not wrong, but written by a later Lifeboat.
struct Unknown {
    std::string what;
};

bool is_sha256(const std::string& hex) {
    return hex.size() == 64 && hex.find_first_not_of("0123456789abcdef") == std::string::npos;
}

store::StoredObject object_of(const Parsed& json, const std::string& folder) {
    auto key = store::ObjectKey::parse(text(json, "key"));
    if (!key) {
        throw Surprise{key.error().what};
    }
    if (key->text().compare(0, folder.size(), folder) != 0) {
        throw Surprise{"it names the object " + key->text() + ", which is not in its own folder"};
    }
    store::StoredObject object{std::move(*key), whole_number(json, "size"), text(json, "sha256"),
                               text_or(json, "version_id", "")};
    if (!is_sha256(object.sha256)) {
        throw Surprise{"'sha256' is no SHA-256"};
    }
    return object;
}

std::vector<store::StoredObject> objects_of(const Parsed& json, const std::string& folder) {
    std::vector<store::StoredObject> objects;
    for (const Parsed& entry : list(json, "objects")) {
        objects.push_back(object_of(entry, folder));
    }
    return objects;
}

SourceServer server_of(const Parsed& json) {
    SourceServer server;
    server.version = text(json, "version");
    server.version_num = static_cast<int>(small_number_or_0(json, "version_num"));
    server.system_identifier = text_or(json, "system_identifier", "");
    server.role = text_or(json, "role", "primary");
    if (json.contains("timeline")) {
        const std::uint64_t timeline = whole_number(json, "timeline");
        if (timeline > std::numeric_limits<std::uint32_t>::max()) {
            throw Surprise{"'timeline' is out of range"};
        }
        server.timeline = static_cast<std::int64_t>(timeline);
    }
    return server;
}

std::vector<OmissionRecord> omissions_of(const Parsed& json) {
    std::vector<OmissionRecord> omissions;
    if (json.contains("omissions")) {
        for (const Parsed& entry : list(json, "omissions")) {
            omissions.push_back({text(entry, "kind"), whole_number(entry, "count"), text(entry, "text")});
        }
    }
    return omissions;
}

NeedsRecord needs_of(const Parsed& json) {
    NeedsRecord needs{text(json, "encoding"),
                      text(json, "locale_provider"),
                      text(json, "collate"),
                      text(json, "ctype"),
                      text_or(json, "locale", ""),
                      {},
                      texts_or_none(json, "tablespaces")};
    for (const Parsed& entry : list(json, "extensions")) {
        needs.extensions.push_back({text(entry, "name"), text(entry, "version")});
    }
    return needs;
}

std::optional<ContentTotals> contents_of(const Parsed& json) {
    if (!json.contains("contents")) {
        return std::nullopt;
    }
    const Parsed& contents = json.at("contents");
    return ContentTotals{whole_number(contents, "tables"), whole_number(contents, "rows"),
                         whole_number(contents, "bytes"), whole_number(contents, "sequences"),
                         whole_number(contents, "large_objects")};
}

ProofRecord proof_of(const Parsed& json, const std::string& folder) {
    ProofRecord proof{text(json, "algorithm"), objects_of(json, folder)};
    if (proof.objects.empty()) {
        throw Surprise{"'proof' has no objects"};
    }
    return proof;
}

DatabaseRecord database_of(const Parsed& json, const std::string& folder) {
    DatabaseRecord record{text(json, "name"),
                          objects_of(json, folder),
                          whole_number(json, "archive_bytes"),
                          json.contains("warnings") ? whole_number(json, "warnings") : 0,
                          needs_of(field(json, "needs")),
                          omissions_of(json),
                          contents_of(json),
                          text_or(json, "not_proven", "")};
    if (record.objects.empty()) {
        throw Surprise{"database '" + record.name + "' has no objects"};
    }
    return record;
}

FailureRecord failure_of(const Parsed& json) {
    FailureRecord failure;
    if (json.contains("database")) {
        failure.database = text(json, "database");
    }
    failure.error = text(json, "error");
    return failure;
}

RetentionRecord retention_of(const Parsed& json) {
    return {small_number_or_0(json, "keep_days"), small_number_or_0(json, "keep_last"),
            small_number_or_0(json, "keep_weekly"), small_number_or_0(json, "keep_monthly"),
            small_number_or_0(json, "keep_yearly")};
}

std::vector<std::string> recipients_of(const Parsed& json) {
    const std::string mode = text(json, "mode");
    auto recipients = texts_or_none(json, "recipients");
    if ((mode != "age" && mode != "none") || (mode == "none") != recipients.empty()) {
        throw Surprise{"'encryption' is neither mode age with recipients nor mode none without"};
    }
    return recipients;
}

LineageRecord lineage_of(const Parsed& json) {
    const bool first = json.contains("compared_with") && json.at("compared_with").is_null();
    const double min_ratio =
        json.contains("min_ratio") ? typed<double>(json.at("min_ratio"), "min_ratio") : LineageRecord().min_ratio;
    if (!(min_ratio >= 0 && min_ratio <= 1)) {
        throw Surprise{"'min_ratio' is not between 0 and 1"};
    }
    return {first ? "" : text_or(json, "compared_with", ""), text_or(json, "not_checked", ""), min_ratio};
}

void check_belongs(const Parsed& json, const Layout& layout, const BackupId& id) {
    if (text(json, "format") != manifest_format) {
        throw Unknown{"its format is '" + text(json, "format") + "', and this Lifeboat reads " +
                      std::string(manifest_format)};
    }
    if (text(json, "id") != id.text()) {
        throw Surprise{"it says that it is backup '" + text(json, "id") + "'"};
    }
    if (text(json, "instance") != layout.instance()) {
        throw Surprise{"it says that it is of instance '" + text(json, "instance") + "'"};
    }
}

Manifest manifest_of(const Parsed& json, const Layout& layout, const BackupId& id) {
    check_belongs(json, layout, id);
    const std::string folder = layout.data_prefix(id);
    Manifest manifest{id,
                      layout.instance(),
                      time(json, "started"),
                      time(json, "finished"),
                      {},
                      {},
                      {},
                      0,
                      {},
                      {},
                      {},
                      {},
                      {},
                      {},
                      {},
                      {},
                      {}};
    const Parsed& writer = field(json, "writer");
    manifest.writer = {text(writer, "lifeboat"), text(writer, "pg_dump")};
    manifest.server = server_of(field(json, "server"));
    manifest.recipients = recipients_of(field(json, "encryption"));
    manifest.compression_level = static_cast<int>(small_number_or_0(field(json, "compression"), "level"));
    for (const Parsed& entry : list(json, "databases")) {
        manifest.databases.push_back(database_of(entry, folder));
    }
    if (json.contains("globals")) {
        manifest.globals = objects_of(json.at("globals"), folder);
    }
    if (json.contains("proof")) {
        manifest.proof = proof_of(json.at("proof"), folder);
    }
    manifest.omissions = omissions_of(json);
    manifest.notes = texts_or_none(json, "notes");
    manifest.exclude_table_data = texts_or_none(json, "exclude_table_data");
    if (json.contains("failures")) {
        for (const Parsed& entry : list(json, "failures")) {
            manifest.failures.push_back(failure_of(entry));
        }
    }
    for (const Parsed& entry : list(json, "marks")) {
        manifest.marks.push_back(
            {text(entry, "kind"), text(entry, "reason"), text_or(entry, "database", ""), text_or(entry, "backup", "")});
    }
    if (json.contains("lineage")) {
        manifest.lineage = lineage_of(json.at("lineage"));
    }
    manifest.retention = json.contains("retention") ? retention_of(json.at("retention")) : RetentionRecord{};
    if (json.contains("next_overdue")) {
        manifest.next_overdue = time(json, "next_overdue");
    }
    return manifest;
}

}  // namespace

std::string to_json(const Manifest& manifest) {
    Json json = {{"format", manifest_format},
                 {"id", manifest.id.text()},
                 {"instance", manifest.instance},
                 {"started", os::utc_text(manifest.started)},
                 {"finished", os::utc_text(manifest.finished)},
                 {"writer", {{"lifeboat", manifest.writer.lifeboat}, {"pg_dump", manifest.writer.pg_dump}}},
                 {"server", json_of(manifest.server)},
                 {"compression", {{"algorithm", "zstd"}, {"level", manifest.compression_level}}}};
    json["encryption"] = manifest.recipients.empty() ? Json{{"mode", "none"}}
                                                     : Json{{"mode", "age"}, {"recipients", manifest.recipients}};
    json["databases"] = json_list(manifest.databases);
    if (!manifest.globals.empty()) {
        json["globals"] = {{"objects", json_of(manifest.globals)}};
    }
    if (manifest.proof) {
        json["proof"] = {{"algorithm", manifest.proof->algorithm}, {"objects", json_of(manifest.proof->objects)}};
    }
    if (!manifest.omissions.empty()) {
        json["omissions"] = json_list(manifest.omissions);
    }
    if (!manifest.notes.empty()) {
        json["notes"] = manifest.notes;
    }
    if (!manifest.exclude_table_data.empty()) {
        json["exclude_table_data"] = manifest.exclude_table_data;
    }
    if (!manifest.failures.empty()) {
        json["failures"] = json_list(manifest.failures);
    }
    json["marks"] = json_list(manifest.marks);
    if (manifest.lineage) {
        json["lineage"] = json_of(*manifest.lineage);
    }
    json["retention"] = json_of(manifest.retention);
    if (manifest.next_overdue) {
        json["next_overdue"] = os::utc_text(*manifest.next_overdue);
    }
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

bool can_be_named(const std::string& database) {
    try {
        (void)Json(database).dump();
        return true;
    } catch (const Json::type_error&) {
        return false;
    }
}

Result<Manifest> parse_manifest(std::string_view json, const Layout& layout, const BackupId& id) {
    const std::string name = "the manifest of " + id.text();
    const auto parsed = Parsed::parse(json, nullptr, false);
    if (parsed.is_discarded()) {
        return Error{ErrorKind::corrupt, name + " is no JSON",
                     "restore another backup, and find out who changed this one"};
    }
    try {
        return manifest_of(parsed, layout, id);
    } catch (const Unknown& unknown) {
        return failed(name + " is refused: " + unknown.what, "read it with the Lifeboat that wrote it, or a newer one");
    } catch (const Surprise& surprise) {
        return Error{ErrorKind::corrupt, name + " is refused: " + surprise.what,
                     "restore another backup, and find out who wrote this one"};
    }
}

}  // namespace lifeboat::catalogue
