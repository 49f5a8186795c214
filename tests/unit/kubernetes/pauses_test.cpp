#include "pauses.hpp"

#include <gtest/gtest.h>

namespace lifeboat::kubernetes {
namespace {

using namespace std::chrono_literals;

TEST(Pauses, GrowUpToFiveMinutes) {
    Pauses pauses;
    const SteadyPoint now{};
    for (const auto expected : {1s, 2s, 4s, 8s, 16s, 32s, 64s, 128s, 256s, 300s, 300s, 300s}) {
        pauses.failed(now, 1.0, std::nullopt);
        EXPECT_EQ(pauses.until() - now, expected);
    }
    pauses.reset();
    pauses.failed(now, 1.0, std::nullopt);
    EXPECT_EQ(pauses.until() - now, 1s);
}

TEST(Pauses, AreSpreadByChance) {
    Pauses pauses;
    pauses.failed(SteadyPoint{}, 0.0, std::nullopt);
    EXPECT_EQ(pauses.until(), SteadyPoint{} + 500ms);
}

TEST(Pauses, AreAsLongAsTheServerAsksUpToAnHour) {
    Pauses pauses;
    pauses.failed(SteadyPoint{}, 1.0, 17s);
    EXPECT_EQ(pauses.until(), SteadyPoint{} + 17s);
    pauses.failed(SteadyPoint{}, 1.0, 24h);
    EXPECT_EQ(pauses.until(), SteadyPoint{} + 1h);
}

}  // namespace
}  // namespace lifeboat::kubernetes
