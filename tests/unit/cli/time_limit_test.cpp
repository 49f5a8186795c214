#include "time_limit.hpp"

#include <gtest/gtest.h>

#include <future>

namespace lifeboat::cli {
namespace {

TEST(ATimeLimit, StopsByItself) {
    const std::stop_source outer;
    const TimeLimit limit(outer.get_token(), std::chrono::milliseconds(1));
    std::promise<void> stopped;
    const std::stop_callback tell(limit.token(), [&] { stopped.set_value(); });
    stopped.get_future().wait();
    EXPECT_TRUE(limit.has_passed());
    EXPECT_FALSE(outer.stop_requested());
}

TEST(ATimeLimit, PassesOnAStopFromOutside) {
    std::stop_source outer;
    const TimeLimit limit(outer.get_token(), std::chrono::hours(1));
    EXPECT_FALSE(limit.token().stop_requested());
    outer.request_stop();
    EXPECT_TRUE(limit.token().stop_requested());
    EXPECT_FALSE(limit.has_passed());
}

TEST(ATimeLimit, IsNoLimitOnceItIsLifted) {
    std::stop_source outer;
    TimeLimit limit(outer.get_token(), std::chrono::hours(1));
    limit.lift();
    EXPECT_FALSE(limit.token().stop_requested());
    outer.request_stop();
    EXPECT_TRUE(limit.token().stop_requested());
    EXPECT_FALSE(limit.has_passed());
}

}  // namespace
}  // namespace lifeboat::cli
