#include "catalogue/manifest.hpp"

#include "samples.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <functional>

namespace lifeboat::catalogue {
namespace {

using testing::HasSubstr;
using Json = nlohmann::json;

// Every field filled in, two segments, odd names.
Manifest full_manifest() {
    const auto id = some_id();
    Manifest manifest = simple_manifest(id);
    manifest.server = {"15.20 (Debian 15.20-0+deb12u1)", 150020, "7412345678901234567", 3, "standby"};
    manifest.recipients = {"age1first", "age1second"};
    auto second = object(app().database(id, "My \"db\"\nü", Encrypted::yes), std::uint64_t{1} << 60U);
    second.version_id = "4_z27c88f1d182b150646ff0b16_f200ec";
    auto odd =
        database("My \"db\"\nü", {second, object(store::ObjectKey::parse(second.key.text() + ".0001").value(), 0)});
    odd.archive_bytes = 123456789012345U;
    odd.warnings = 2;
    odd.needs = {"UTF8", "icu", "C.UTF-8", "C.UTF-8", "de-DE", {{"pgcrypto", "1.3"}}, {"fast"}};
    odd.omissions = {{"subscriptions", 2, "subscriptions are not restored"}};
    odd.contents = {7, 1000, std::uint64_t{1} << 61U, 3, 2};
    odd.not_proven = "its list of objects is not on record";
    manifest.databases.push_back(odd);
    manifest.proof = {"xxh3-128-sum/1", {object(app().proof(id, Encrypted::yes))}};
    manifest.omissions = {{"alter_system", 1, "settings of ALTER SYSTEM"}};
    manifest.notes = {"the server is a standby"};
    manifest.exclude_table_data = {"public.log_*"};
    manifest.failures = {{"lost", "pg_dump failed"}, {std::nullopt, "pg_dumpall failed"}};
    manifest.marks = {{"shrunk", "database 'shop' has 10 % of its rows"}};
    manifest.retention = {30, 7, 4, 12, 1};
    manifest.next_overdue = at(2026, 11, 23, 4, 30);
    return manifest;
}

Json json_of(const Manifest& manifest) {
    return Json::parse(to_json(manifest));
}

Result<Manifest> parsed(const Json& json) {
    return parse_manifest(json.dump(), app(), some_id());
}

TEST(Manifest, ComesBackAsItWasWritten) {
    const auto written = full_manifest();
    const auto read = parse_manifest(to_json(written), app(), some_id());
    ASSERT_TRUE(read) << read.error().what;
    EXPECT_EQ(to_json(*read), to_json(written));  // which holds every field, as the next lines show for each kind
    EXPECT_EQ(read->id, written.id);
    EXPECT_EQ(read->started, written.started);
    EXPECT_EQ(read->server.timeline, 3);
    EXPECT_EQ(read->recipients, written.recipients);
    ASSERT_EQ(read->databases.size(), 2U);
    EXPECT_EQ(read->databases[1].name, written.databases[1].name);
    EXPECT_EQ(read->databases[1].objects[0].size, std::uint64_t{1} << 60U);
    EXPECT_EQ(read->databases[1].objects[0].version_id, written.databases[1].objects[0].version_id);
    EXPECT_EQ(read->databases[1].warnings, 2U);
    EXPECT_EQ(read->databases[1].needs.locale, "de-DE");
    EXPECT_EQ(read->databases[1].needs.extensions.at(0).version, "1.3");
    EXPECT_EQ(read->databases[1].omissions.at(0).count, 2U);
    EXPECT_EQ(read->databases[0].contents.has_value(), false);
    ASSERT_TRUE(read->databases[1].contents);
    EXPECT_EQ(read->databases[1].contents->tables, 7U);
    EXPECT_EQ(read->databases[1].contents->rows, 1000U);
    EXPECT_EQ(read->databases[1].contents->bytes, std::uint64_t{1} << 61U);
    EXPECT_EQ(read->databases[1].contents->sequences, 3U);
    EXPECT_EQ(read->databases[1].contents->large_objects, 2U);
    EXPECT_EQ(read->databases[1].not_proven, written.databases[1].not_proven);
    ASSERT_TRUE(read->proof);
    EXPECT_EQ(read->proof->algorithm, "xxh3-128-sum/1");
    EXPECT_EQ(read->proof->objects.at(0).key.text(), "app/data/20261122T021700Z-7f3a/tables.json.zst.age");
    EXPECT_EQ(read->omissions.at(0).kind, "alter_system");
    EXPECT_EQ(read->notes, written.notes);
    EXPECT_EQ(read->failures[0].database, "lost");
    EXPECT_EQ(read->failures[1].database, std::nullopt);
    EXPECT_EQ(read->marks[0].reason, written.marks[0].reason);
    EXPECT_EQ(read->retention.keep_monthly, 12U);
    EXPECT_EQ(read->next_overdue, written.next_overdue);
}

TEST(Manifest, LeavesOutWhatIsNotKnown) {
    const auto json = json_of(simple_manifest());
    for (const char* name : {"globals", "marks", "databases", "retention"}) {
        EXPECT_TRUE(json.contains(name)) << name;
    }
    for (const char* name : {"failures", "exclude_table_data", "notes", "omissions", "proof"}) {
        EXPECT_FALSE(json.contains(name)) << name;
    }
    EXPECT_FALSE(json["databases"][0].contains("contents"));
    EXPECT_FALSE(json["databases"][0].contains("not_proven"));
    EXPECT_FALSE(json["server"].contains("timeline"));
    EXPECT_FALSE(json["server"].contains("system_identifier"));
    EXPECT_EQ(json["encryption"], (Json{{"mode", "none"}}));
}

TEST(Manifest, IgnoresFieldsThatItDoesNotKnow) {
    auto json = json_of(full_manifest());
    json["tables"] = {{"rows", 7}};
    json["server"]["locale"] = "C";
    json["databases"][0]["rows"] = 12;
    json["databases"][0]["objects"][0]["etag"] = "x";
    EXPECT_TRUE(parsed(json));
}

TEST(Manifest, SumsUpItsObjects) {
    const auto manifest = full_manifest();
    EXPECT_EQ(manifest.all_objects().size(), 5U);
    EXPECT_EQ(manifest.stored_bytes(), (std::uint64_t{1} << 60U) + 9);
    EXPECT_EQ(manifest.find("shop"), &manifest.databases[0]);
    EXPECT_EQ(manifest.find("sho"), nullptr);
    EXPECT_EQ(manifest.encrypted(), Encrypted::yes);
    EXPECT_EQ(simple_manifest().encrypted(), Encrypted::no);
}

TEST(Manifest, StaysJsonWhenANameIsNoUtf8) {
    auto manifest = simple_manifest();
    manifest.databases[0].name = "caf\xe9";
    EXPECT_TRUE(Json::accept(to_json(manifest)));
}

struct Refusal {
    std::string reason;  // part of the message
    std::function<void(Json&)> change;
};

// Nobody meddled with it: a later Lifeboat wrote it.
TEST(Manifest, OfAFormatThatIsNotKnownIsRefusedAndNotCorrupt) {
    auto json = json_of(full_manifest());
    json["format"] = "lifeboat-manifest/2";
    const auto manifest = parsed(json);
    ASSERT_FALSE(manifest);
    EXPECT_EQ(manifest.error().kind, ErrorKind::failed);
    EXPECT_THAT(manifest.error().what, HasSubstr("lifeboat-manifest/2"));
    EXPECT_THAT(manifest.error().next, HasSubstr("newer"));
}

TEST(Manifest, IsRefusedForAnythingThatIsNotAsItShouldBe) {
    const std::vector<Refusal> refusals = {
        {"'format' is missing", [](Json& json) { json.erase("format"); }},
        {"'format' is no text", [](Json& json) { json["format"] = 1; }},
        {"is backup '20261122T021700Z-0000'", [](Json& json) { json["id"] = "20261122T021700Z-0000"; }},
        {"of instance 'other'", [](Json& json) { json["instance"] = "other"; }},
        {"'started' is missing", [](Json& json) { json.erase("started"); }},
        {"'started' is no time", [](Json& json) { json["started"] = "yesterday"; }},
        {"'started' is no time like 2026-11-22T02:17:00Z, or one out of range",
         [](Json& json) { json["started"] = "1013-11-22T02:17:00Z"; }},
        {"'started' is no time like 2026-11-22T02:17:00Z, or one out of range",
         [](Json& json) { json["started"] = "9999-11-22T02:17:00Z"; }},
        {"'finished' is no time", [](Json& json) { json["finished"] = "2026-11-22T02:17:00Z and more"; }},
        {"'finished' is no text", [](Json& json) { json["finished"] = 1795313820; }},
        {"'writer' is missing", [](Json& json) { json.erase("writer"); }},
        {"'lifeboat' is missing", [](Json& json) { json["writer"] = "me"; }},
        {"'pg_dump' is missing", [](Json& json) { json["writer"].erase("pg_dump"); }},
        {"'version' is no text", [](Json& json) { json["server"]["version"] = nullptr; }},
        {"'version_num' is no whole number", [](Json& json) { json["server"]["version_num"] = "150020"; }},
        {"'version_num' is out of range", [](Json& json) { json["server"]["version_num"] = 1'000'000'000'000; }},
        {"'timeline' is no whole number", [](Json& json) { json["server"]["timeline"] = 1.5; }},
        {"'timeline' is no whole number", [](Json& json) { json["server"]["timeline"] = -1; }},
        {"'timeline' is out of range", [](Json& json) { json["server"]["timeline"] = 18446744073709551615U; }},
        {"'encryption' is missing", [](Json& json) { json.erase("encryption"); }},
        {"'encryption' is neither", [](Json& json) { json["encryption"]["mode"] = "none"; }},
        {"'encryption' is neither", [](Json& json) { json["encryption"]["mode"] = "rot13"; }},
        {"'encryption' is neither",
         [](Json& json) {
             json["encryption"] = {{"mode", "age"}};
         }},
        {"'proof' has no objects", [](Json& json) { json["proof"]["objects"] = Json::array(); }},
        {"'algorithm' is missing", [](Json& json) { json["proof"].erase("algorithm"); }},
        {"not in its own folder",
         [](Json& json) { json["proof"]["objects"][0]["key"] = "app/data/20261122T021700Z-0000/tables.json.zst"; }},
        {"'rows' is no whole number", [](Json& json) { json["databases"][1]["contents"]["rows"] = -1; }},
        {"'tables' is missing", [](Json& json) { json["databases"][1]["contents"] = Json::object(); }},
        {"'not_proven' is no text", [](Json& json) { json["databases"][1]["not_proven"] = true; }},
        {"'recipients' is no list", [](Json& json) { json["encryption"]["recipients"] = "age1"; }},
        {"'recipients' is of the wrong type",
         [](Json& json) {
             json["encryption"]["recipients"] = {1, 2};
         }},
        {"'level' is out of range", [](Json& json) { json["compression"]["level"] = 99999999; }},
        {"'databases' is missing", [](Json& json) { json.erase("databases"); }},
        {"'databases' is no list", [](Json& json) { json["databases"] = Json::object(); }},
        {"'name' is missing", [](Json& json) { json["databases"][0].erase("name"); }},
        {"'name' is missing", [](Json& json) { json["databases"][0] = "shop"; }},
        {"'name' is no text", [](Json& json) { json["databases"][0]["name"] = {"shop"}; }},
        {"'archive_bytes' is no whole number", [](Json& json) { json["databases"][0]["archive_bytes"] = -1; }},
        {"has no objects", [](Json& json) { json["databases"][0]["objects"] = Json::array(); }},
        {"'objects' is missing", [](Json& json) { json["databases"][0].erase("objects"); }},
        {"'objects' is missing", [](Json& json) { json["globals"] = Json::array(); }},
        {"'needs' is missing", [](Json& json) { json["databases"][0].erase("needs"); }},
        {"'extensions' is no list", [](Json& json) { json["databases"][0]["needs"]["extensions"] = "pgcrypto"; }},
        {"'version' is missing",
         [](Json& json) {
             json["databases"][0]["needs"]["extensions"] = {{{"name", "x"}}};
         }},
        {"'tablespaces' is of the wrong type", [](Json& json) { json["databases"][0]["needs"]["tablespaces"] = {1}; }},
        {"'warnings' is no whole number", [](Json& json) { json["databases"][0]["warnings"] = {"text"}; }},
        {"'count' is no whole number", [](Json& json) { json["omissions"][0]["count"] = -1; }},
        {"'notes' is of the wrong type", [](Json& json) { json["notes"] = {nullptr}; }},
        {"'marks' is no list", [](Json& json) { json["marks"] = 3; }},
        {"'reason' is missing",
         [](Json& json) {
             json["marks"] = {{{"kind", "shrunk"}}};
         }},
        {"'error' is missing",
         [](Json& json) {
             json["failures"] = {{{"database", "lost"}}};
         }},
        {"'next_overdue' is no time like", [](Json& json) { json["next_overdue"] = "tomorrow"; }},
        {"'keep_days' is no whole number", [](Json& json) { json["retention"]["keep_days"] = "30"; }},
        {"'keep_days' is out of range", [](Json& json) { json["retention"]["keep_days"] = 4'000'000'000; }},
    };
    for (const auto& refusal : refusals) {
        auto json = json_of(full_manifest());
        refusal.change(json);
        const auto manifest = parsed(json);
        ASSERT_FALSE(manifest) << refusal.reason;
        EXPECT_EQ(manifest.error().kind, ErrorKind::corrupt) << refusal.reason;
        EXPECT_THAT(manifest.error().what, HasSubstr(refusal.reason));
        EXPECT_THAT(manifest.error().what, HasSubstr(some_id().text()));
    }
}

TEST(Manifest, IsRefusedForAnObjectThatCannotBeItsOwn) {
    const std::vector<Refusal> refusals = {
        {"not in its own folder",
         [](Json& object) { object["key"] = "app/data/20261121T021700Z-0000/shop.dump.zst.age"; }},
        {"not in its own folder", [](Json& object) { object["key"] = "app/manifests/20261122T021700Z-7f3a.json"; }},
        {"not in its own folder",
         [](Json& object) { object["key"] = "other/data/20261122T021700Z-7f3a/shop.dump.zst"; }},
        {"only dots", [](Json& object) { object["key"] = "app/data/20261122T021700Z-7f3a/../../x"; }},
        {"empty part", [](Json& object) { object["key"] = "app/data/20261122T021700Z-7f3a/"; }},
        {"is empty", [](Json& object) { object["key"] = ""; }},
        {"'key' is missing", [](Json& object) { object.erase("key"); }},
        {"'size' is missing", [](Json& object) { object.erase("size"); }},
        {"'size' is no whole number", [](Json& object) { object["size"] = -3; }},
        {"'size' is no whole number", [](Json& object) { object["size"] = 1e30; }},
        {"'sha256' is no text", [](Json& object) { object["sha256"] = Json::array(); }},
        {"'sha256' is no SHA-256", [](Json& object) { object["sha256"] = std::string(63, 'a'); }},
        {"'sha256' is no SHA-256", [](Json& object) { object["sha256"] = std::string(65, 'a'); }},
        {"'sha256' is no SHA-256", [](Json& object) { object["sha256"] = std::string(64, 'A'); }},
        {"'sha256' is no SHA-256", [](Json& object) { object["sha256"] = std::string(64, 'g'); }},
        {"'version_id' is no text", [](Json& object) { object["version_id"] = 1; }},
    };
    for (const auto& refusal : refusals) {
        for (const char* owner : {"/databases/0/objects/0", "/globals/objects/0"}) {
            auto json = json_of(full_manifest());
            refusal.change(json[Json::json_pointer(owner)]);
            const auto manifest = parsed(json);
            ASSERT_FALSE(manifest) << owner << ": " << refusal.reason;
            EXPECT_EQ(manifest.error().kind, ErrorKind::corrupt);
            EXPECT_THAT(manifest.error().what, HasSubstr(refusal.reason));
        }
    }
}

TEST(Manifest, IsRefusedWhenItIsNoJsonObject) {
    const auto whole = to_json(full_manifest());
    for (const std::string& text :
         {std::string(), std::string("{"), std::string("no"), std::string("null"), std::string("[]"), std::string("{}"),
          whole + "x", whole.substr(0, whole.size() / 2), std::string("\xff\xfe"),
          std::string("{\"format\": 1e999999}")}) {
        const auto manifest = parse_manifest(text, app(), some_id());
        ASSERT_FALSE(manifest) << text;
        EXPECT_EQ(manifest.error().kind, ErrorKind::corrupt);
    }
}

TEST(Manifest, WithstandsDeepNesting) {
    const std::string deep(100'000, '[');
    EXPECT_FALSE(parse_manifest(deep, app(), some_id()));
    EXPECT_FALSE(parse_manifest(deep + std::string(100'000, ']'), app(), some_id()));
    std::string objects;
    for (int i = 0; i < 100'000; ++i) {
        objects += "{\"a\":";
    }
    EXPECT_FALSE(parse_manifest(objects + "1" + std::string(100'000, '}'), app(), some_id()));

    std::string hidden = to_json(simple_manifest());
    hidden.insert(1, R"("unknown":)" + deep + std::string(100'000, ']') + ",");
    EXPECT_TRUE(parse_manifest(hidden, app(), some_id())) << "in a field that nobody reads";
}

}  // namespace
}  // namespace lifeboat::catalogue
