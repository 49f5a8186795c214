#include "periods.hpp"

#include "histories.hpp"

#include <gtest/gtest.h>

namespace lifeboat::retention {
namespace {

TEST(Weeks, BeginOnMondaysBeforeAndAfter1970) {
    const auto zone = schedule::Zone::utc();
    PeriodFinder finder(zone);
    const auto sunday = finder.of(at(2026, 11, 22, 23, 59)).week;
    EXPECT_EQ(finder.of(at(2026, 11, 16)).week, sunday) << "its Monday";
    EXPECT_EQ(finder.of(at(2026, 11, 15, 23, 59)).week, sunday - 1);
    EXPECT_EQ(finder.of(at(2026, 11, 23)).week, sunday + 1);
    EXPECT_EQ(finder.of(at(1969, 12, 28, 23)).week, finder.of(at(1969, 12, 29)).week - 1);
    EXPECT_EQ(finder.of(at(1969, 12, 22)).week, finder.of(at(1969, 12, 28)).week);
}

TEST(MonthsAndYears, FollowEachOther) {
    const auto zone = schedule::Zone::utc();
    PeriodFinder finder(zone);
    EXPECT_EQ(finder.of(at(2027, 1, 1)).month, finder.of(at(2026, 12, 31, 23, 59)).month + 1);
    EXPECT_EQ(finder.of(at(2027, 1, 1)).year, 2027);
    EXPECT_EQ(finder.of(at(2026, 12, 31, 23, 59)).year, 2026);
}

TEST(Days, AreOfTheZonesClockOnBothSidesOfAChange) {
    const auto zone = schedule::Zone::find("Europe/Berlin").value();
    PeriodFinder finder(zone);
    // Clocks go back on 25 October 2026: until then midnight is 22:00 UTC, after it 23:00.
    EXPECT_EQ(finder.of(at(2026, 10, 24, 21, 59)).day, finder.of(at(2026, 10, 24)).day);
    EXPECT_EQ(finder.of(at(2026, 10, 24, 22)).day, finder.of(at(2026, 10, 24)).day + 1);
    EXPECT_EQ(finder.of(at(2026, 10, 25, 22, 59)).day, finder.of(at(2026, 10, 25)).day);
    EXPECT_EQ(finder.of(at(2026, 10, 25, 23)).day, finder.of(at(2026, 10, 25)).day + 1);
    EXPECT_EQ(finder.of(at(2026, 10, 24, 22)).day, finder.of(at(2026, 10, 25)).day) << "asked again, out of order";
}

}  // namespace
}  // namespace lifeboat::retention
