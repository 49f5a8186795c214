// When an exchange has stalled, without a clock.
#include "exchange_watch.hpp"

#include <gtest/gtest.h>

#include <string>

namespace lifeboat::s3 {
namespace {

using namespace std::chrono_literals;

class ExchangeWatchTest : public testing::Test {
protected:
    ExchangeWatchTest() { request_.stall_after = 60s; }

    void give_body(std::size_t size) {
        body_.assign(size, 'x');
        request_.body = stream::as_bytes(body_);
    }

    // Whether it has stalled when it has come so far in so long a time.
    bool stalled_after(std::chrono::milliseconds time) {
        now_ += time;
        return watch_.stalled(progress_, now_);
    }

    HttpRequest request_;
    Progress progress_;

private:
    std::string body_;
    ExchangeWatch::TimePoint now_;
    ExchangeWatch watch_{request_, now_};
};

TEST_F(ExchangeWatchTest, EndsWhatDoesNotMove) {
    EXPECT_FALSE(stalled_after(60s));
    EXPECT_TRUE(stalled_after(1ms));
}

TEST_F(ExchangeWatchTest, CountsFromTheLastByteOnIntoEitherDirection) {
    give_body(100);
    for (auto* const moves : {&progress_.on_the_wire, &progress_.received}) {
        for (int i = 0; i < 100; ++i) {
            ++*moves;
            EXPECT_FALSE(stalled_after(60s));
        }
    }
    for (int i = 0; i < 100; ++i) {
        ++progress_.sent;
        EXPECT_FALSE(stalled_after(60s));
    }
    EXPECT_FALSE(stalled_after(60s));
    EXPECT_TRUE(stalled_after(1ms));
}

// What has come since is there when it is asked.
TEST_F(ExchangeWatchTest, IsNoStallWhenNobodyLooked) {
    ++progress_.received;
    EXPECT_FALSE(stalled_after(1h));
    EXPECT_FALSE(stalled_after(60s));
    EXPECT_TRUE(stalled_after(1ms));
}

TEST_F(ExchangeWatchTest, DoesNotTakeAWaitForTheRateForAStall) {
    give_body(100);
    request_.reply_within = 1s;
    request_.least_rate = 1'000;
    progress_.waits_for_rate = true;
    for (int i = 0; i < 10; ++i) {
        EXPECT_FALSE(stalled_after(59s));
    }
    progress_.waits_for_rate = false;
    EXPECT_FALSE(stalled_after(60s));
    EXPECT_TRUE(stalled_after(1ms));
}

TEST_F(ExchangeWatchTest, EndsAReplyThatMovesForEver) {
    give_body(100);
    request_.reply_within = 10s;
    for (int i = 0; i < 20; ++i) {
        ++progress_.on_the_wire;
        EXPECT_FALSE(stalled_after(1s)) << "the reply has not begun";
    }
    progress_.sent = 100;
    for (int i = 0; i < 10; ++i) {
        ++progress_.received;
        EXPECT_FALSE(stalled_after(1s));
    }
    ++progress_.received;
    EXPECT_TRUE(stalled_after(1ms));
}

TEST_F(ExchangeWatchTest, LetsWhatComesAtItsLeastRate) {
    request_.least_rate = 1'000;
    for (int i = 0; i < 1'000; ++i) {
        progress_.received += 1'000;
        EXPECT_FALSE(stalled_after(1s));
    }
}

TEST_F(ExchangeWatchTest, EndsAnObjectThatComesDropByDrop) {
    request_.least_rate = 1'000;
    for (int i = 0; i < 120; ++i) {
        progress_.received += 999;
        EXPECT_FALSE(stalled_after(1s)) << "over twice the time of a stall";
    }
    ++progress_.received;
    EXPECT_TRUE(stalled_after(1ms));
}

TEST_F(ExchangeWatchTest, EndsABodyThatIsTakenInDropByDrop) {
    give_body(1'000'000);
    request_.reply_within = 1s;
    request_.least_rate = 1'000;
    for (int i = 0; i < 120; ++i) {
        progress_.on_the_wire += 999;
        EXPECT_FALSE(stalled_after(1s));
    }
    ++progress_.on_the_wire;
    EXPECT_TRUE(stalled_after(1ms));
}

TEST_F(ExchangeWatchTest, HasPatienceWithTheReplyToABody) {
    request_.reply_within = 1h;
    request_.least_rate = 1'000'000;
    for (int i = 0; i < 60; ++i) {
        ++progress_.received;
        EXPECT_FALSE(stalled_after(59s));
    }
}

}  // namespace
}  // namespace lifeboat::s3
