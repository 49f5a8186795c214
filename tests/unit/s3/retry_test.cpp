#include "s3/retry.hpp"

#include "support/fake_timer.hpp"

#include <gmock/gmock.h>

namespace lifeboat::s3 {
namespace {

using std::chrono::seconds;
using test::FakeTimer;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint64_t most_dice = ~std::uint64_t{0};

RetryPolicy policy() {
    return {Milliseconds{500}, Milliseconds{30'000}, Milliseconds{240'000}};
}

// The longest pause that chance can make.
Milliseconds longest(int attempt) {
    Milliseconds most{0};
    for (std::uint64_t dice = 0; dice < 40'000; ++dice) {
        most = std::max(most, backoff(policy(), attempt, std::nullopt, dice));
    }
    return most;
}

TEST(Backoff, IsAnythingFromNothingToWhatIsDue) {
    EXPECT_EQ(backoff(policy(), 1, std::nullopt, 0), Milliseconds{0});
    EXPECT_EQ(backoff(policy(), 1, std::nullopt, 123), Milliseconds{123});
    EXPECT_EQ(backoff(policy(), 1, std::nullopt, 500), Milliseconds{500});
    EXPECT_EQ(backoff(policy(), 1, std::nullopt, 501), Milliseconds{0});
    EXPECT_LE(backoff(policy(), 1, std::nullopt, most_dice), Milliseconds{500});
}

TEST(Backoff, DoublesUpToItsLongest) {
    EXPECT_EQ(longest(1), Milliseconds{500});
    EXPECT_EQ(longest(2), Milliseconds{1'000});
    EXPECT_EQ(longest(3), Milliseconds{2'000});
    EXPECT_EQ(longest(6), Milliseconds{16'000});
    EXPECT_EQ(longest(7), Milliseconds{30'000});
    EXPECT_EQ(longest(1'000'000), Milliseconds{30'000});
}

TEST(Backoff, WaitsAtLeastAsLongAsTheServerAsks) {
    for (std::uint64_t dice = 0; dice < 5'000; ++dice) {
        const auto pause = backoff(policy(), 9, seconds(7), dice);
        EXPECT_GE(pause, seconds(7));
        EXPECT_LE(pause, seconds(7) + Milliseconds{500}) << "and hardly longer";
    }
}

TEST(Retry, GoesOnUntilItsBudgetIsSpent) {
    FakeTimer timer;
    timer.roll(500);
    const auto used = policy();
    Retry retry(used, timer);
    EXPECT_TRUE(retry.again(failed("the store is away"), {}, {}));
    timer.pass(seconds(239));
    EXPECT_TRUE(retry.again(failed("the store is away"), {}, {}));  // 239.5 s after the first failure, 500 ms to go
    EXPECT_FALSE(retry.again(failed("the store is away"), {}, {}));
    EXPECT_THAT(timer.pauses(), ElementsAre(Milliseconds{500}, Milliseconds{500}));
    EXPECT_EQ(retry.failed(), 3);
}

TEST(Retry, CountsFromTheFirstFailureHoweverLongTheTryBeforeItTook) {
    FakeTimer timer;
    const auto used = policy();
    Retry retry(used, timer);
    timer.pass(std::chrono::hours(2));
    EXPECT_TRUE(retry.again(failed("the store is away"), {}, {}));
}

TEST(Retry, DoesNotWaitForWhatItCannotLiveToSee) {
    FakeTimer timer;
    const auto used = policy();
    Retry retry(used, timer);
    EXPECT_FALSE(retry.again(failed("the store is away"), seconds(241), {}));
    EXPECT_THAT(timer.pauses(), IsEmpty());
}

TEST(Retry, TellsOfEveryPauseButTheFirst) {
    FakeTimer timer;
    auto used = policy();
    std::vector<std::string> told;
    used.before_retry = [&](const Error& why, Milliseconds /*pause*/) { told.push_back(why.what); };
    Retry retry(used, timer);
    EXPECT_TRUE(retry.again(failed("a hiccup"), {}, {}));
    EXPECT_THAT(told, IsEmpty());
    EXPECT_TRUE(retry.again(failed("the store is away"), {}, {}));
    EXPECT_FALSE(retry.again(failed("for too long"), seconds(1000), {})) << "there is no pause to tell of";
    EXPECT_THAT(told, ElementsAre("the store is away"));
}

TEST(Retry, EndsOnAStop) {
    FakeTimer timer;
    std::stop_source stop;
    timer.on_wait = [&] { stop.request_stop(); };
    const auto used = policy();
    Retry retry(used, timer);
    EXPECT_FALSE(retry.again(failed("the store is away"), {}, stop.get_token()));
}

TEST(SystemTimer, EndsItsWaitOnAStop) {
    std::stop_source stop;
    stop.request_stop();
    EXPECT_FALSE(system_timer().wait(std::chrono::hours(1), stop.get_token()));
    EXPECT_TRUE(system_timer().wait(Milliseconds{1}, {}));
}

}  // namespace
}  // namespace lifeboat::s3
