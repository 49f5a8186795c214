#include "look_pace.hpp"

#include <gtest/gtest.h>

namespace lifeboat::postgres {
namespace {

using namespace std::chrono_literals;

TEST(LookPace, IsAsAskedFor) {
    LookPace pace(1s, 5s);
    EXPECT_EQ(pace.after(1ms, std::nullopt), 1s);
    EXPECT_EQ(pace.after(1ms, std::nullopt), 1s);
    EXPECT_EQ(LookPace(1s, std::nullopt).after(1ms, std::nullopt), 1s);
}

TEST(LookPace, IsFasterWhereOthersMayWaitForLessTime) {
    EXPECT_EQ(LookPace(1s, 2s).after(1ms, std::nullopt), 500ms);
    EXPECT_EQ(LookPace(1s, 200ms).after(1ms, std::nullopt), 100ms);
    EXPECT_EQ(LookPace(20ms, 200ms).after(1ms, std::nullopt), 100ms);
}

TEST(LookPace, SpendsATwentiethOfTheTimeOnLooks) {
    LookPace pace(1s, 5s);
    pace.after(200ms, std::nullopt);
    EXPECT_EQ(pace.after(200ms, std::nullopt), 4s);
    EXPECT_EQ(pace.after(4s, std::nullopt), 4s);
    EXPECT_EQ(pace.after(4s, std::nullopt), 10s) << "and no longer";
    EXPECT_EQ(pace.after(1ms, std::nullopt), 1s);
}

TEST(LookPace, DoesNotRestAfterOneLookThatWasHeldUp) {
    LookPace pace(1s, 5s);
    EXPECT_EQ(pace.after(3s, std::nullopt), 1s);
    EXPECT_EQ(pace.after(1ms, std::nullopt), 1s);
    EXPECT_EQ(pace.after(3s, std::nullopt), 1s);
}

TEST(LookPace, SeesAgainWhoWaitsWhenTheirTimeIsOver) {
    LookPace pace(1s, 5s);
    EXPECT_EQ(pace.after(1ms, 5s), 1s);
    EXPECT_EQ(pace.after(1ms, 700ms), 700ms);
    EXPECT_EQ(pace.after(1ms, 10ms), 100ms);
    pace.after(500ms, std::nullopt);
    EXPECT_EQ(pace.after(500ms, 3s), 3s) << "however long looks take";
    EXPECT_EQ(pace.after(500ms, 10ms), 100ms);
    EXPECT_EQ(pace.after(500ms, 30s), 10s);
}

TEST(LookPace, IsSlowAfterATrouble) {
    EXPECT_EQ(LookPace(1s, 5s).after_failure(), 10s);
    EXPECT_EQ(LookPace(60s, 5s).after_failure(), 60s);
}

}  // namespace
}  // namespace lifeboat::postgres
