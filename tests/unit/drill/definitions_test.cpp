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

// Default privileges of two owners have one name and come in any order.
TEST(Definitions, OrderOfNamesakesDoesNotMatter) {
    Definitions first;
    Definitions second;
    first.take(entry("DEFAULT ACL", "DEFAULT PRIVILEGES FOR TABLES", "a"));
    first.take(entry("DEFAULT ACL", "DEFAULT PRIVILEGES FOR TABLES", "b"));
    second.take(entry("DEFAULT ACL", "DEFAULT PRIVILEGES FOR TABLES", "b"));
    second.take(entry("DEFAULT ACL", "DEFAULT PRIVILEGES FOR TABLES", "a"));
    EXPECT_THAT(made_differently(first.inside(), second.inside()), IsEmpty());
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
