#include "definitions.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lifeboat::drill {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

archive::TocEntry entry(const std::string& desc, const std::string& tag, const std::string& defn) {
    archive::TocEntry made;
    made.desc = desc;
    made.tag = tag;
    made.schema = "public";
    made.section = archive::Section::pre_data;
    made.defn = defn;
    return made;
}

TEST(Definitions, NamesWhatIsMadeInAnotherWay) {
    Definitions first;
    Definitions second;
    first.take(entry("VIEW", "v", "CREATE VIEW v AS SELECT 1;"));
    second.take(entry("VIEW", "v", "CREATE VIEW v AS SELECT 2;"));
    for (auto* side : {&first, &second}) {
        side->take(entry("TABLE", "t", "CREATE TABLE t ();"));
    }
    EXPECT_THAT(made_differently(first.inside(), second.inside()), ElementsAre("VIEW public.v"));
    EXPECT_THAT(missing_in_second(first.inside(), second.inside()), IsEmpty());
}

TEST(Definitions, ATablespaceIsAPartOfHowATableIsMade) {
    Definitions first;
    Definitions second;
    auto moved = entry("TABLE", "t", "CREATE TABLE t ();");
    first.take(moved);
    moved.tablespace = "fast";
    second.take(moved);
    EXPECT_THAT(made_differently(first.inside(), second.inside()), ElementsAre("TABLE public.t"));
}

TEST(Definitions, NamesWhatIsMissing) {
    Definitions first;
    first.take(entry("INDEX", "by\nname", "CREATE INDEX;"));
    EXPECT_THAT(missing_in_second(first.inside(), Definitions().inside()), ElementsAre("INDEX public.by?name"));
}

// Operators of several operand types have one name and come in any order.
TEST(Definitions, OrderOfNamesakesDoesNotMatter) {
    Definitions first;
    Definitions second;
    first.take(entry("OPERATOR", "+", "a"));
    first.take(entry("OPERATOR", "+", "b"));
    second.take(entry("OPERATOR", "+", "b"));
    second.take(entry("OPERATOR", "+", "a"));
    EXPECT_THAT(made_differently(first.inside(), second.inside()), IsEmpty());
}

// The list of entries has their whole text: they would be told of twice.
TEST(Definitions, PrivilegesAreComparedElsewhere) {
    Definitions definitions;
    definitions.take(entry("ACL", "TABLE t", "GRANT;"));
    definitions.take(entry("DEFAULT ACL", "DEFAULT PRIVILEGES FOR TABLES", "ALTER;"));
    EXPECT_THAT(definitions.inside(), IsEmpty());
    EXPECT_EQ(definitions.of_schema().size(), 2U);
}

// They come in the order in which the server made the roles.
TEST(Definitions, SettingsOfADatabaseAreComparedWhateverTheirOrder) {
    const auto settings = [](const char* sql) {
        Definitions definitions;
        definitions.take(entry("DATABASE PROPERTIES", "app", sql));
        return definitions;
    };
    const auto before =
        settings("ALTER ROLE zoe IN DATABASE app SET a TO '1';\nALTER ROLE adam IN DATABASE app SET a TO '2';");
    const auto after =
        settings("ALTER ROLE adam IN DATABASE app SET a TO '2';\nALTER ROLE zoe IN DATABASE app SET a TO '1';");
    const auto other =
        settings("ALTER ROLE adam IN DATABASE app SET a TO '1';\nALTER ROLE zoe IN DATABASE app SET a TO '2';");
    EXPECT_THAT(made_differently(before.of_database(), after.of_database()), IsEmpty());
    EXPECT_EQ(made_differently(before.of_database(), other.of_database()).size(), 1U);
}

TEST(Definitions, WhatIsSaidOfLargeObjectsIsKeptApart) {
    Definitions first;
    Definitions second;
    first.take(entry("COMMENT", "LARGE OBJECT 7001", "COMMENT ON LARGE OBJECT 7001 IS 'a boat';"));
    second.take(entry("COMMENT", "LARGE OBJECT 7001", "COMMENT ON LARGE OBJECT 7001 IS 'a ship';"));
    EXPECT_THAT(first.inside(), IsEmpty());
    EXPECT_EQ(made_differently(first.of_large_objects(), second.of_large_objects()).size(), 1U);
}

