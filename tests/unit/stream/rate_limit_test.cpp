#include "stream/rate_limit.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <thread>
#include <vector>

namespace lifeboat::stream {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t everything = std::numeric_limits<std::size_t>::max();
const RateLimit::TimePoint start{hours(1)};

TEST(RateLimit, BeginsWithATenthOfASecond) {
    RateLimit limit(1'000, start);
    EXPECT_EQ(limit.take(everything, start), 100U);
    EXPECT_EQ(limit.take(everything, start), 0U);
}

TEST(RateLimit, GivesNoMoreThanIsWanted) {
    RateLimit limit(1'000, start);
    EXPECT_EQ(limit.take(30, start), 30U);
    EXPECT_EQ(limit.take(0, start), 0U);
    EXPECT_EQ(limit.take(everything, start), 70U);
}

TEST(RateLimit, FillsWithTime) {
    RateLimit limit(1'000, start);
    (void)limit.take(everything, start);
    EXPECT_EQ(limit.take(everything, start + milliseconds(40)), 40U);
    EXPECT_EQ(limit.take(everything, start + milliseconds(41)), 1U);
}

TEST(RateLimit, DoesNotMakeUpForAPause) {
    RateLimit limit(1'000, start);
    (void)limit.take(everything, start);
    EXPECT_EQ(limit.take(everything, start + hours(24)), 100U);
}

TEST(RateLimit, KeepsItsRateHoweverOftenItIsAsked) {
    RateLimit limit(1'000, start);
    std::size_t taken = 0;
    for (auto now = start; now <= start + seconds(10); now += std::chrono::microseconds(137)) {
        taken += limit.take(7, now);
    }
    EXPECT_GE(taken, 10'000U);
    EXPECT_LE(taken, 10'100U) << "what it began with beside ten seconds' bytes";
}

TEST(RateLimit, LetsOneByteThroughAtTheSlowest) {
    RateLimit limit(1, start);
    EXPECT_EQ(limit.take(everything, start), 1U);
    EXPECT_EQ(limit.take(everything, start + milliseconds(900)), 0U);
    EXPECT_EQ(limit.take(everything, start + milliseconds(1'001)), 1U);
}

TEST(RateLimit, TakesTheLargestRate) {
    RateLimit limit(std::numeric_limits<std::uint64_t>::max(), start);
    EXPECT_EQ(limit.take(1U << 30U, start), 1U << 30U);
}

TEST(RateLimit, DoesNotGoBackWithAClockThatDoes) {
    RateLimit limit(1'000, start);
    (void)limit.take(everything, start);
    EXPECT_EQ(limit.take(everything, start - seconds(5)), 0U);
    EXPECT_EQ(limit.take(everything, start + milliseconds(10)), 10U);
}

TEST(RateLimit, IsOneForAllThatShareIt) {
    RateLimit limit(1'000'000, start);
    std::vector<std::size_t> taken(4);
    {
        std::vector<std::jthread> threads;
        for (auto& mine : taken) {
            threads.emplace_back([&] {
                for (int i = 0; i < 10'000; ++i) {
                    mine += limit.take(50, start);
                }
            });
        }
    }
    EXPECT_EQ(taken[0] + taken[1] + taken[2] + taken[3], 100'000U);
}

}  // namespace
}  // namespace lifeboat::stream
