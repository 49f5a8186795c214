#include "health/words.hpp"

#include <gtest/gtest.h>

namespace lifeboat::health {
namespace {

using namespace std::chrono_literals;

TEST(DurationText, NamesTheTwoLargestUnits) {
    EXPECT_EQ(duration_text(0s), "0s");
    EXPECT_EQ(duration_text(59s), "59s");
    EXPECT_EQ(duration_text(60s), "1m");
    EXPECT_EQ(duration_text(3600s), "1h");
    EXPECT_EQ(duration_text(31h + 5min), "31h 5m");
    EXPECT_EQ(duration_text(48h), "2d");
    EXPECT_EQ(duration_text(51h + 59min), "2d 3h");
}

TEST(SomeOf, NamesFiveAndCountsTheRest) {
    EXPECT_EQ(some_of({}), "");
    EXPECT_EQ(some_of({"a", "b", "c", "d", "e"}), "a, b, c, d, e");
    EXPECT_EQ(some_of({"a", "b", "c", "d", "e", "f", "g"}), "a, b, c, d, e and 2 more");
}

TEST(Shortened, CutsBetweenCharactersAndShowsIt) {
    EXPECT_EQ(shortened("short", 5), "short");
    EXPECT_EQ(shortened("longer", 5), "lo...");
    EXPECT_EQ(shortened("aä€abcd", 8), "aä...");  // the euro sign would take the bytes 3 to 5
}

}  // namespace
}  // namespace lifeboat::health