TEST(Definitions, ListsTheEntriesThatMakeASchema) {
    Definitions definitions;
    std::int32_t id = 0;
    for (const auto& [desc, tag] : std::vector<std::pair<const char*, const char*>>{
             {"TABLE", "t"},                    // 1
             {"TABLE DATA", "t"},               // 2
             {"MATERIALIZED VIEW DATA", "m"},   // 3: would run its query, over empty tables
             {"BLOB", "7001"},                  // 4
             {"COMMENT", "LARGE OBJECT 7001"},  // 5
             {"SUBSCRIPTION", "s"},             // 6
             {"COMMENT", "EXTENSION hstore"},   // 7
             {"INDEX", "i"}}) {                 // 8
        auto made = entry(desc, tag, "");
        made.dump_id = ++id;
        made.has_data = made.desc == "TABLE DATA";
        definitions.take(made);
    }
    EXPECT_THAT(definitions.of_schema(), ElementsAre(1, 7, 8));
    EXPECT_THAT(definitions.of_superusers(), ElementsAre(7));
}

TEST(WhatDiffers, ShowsTheWordsAroundIt) {
    EXPECT_EQ(what_differs("CREATE TABLE t (\n    a integer,\n    pay numeric NOT NULL,\n    b text\n);",
                           "CREATE TABLE t (\n    a integer,\n    pay numeric,\n    b text\n);"),
              "in the backup: , pay numeric NOT NULL,; after the restore: , pay numeric,");
    EXPECT_EQ(what_differs("CREATE INDEX i;", "CREATE INDEX i;\nALTER TABLE t CLUSTER ON i;"),
              "in the backup: INDEX i;; after the restore: INDEX i; ALTER TABLE t CLUSTER ON i;");
    EXPECT_EQ(what_differs("CREATE VIEW v AS SELECT 1;", "CREATE  VIEW v\nAS SELECT 1;"), "");
}

// A default, a comment, a function's body: they may hold anybody's secret.
TEST(WhatDiffers, ShowsNoLiterals) {
    const auto in_body = what_differs("CREATE FUNCTION f() LANGUAGE sql AS $$SELECT 'hush'$$;",
                                      "CREATE FUNCTION f() LANGUAGE sql AS $$SELECT 'quiet'$$;");
    EXPECT_EQ(in_body, "what literals say in: LANGUAGE sql AS '…';");
    const auto in_default =
        what_differs("CREATE TABLE t (a text DEFAULT 'hush'::text);", "CREATE TABLE t (a text DEFAULT E'no\\n');");
    for (const char* secret : {"hush", "quiet", "no\\n"}) {
        EXPECT_EQ((in_body + in_default).find(secret), std::string::npos) << in_default;
    }
}

TEST(WhatDiffers, IsCutWhereItIsLong) {
    std::string columns;
    for (int i = 0; i < 1000; ++i) {
        columns += ", c" + std::to_string(i) + " integer";
    }
    const auto text = what_differs("CREATE TABLE t (a integer" + columns + ");", "CREATE TABLE t (a integer);");
    EXPECT_LT(text.size(), 400U);
    EXPECT_NE(text.find(" …; after the restore: "), std::string::npos) << text;
}

TEST(Definitions, KeepsTheDatabaseItselfApartAndCountsWhatIsNotRestored) {
    Definitions definitions;
    definitions.take(entry("DATABASE", "app", "CREATE DATABASE app;"));
    definitions.take(entry("ACL", "DATABASE app", "GRANT;"));
    definitions.take(entry("PUBLICATION TABLE", "p t", ""));
    definitions.take(entry("COMMENT", "SUBSCRIPTION s", ""));
    definitions.take(entry("BLOB", "7001", "SELECT lo_create(7001);"));
    auto rows = entry("TABLE DATA", "t", "");
    rows.has_data = true;
    definitions.take(rows);
    EXPECT_THAT(definitions.inside(), IsEmpty());
    EXPECT_EQ(definitions.of_database().size(), 2U);
    EXPECT_EQ(definitions.replication(), 2U);
}

}  // namespace
}  // namespace lifeboat::drill
