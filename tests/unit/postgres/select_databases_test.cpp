#include "postgres/server_facts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lifeboat::postgres {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

using Names = std::vector<std::string>;

const Names found = {"app", "app_old", "app_test", "map", "with *star", "x"};

Names chosen(const Names& wanted, const Names& excluded = {}) {
    return select_databases(found, wanted, excluded).chosen;
}

TEST(SelectDatabases, TakesAllForAStar) {
    EXPECT_EQ(chosen({"*"}), found);
}

TEST(SelectDatabases, TakesANameForItselfAlone) {
    EXPECT_THAT(chosen({"app"}), ElementsAre("app"));
}

TEST(SelectDatabases, LetsAStarStandForAnyTextAlsoNone) {
    EXPECT_THAT(chosen({"app*"}), ElementsAre("app", "app_old", "app_test"));
    EXPECT_THAT(chosen({"*ap"}), ElementsAre("map"));
    EXPECT_THAT(chosen({"*ap*"}), ElementsAre("app", "app_old", "app_test", "map"));
    EXPECT_THAT(chosen({"a*_*t"}), ElementsAre("app_test"));
    EXPECT_THAT(chosen({"**x**"}), ElementsAre("x"));
    EXPECT_THAT(chosen({"x*x"}), IsEmpty());
    EXPECT_THAT(chosen({""}), IsEmpty());
}

TEST(SelectDatabases, KeepsTheOrderInWhichTheyWereFound) {
    EXPECT_THAT(chosen({"x", "app"}), ElementsAre("app", "x"));
}

TEST(SelectDatabases, LeavesOutWhatIsExcluded) {
    EXPECT_THAT(chosen({"app*"}, {"*_test", "app_old"}), ElementsAre("app"));
    EXPECT_THAT(chosen({"app"}, {"*"}), IsEmpty());
}

TEST(SelectDatabases, TellsWhichNamesAreMissing) {
    EXPECT_THAT(select_databases(found, {"app", "gone", "lost*"}, {}).missing, ElementsAre("gone"));
    EXPECT_THAT(select_databases(found, {"app"}, {"app"}).missing, IsEmpty()) << "it is there, only excluded";
}

TEST(SelectDatabases, IsQuickForHostilePatterns) {
    const std::string name(200, 'a');
    const std::string pattern = "*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b";
    EXPECT_THAT(select_databases({name}, {pattern}, {}).chosen, IsEmpty());
}

}  // namespace
}  // namespace lifeboat::postgres
