#include "globals.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lifeboat::drill {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

std::vector<postgres::GlobalStatement> statements(const std::string& script) {
    auto parsed = postgres::parse_globals(script);
    EXPECT_TRUE(parsed.ok());
    return std::move(*parsed);
}

std::vector<std::string> texts(const std::string& stored, const std::string& restored, const GlobalsOptions& options) {
    std::vector<std::string> found;
    for (const auto& finding : globals_differences(statements(stored), statements(restored), options)) {
        EXPECT_EQ(finding.kind, "role");
        found.push_back(finding.text);
    }
    return found;
}

constexpr const char* app = "CREATE ROLE app;\nALTER ROLE app WITH LOGIN PASSWORD 'SCRAM-SHA-256$old';\n";

TEST(Globals, TheSameScriptIsTheSame) {
    EXPECT_THAT(texts(app, app, {}), IsEmpty());
    EXPECT_THAT(texts("CREATE ROLE a;\nCREATE ROLE b;\n", "CREATE ROLE b;\nCREATE ROLE a;\n", {}), IsEmpty());
}

TEST(Globals, AnotherPasswordIsNamedAndNotShown) {
    const auto found = texts(app, "CREATE ROLE app;\nALTER ROLE app WITH LOGIN PASSWORD 'SCRAM-SHA-256$new';\n", {});
    ASSERT_EQ(found.size(), 1U);
    EXPECT_THAT(found.front(), HasSubstr("ALTER ROLE app"));
    EXPECT_THAT(found.front(), Not(HasSubstr("SCRAM")));
}

TEST(Globals, WhatIsInOneOfTheTwoOnlyIsNamed) {
    EXPECT_THAT(texts(app, "", {}), Contains(HasSubstr("CREATE ROLE app: only in the backup")));
    EXPECT_THAT(texts("", app, {}), Contains(HasSubstr("CREATE ROLE app: only after the restore")));
    EXPECT_THAT(texts("", app, {.passed_over = {"app"}}), IsEmpty());
}

TEST(Globals, ATablespaceMayLieElsewhere) {
    EXPECT_THAT(texts("CREATE TABLESPACE fast OWNER app LOCATION '/a';\n",
                      "CREATE TABLESPACE fast OWNER app LOCATION '/b';\n", {}),
                IsEmpty());
    EXPECT_THAT(texts("CREATE TABLESPACE fast OWNER app LOCATION '/a';\n",
                      "CREATE TABLESPACE fast OWNER bob LOCATION '/a';\n", {}),
                Not(IsEmpty()));
}

// PostgreSQL up to 15 lets a grantor be dropped; who restores is the grantor then.
TEST(Globals, AMembershipWhoseGrantorIsGoneMayHaveAnyOther) {
    const std::string nobody = "GRANT crew TO bob;\n";
    EXPECT_THAT(texts(nobody, "GRANT crew TO bob GRANTED BY lifeboat_drill;\n", {}), IsEmpty());
    EXPECT_THAT(texts(nobody, "GRANT crew TO bob WITH ADMIN OPTION GRANTED BY lifeboat_drill;\n", {}),
                Contains(HasSubstr("GRANT crew TO bob: not the same")));
    EXPECT_THAT(texts("GRANT crew TO bob GRANTED BY alice;\n", "GRANT crew TO bob GRANTED BY eve;\n", {}),
                Contains(HasSubstr("GRANT crew TO bob: not the same")));
}

TEST(Globals, MembershipsOfALaterMajorSayMore) {
    const std::string before = "GRANT crew TO app GRANTED BY postgres;\n";
    const std::string later = "GRANT crew TO app WITH INHERIT TRUE GRANTED BY postgres;\n";
    EXPECT_THAT(texts(before, later, {}), Not(IsEmpty()));
    EXPECT_THAT(texts(before, later, {.same_major = false}), IsEmpty());
    EXPECT_THAT(texts(before, "", {.same_major = false}), Not(IsEmpty()));
}

TEST(Globals, SettingsOfARoleThatCouldNotHaveThemAllAreNotCompared) {
    const std::string before =
        "CREATE ROLE app;\nALTER ROLE app SET a TO '1';\nALTER ROLE app IN DATABASE d SET b TO '2';\n";
    EXPECT_EQ(texts(before, "CREATE ROLE app;\n", {}).size(), 2U);
    EXPECT_THAT(texts(before, "CREATE ROLE app;\n", {.without_settings = {"app"}}), IsEmpty());
    EXPECT_EQ(texts(before, "", {.without_settings = {"app"}}).size(), 1U);
}

TEST(Globals, TheFirstSuperuser) {
    EXPECT_EQ(first_superuser({}, 15), "postgres");
    EXPECT_EQ(
        first_superuser(statements("ALTER ROLE \"Odd one\" WITH SUPERUSER;\nALTER ROLE b WITH NOSUPERUSER;\n"), 15),
        "Odd one");
    EXPECT_EQ(first_superuser(statements("ALTER ROLE app WITH SUPERUSER;\nALTER ROLE postgres WITH SUPERUSER;\n"), 15),
              "postgres");
    EXPECT_EQ(first_superuser(statements("ALTER ROLE app WITH SUPERUSER;\nALTER ROLE boss WITH SUPERUSER;\n"), 15),
              "app");
}

TEST(Globals, TheFirstSuperuserIsWhoGrantsSincePostgreSQL16) {
    const auto script = statements(
        "ALTER ROLE app WITH SUPERUSER;\nALTER ROLE bob WITH NOSUPERUSER;\nALTER ROLE postgres WITH SUPERUSER;\n"
        "GRANT crew TO bob WITH INHERIT TRUE GRANTED BY app;\nGRANT crew TO eve GRANTED BY bob;\n"
        "GRANT crew TO zoe GRANTED BY bob;\nGRANT crew TO adam;\n");
    EXPECT_EQ(first_superuser(script, 16), "app");
    EXPECT_EQ(first_superuser(script, 15), "postgres");
}

TEST(Globals, ALaterSuperuserGrantsWhatItWasGivenTheRightTo) {
    const auto script = statements(
        "ALTER ROLE boss WITH SUPERUSER;\nALTER ROLE postgres WITH SUPERUSER;\n"
        "GRANT crew TO boss WITH ADMIN OPTION, INHERIT FALSE, SET FALSE GRANTED BY postgres;\n"
        "GRANT crew TO eve GRANTED BY boss;\nGRANT crew TO zoe GRANTED BY boss;\n");
    EXPECT_EQ(first_superuser(script, 16), "postgres");
}

TEST(Globals, TheOwnerOfATablespace) {
    const auto found = statements("CREATE TABLESPACE \"f t\" OWNER \"An owner\" LOCATION '/OWNER x';\n");
    EXPECT_EQ(owner_of_tablespace(found.front()), "An owner");
}

}  // namespace
}  // namespace lifeboat::drill
