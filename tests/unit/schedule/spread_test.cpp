#include "schedule/spread.hpp"

#include <gmock/gmock.h>

#include <array>
#include <set>

namespace lifeboat::schedule {
namespace {

using namespace std::chrono_literals;

TEST(Spread, IsTheSameForTheSameNames) {
    // On record, because a new version must not move everybody's start: this is what the names gave in the first one.
    EXPECT_EQ(Spread("app", "app-0").within(3'600'000ms), 2'408'571ms);
    EXPECT_EQ(Spread("app", "app-0").within(3'600'000ms, 1), 3'587'892ms);
}

TEST(Spread, DiffersByInstanceHostAndSalt) {
    const std::set<std::chrono::milliseconds> places = {
        Spread("app", "a").within(24h),    Spread("app", "b").within(24h),   Spread("web", "a").within(24h),
        Spread("a", "pp").within(24h),     Spread("appa", "").within(24h),   Spread("", "appa").within(24h),
        Spread("app", "a").within(24h, 1), Spread("app", "a").within(24h, 2)};
    EXPECT_EQ(places.size(), 8U);
}

TEST(Spread, StaysWithinItsLeeway) {
    for (int host = 0; host < 2000; ++host) {
        const Spread spread("app", std::to_string(host));
        EXPECT_EQ(spread.within(0ms), 0ms);
        EXPECT_EQ(spread.within(-5min), 0ms);
        EXPECT_GE(spread.within(7ms), 0ms);
        EXPECT_LE(spread.within(7ms), 7ms);
        EXPECT_LE(spread.within(std::chrono::hours(24 * 36'500)), std::chrono::hours(24 * 36'500));
    }
}

TEST(Spread, IsUniformOverHosts) {
    std::array<int, 10> tenths{};
    constexpr int hosts = 20'000;
    for (int host = 0; host < hosts; ++host) {
        const auto place = Spread("basketball-api", "postgres-" + std::to_string(host)).within(999ms);
        ++tenths.at(static_cast<std::size_t>(place.count() / 100));
    }
    for (const int count : tenths) {
        EXPECT_NEAR(count, hosts / 10, 5 * 42);  // five times the standard deviation
    }
}

TEST(Spread, ReachesBothEnds) {
    std::set<std::chrono::milliseconds> places;
    for (int host = 0; host < 200; ++host) {
        places.insert(Spread("app", std::to_string(host)).within(3ms));
    }
    EXPECT_THAT(places, testing::ElementsAre(0ms, 1ms, 2ms, 3ms));
}

// A sidecar keeps its place when the leeway grows.
TEST(Spread, GrowsWithItsLeeway) {
    for (int host = 0; host < 100; ++host) {
        const Spread spread("app", std::to_string(host));
        EXPECT_NEAR(static_cast<double>(spread.within(10h).count()),
                    10.0 * static_cast<double>(spread.within(1h).count()), 20);
    }
}

}  // namespace
}  // namespace lifeboat::schedule
