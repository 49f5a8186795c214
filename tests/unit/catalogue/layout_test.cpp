#include "catalogue/layout.hpp"

#include "samples.hpp"
#include "stream/sha256.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace lifeboat::catalogue {
namespace {

using testing::MatchesRegex;

TEST(Layout, TakesInstanceNamesOfDnsLabelsAlone) {
    for (const std::string& name :
         {std::string("a"), std::string("0"), std::string("basketball-api"), std::string(63, 'x'), std::string("a-")}) {
        EXPECT_TRUE(Layout::of(name)) << name;
    }
    for (const std::string& name :
         {std::string(), std::string(64, 'x'), std::string("-a"), std::string("A"), std::string("a_b"),
          std::string("a/b"), std::string(".."), std::string("a b"), std::string("é")}) {
        const auto layout = Layout::of(name);
        ASSERT_FALSE(layout) << name;
        EXPECT_EQ(layout.error().kind, ErrorKind::usage);
    }
}

// Others read these: a change here is a change of the manifest's format.
TEST(Layout, HasTheKeysThatAreDocumented) {
    const auto layout = app();
    const std::string id = some_id().text();
    EXPECT_EQ(layout.manifest(some_id()).text(), "app/manifests/" + id + ".json");
    EXPECT_EQ(layout.partial_manifest(some_id()).text(), "app/partial/" + id + ".json");
    EXPECT_EQ(layout.database(some_id(), "shop", Encrypted::yes).text(), "app/data/" + id + "/shop.dump.zst.age");
    EXPECT_EQ(layout.database(some_id(), "shop", Encrypted::no).text(), "app/data/" + id + "/shop.dump.zst");
    EXPECT_EQ(layout.globals(some_id(), Encrypted::yes).text(), "app/data/" + id + "/globals.sql.zst.age");
    EXPECT_EQ(layout.globals(some_id(), Encrypted::no).text(), "app/data/" + id + "/globals.sql.zst");
    EXPECT_EQ(layout.proof(some_id(), Encrypted::yes).text(), "app/data/" + id + "/tables.json.zst.age");
    EXPECT_EQ(layout.proof(some_id(), Encrypted::no).text(), "app/data/" + id + "/tables.json.zst");
    const auto drilled = at(2026, 11, 23, 4, 5, 6);
    EXPECT_EQ(layout.drill_result(some_id(), drilled).text(), "app/drills/" + id + "/20261123T040506Z.json");
    EXPECT_EQ(layout.drill_report(some_id(), drilled, Encrypted::yes).text(),
              "app/drills/" + id + "/20261123T040506Z.report.json.zst.age");
    EXPECT_EQ(layout.drill_report(some_id(), drilled, Encrypted::no).text(),
              "app/drills/" + id + "/20261123T040506Z.report.json.zst");
    EXPECT_EQ(layout.restore_text().text(), "app/RESTORE.txt");
    EXPECT_EQ(layout.data_prefix(some_id()), "app/data/" + id + "/");
}

TEST(Layout, KeepsADatabaseCalledGlobalsApart) {
    EXPECT_NE(app().database(some_id(), "globals", Encrypted::yes), app().globals(some_id(), Encrypted::yes));
    EXPECT_NE(app().database(some_id(), "tables", Encrypted::yes), app().proof(some_id(), Encrypted::yes));
}

TEST(DatabaseFileName, IsThePlainNameItself) {
    for (const std::string name : {"shop", "a-b_c", "0", "-", "_"}) {
        EXPECT_EQ(database_file_name(name), name);
    }
}

TEST(DatabaseFileName, AddsADigestToAnyOther) {
    EXPECT_EQ(database_file_name("Shop"), "Shop." + stream::sha256_hex("Shop").substr(0, 8));
    EXPECT_EQ(database_file_name("a b/c"), "abc." + stream::sha256_hex("a b/c").substr(0, 8));
    EXPECT_EQ(database_file_name("a.b"), "ab." + stream::sha256_hex("a.b").substr(0, 8));
    EXPECT_EQ(database_file_name("Ü \"x\""), "x." + stream::sha256_hex("Ü \"x\"").substr(0, 8));
    EXPECT_EQ(database_file_name("日本"), "." + stream::sha256_hex("日本").substr(0, 8));
    EXPECT_EQ(database_file_name(""), "." + stream::sha256_hex("").substr(0, 8));
}

TEST(DatabaseFileName, DiffersForNamesThatLookAlike) {
    const std::vector<std::string> names = {"a b",  "a/b", "a.b", "ab", "AB", "Ab", "a b ",
                                            " a b", "",    "/",   "..", ".",  "日", "本"};
    std::set<std::string> files;
    for (const auto& name : names) {
        files.insert(database_file_name(name));
        EXPECT_TRUE(store::ObjectKey::parse("app/" + database_file_name(name) + ".dump")) << name;
    }
    EXPECT_EQ(files.size(), names.size());
    // A database may be called as another one's file is.
    EXPECT_NE(database_file_name(database_file_name("a b")), database_file_name("a b"));
}

TEST(DatabaseFileName, FitsIntoAKeyForTheLongestName) {
    EXPECT_EQ(app().database(some_id(), std::string(63, 'X'), Encrypted::yes).name().size(), 63U + 9 + 13);
}

KeyPlace place(const std::string& key) {
    return place_of(app(), store::ObjectKey::parse(key).value());
}

TEST(PlaceOf, KnowsWhatItsOwnKeysAre) {
    EXPECT_EQ(place_of(app(), app().manifest(some_id())).kind, KeyKind::manifest);
    EXPECT_EQ(place_of(app(), app().partial_manifest(some_id())).kind, KeyKind::partial_manifest);
    EXPECT_EQ(place_of(app(), app().globals(some_id(), Encrypted::yes)).kind, KeyKind::data);
    EXPECT_EQ(place_of(app(), app().proof(some_id(), Encrypted::yes)).kind, KeyKind::data);
    const auto drilled = at(2026, 11, 23, 4, 5, 6);
    const auto result = place_of(app(), app().drill_result(some_id(), drilled));
    EXPECT_EQ(result.kind, KeyKind::drill_result);
    EXPECT_EQ(result.id, some_id());
    const auto report = place_of(app(), app().drill_report(some_id(), drilled, Encrypted::yes));
    EXPECT_EQ(report.kind, KeyKind::drill_report);
    EXPECT_EQ(report.id, some_id());
    EXPECT_EQ(place("app/drills/20261122T021700Z-7f3a/20261123T040506Z.report.json.zst.age.0001").kind,
              KeyKind::drill_report);
    EXPECT_EQ(place("app/accepted/20261122T021700Z-7f3a.json").kind, KeyKind::accepted);
    EXPECT_EQ(place("app/data/20261122T021700Z-7f3a/shop.dump.zst.0001").id, some_id());
}

TEST(PlaceOf, TakesNothingElseForItsOwn) {
    for (const std::string key :
         {"app/RESTORE.txt", "app/manifests/20261122T021700Z-7f3a.json.minisig", "app/manifests/20261122T021700Z-7f3a",
          "app/manifests/.json", "app/manifests/x/20261122T021700Z-7f3a.json", "app/data/20261122T021700Z-7f3a",
          "app/data/20261122T021700Z/x", "app/drills/20261122T021700Z-7f3a/x.json",
          "app/drills/20261122T021700Z-7f3a/20261123T040506Z", "app/drills/20261122T021700Z-7f3a.json",
          "app/drills/20261122T021700Z-7f3a/20261123T040506Z.json.zst",
          "app/drills/20261122T021700Z-7f3a/20261123T040506Z.report.json/x",
          "app/drills/20261122T021700Z/20261123T040506Z.json", "app/x/20261122T021700Z-7f3a.json"}) {
        EXPECT_EQ(place(key).kind, KeyKind::other) << key;
        EXPECT_FALSE(place(key).id) << key;
    }
}

}  // namespace
}  // namespace lifeboat::catalogue
