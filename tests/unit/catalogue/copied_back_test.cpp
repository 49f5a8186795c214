// Which backups count as copied back, by their names and the store's times alone.
#include "copied_back.hpp"

#include "samples.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lifeboat::catalogue {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using testing::Each;
using testing::ElementsAre;

const auto first = at(2026, 11, 1, 2, 17);
const std::optional<std::size_t> none;

// One each night, stored ten minutes after it began.
std::vector<Dated> nightly(int nights) {
    std::vector<Dated> all;
    for (int night = 0; night < nights; ++night) {
        all.push_back({first + days(night), first + days(night) + minutes(10)});
    }
    return all;
}

TEST(WhatIsCopiedBack, IsLateAndCameAfterNewerOnes) {
    auto backups = nightly(10);
    backups.push_back({first - days(30), first + days(9) + hours(5)});
    const auto found = copied_back(backups);
    EXPECT_EQ(found.back(), std::optional<std::size_t>(9)) << "the newest of them tells";
    EXPECT_EQ(std::count(found.begin(), found.end(), none), 10);
    std::reverse(backups.begin(), backups.end());
    EXPECT_EQ(copied_back(backups).front(), std::optional<std::size_t>(1)) << "in any order";
}

TEST(WhatIsCopiedBack, IsNoneThatTookLongToMake) {
    auto backups = nightly(10);
    backups.push_back({first + days(10), first + days(14)});  // and none was made meanwhile
    backups.push_back({first + days(15), first + days(15) + hours(30)});
    EXPECT_THAT(copied_back(backups), Each(none));
}

// Whoever moves to another bucket, or restores a folder without its times.
TEST(TheCopyOfAStore, IsNotCopiedBack) {
    auto backups = nightly(40);
    auto when = first + days(39) + hours(3);
    for (auto& backup : backups) {  // in whatever order they go, the newest first at the worst
        backup.stored = when;
        when -= minutes(1);
    }
    EXPECT_THAT(copied_back(backups), Each(none));
    // And nights go on in the new place.
    backups.push_back({first + days(40), first + days(40) + minutes(10)});
    EXPECT_THAT(copied_back(backups), Each(none));
}

TEST(AClock, ThatWasAheadMakesNoneOfTheOthersOnesThatAreCopiedBack) {
    auto backups = nightly(10);
    backups[3].began += days(4000);
    for (int night = 5; night < 10; ++night) {
        backups[static_cast<std::size_t>(night)].stored += days(3);  // and somehow late
    }
    EXPECT_THAT(copied_back(backups), Each(none));
}

// Nothing tells it from a copy; it is told, and taken for hidden (docs/retention.md).
TEST(AClock, ThatIsDaysBehindLooksTheSame) {
    auto backups = nightly(3);
    backups[2].began -= days(400);
    EXPECT_THAT(copied_back(backups), ElementsAre(none, none, std::optional<std::size_t>(1)));
}

}  // namespace
}  // namespace lifeboat::catalogue
