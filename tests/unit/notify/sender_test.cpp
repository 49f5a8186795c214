// The queue, the tries and the end, over an exchange that does what the test says.
#include "notify/sender.hpp"

#include "support/no_threads.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <poll.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>

namespace lifeboat::notify {
namespace {

using health::Hook;
using namespace std::chrono_literals;
using std::chrono::steady_clock;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// What the servers see and answer: replies in order, the last one for ever; status 0 holds the request until somebody
// lets go of it or it is stopped, and a negative one does, too, and then is the answer.
class World {
public:
    void answer(std::vector<int> statuses) {
        const std::lock_guard lock(mutex_);
        statuses_.assign(statuses.begin(), statuses.end());
    }

    void retry_after(std::string seconds) {
        const std::lock_guard lock(mutex_);
        retry_after_ = std::move(seconds);
    }

    s3::HttpReply perform(const s3::HttpRequest& request, const std::stop_token& stop) {
        std::unique_lock lock(mutex_);
        const std::string body(reinterpret_cast<const char*>(request.body.data()), request.body.size());
        requests_.push_back(request.method + " " + request.url + " " + body);
        user_agent = request.headers.at("user-agent");
        changed_.notify_all();
        s3::HttpReply reply;
        reply.status = statuses_.front();
        if (statuses_.size() > 1) {
            statuses_.pop_front();
        }
        if (reply.status <= 0) {
            const bool released = changed_.wait(lock, stop, [this] { return released_; });
            if (reply.status == 0) {
                reply.broken = released ? s3::Broken::stalled : s3::Broken::interrupted;
            }
            reply.status = -reply.status;
        }
        if (!retry_after_.empty()) {
            reply.headers["retry-after"] = retry_after_;
        }
        return reply;
    }

    void release() {
        const std::lock_guard lock(mutex_);
        released_ = true;
        changed_.notify_all();
    }

    // Once there are so many.
    std::vector<std::string> requests(std::size_t count) {
        std::unique_lock lock(mutex_);
        changed_.wait_for(lock, 60s, [&] { return requests_.size() >= count; });
        return requests_;
    }

    std::string user_agent;

private:
    std::mutex mutex_;
    std::condition_variable_any changed_;
    std::deque<int> statuses_{200};
    std::vector<std::string> requests_;
    std::string retry_after_;
    bool released_ = false;
};

class ToWorld final : public s3::Transport {
public:
    explicit ToWorld(World& world) : world_(world) {}
    s3::HttpReply perform(const s3::HttpRequest& request, const std::stop_token& stop) override {
        return world_.perform(request, stop);
    }

private:
    World& world_;
};

SenderLimits quick() {
    SenderLimits limits;
    limits.first_pause = 1ms;
    limits.longest_pause = 2ms;
    limits.tried_for = 60s;
    limits.waiting = 3;
    return limits;
}

class SenderTest : public testing::Test {
protected:
    void open(const SenderLimits& limits = quick()) {
        auto opened = Sender::open(
            "1.2.3", [this] { return std::make_unique<ToWorld>(world); }, limits);
        ASSERT_TRUE(opened.ok());
        sender = std::move(*opened);
        sender->use(everywhere("https://one.test/s3cret"));
    }

    static Addresses everywhere(const std::string& address) {
        return {Secret(address), Secret(address), Secret(address)};
    }

    static Message message(const std::string& body, Hook hook = Hook::on_failure, const std::string& leaf = {}) {
        return {hook, leaf, "text/plain", body};
    }

    // Once there are so many.
    std::vector<Outcome> outcomes(std::size_t count) {
        std::vector<Outcome> all;
        pollfd entry{sender->fd(), POLLIN, 0};
        while (all.size() < count && ::poll(&entry, 1, 60'000) == 1) {
            for (auto& outcome : sender->outcomes()) {
                all.push_back(std::move(outcome));
            }
        }
        return all;
    }

    World world;
    std::unique_ptr<Sender> sender;
};

TEST_F(SenderTest, PostsWhatItIsGiven) {
    open();
    sender->send(message("hello"));
    const auto told = outcomes(1);
    ASSERT_EQ(told.size(), 1U);
    EXPECT_EQ(told.front().hook, Hook::on_failure);
    EXPECT_FALSE(told.front().error);
    EXPECT_THAT(world.requests(1), ElementsAre("POST https://one.test/s3cret hello"));
    EXPECT_EQ(world.user_agent, "Lifeboat/1.2.3");
}

TEST_F(SenderTest, TriesAgainUntilItArrivesAndThenOnlyOnce) {
    open();
    world.answer({503, 429, 500, 200});
    sender->send(message("hello"));
    const auto told = outcomes(1);
    ASSERT_EQ(told.size(), 1U);
    EXPECT_FALSE(told.front().error);
    EXPECT_EQ(world.requests(4).size(), 4U);
}

TEST_F(SenderTest, KeepsTheOrder) {
    open();
    world.answer({503, 200});
    for (const auto* body : {"one", "two", "three"}) {
        sender->send(message(body));
    }
    EXPECT_EQ(outcomes(3).size(), 3U);
    EXPECT_THAT(world.requests(4),
                ElementsAre(HasSubstr(" one"), HasSubstr(" one"), HasSubstr(" two"), HasSubstr(" three")));
}

TEST_F(SenderTest, GivesUpAtOnceWhereAnotherTryWouldNotHelp) {
    open();
    world.answer({404});
    sender->send(message("hello"));
    const auto told = outcomes(1);
    ASSERT_EQ(told.size(), 1U);
    ASSERT_TRUE(told.front().error);
    EXPECT_EQ(told.front().error->what, "notify.on_failure: the server answered 404");
    EXPECT_EQ(told.front().number, 0U);
    EXPECT_EQ(world.requests(1).size(), 1U);
}

TEST_F(SenderTest, GivesUpWhenItsTimeIsOver) {
    auto limits = quick();
    limits.tried_for = 50ms;
    open(limits);
    world.answer({500});
    sender->send(message("hello"));
    const auto told = outcomes(1);
    ASSERT_EQ(told.size(), 1U);
    EXPECT_EQ(told.front().error->what, "notify.on_failure: the server answered 500");
}

TEST_F(SenderTest, LeavesAServerAloneForAsLongAsItWants) {
    open();
    world.answer({429});
    world.retry_after("3600");
    sender->send(message("hello"));
    ASSERT_EQ(outcomes(1).size(), 1U) << "an hour is longer than it is tried for";
    EXPECT_EQ(world.requests(1).size(), 1U);
}

TEST_F(SenderTest, GivesUpTheOldestWhenTooManyWait) {
    open();
    world.answer({0, 200});
    sender->send(message("held"));
    (void)world.requests(1);
    for (const auto* body : {"one", "two", "three", "four"}) {
        sender->send(message(body));
    }
    const auto dropped = outcomes(1);
    ASSERT_EQ(dropped.size(), 1U);
    EXPECT_THAT(dropped.front().error->what, HasSubstr("gave way to a newer one"));
    world.release();
    EXPECT_EQ(outcomes(4).size(), 4U);
    EXPECT_THAT(world.requests(5), ElementsAre(HasSubstr(" held"), HasSubstr(" held"), HasSubstr(" two"),
                                               HasSubstr(" three"), HasSubstr(" four")));
}

TEST_F(SenderTest, LetsTheNewestPingTakeThePlaceOfThoseBeforeIt) {
    open();
    world.answer({503, 200});
    world.retry_after("30");  // jitter alone may be next to nothing
    sender->send(message("", Hook::ping, "start"));
    (void)world.requests(1);  // it is refused, and waits for its next try
    sender->send(message("done", Hook::ping));
    const auto told = outcomes(2);
    ASSERT_EQ(told.size(), 2U);
    EXPECT_TRUE(told.front().error);
    EXPECT_FALSE(told.back().error);
    const auto requests = world.requests(2);
    EXPECT_EQ(requests.front(), "POST https://one.test/s3cret/start ");
    EXPECT_EQ(requests.back(), "POST https://one.test/s3cret done");
}

TEST_F(SenderTest, IsNotHeldUpByAServerThatHangsInWhatItSendsElsewhere) {
    open();
    world.answer({0, 200});
    sender->send(message("held", Hook::on_failure));
    (void)world.requests(1);
    sender->send(message("", Hook::ping));
    const auto told = outcomes(1);
    ASSERT_EQ(told.size(), 1U);
    EXPECT_EQ(told.front().hook, Hook::ping);
    EXPECT_FALSE(told.front().error);
}

TEST_F(SenderTest, GoesToTheNewAddressWithTheNextTry) {
    open();
    world.answer({503, 200});
    world.retry_after("30");  // jitter alone may be next to nothing
    sender->send(message("hello"));
    (void)world.requests(1);
    sender->use(everywhere("https://two.test/"));
    ASSERT_EQ(outcomes(1).size(), 1U);
    EXPECT_THAT(world.requests(2), ElementsAre(HasSubstr("https://one.test/s3cret"), HasSubstr("https://two.test/")));
}

TEST_F(SenderTest, GoesToTheNewAddressAlsoWhereTheOldOneHasRefusedItForGood) {
    open();
    world.answer({-404, 200});
    sender->send(message("hello"));
    (void)world.requests(1);
    EXPECT_THAT(sender->use(everywhere("https://two.test/")), ElementsAre(true, true, true));
    EXPECT_THAT(sender->use(everywhere("https://two.test/")), ElementsAre(false, false, false));
    world.release();
    const auto told = outcomes(1);
    ASSERT_EQ(told.size(), 1U);
    EXPECT_FALSE(told.front().error);
    EXPECT_THAT(world.requests(2), ElementsAre(HasSubstr("https://one.test/s3cret"), HasSubstr("https://two.test/")));
}

TEST_F(SenderTest, SaysWhichMessageWasGivenUpAndWhetherItsAddressIsStillInUse) {
    open();
    world.answer({404});
    auto numbered = message("hello");
    numbered.number = 7;
    sender->send(numbered);
    pollfd entry{sender->fd(), POLLIN, 0};
    ASSERT_EQ(::poll(&entry, 1, 60'000), 1);
    (void)sender->use(everywhere("https://two.test/"));
    const auto told = sender->outcomes();
    ASSERT_EQ(told.size(), 1U);
    EXPECT_EQ(told.front().number, 7U);
    EXPECT_TRUE(told.front().readdressed);
    sender->send(numbered);
    const auto then = outcomes(1);
    ASSERT_EQ(then.size(), 1U);
    EXPECT_FALSE(then.front().readdressed);
}

TEST_F(SenderTest, GivesUpWhereTheSystemHasNoThreadAndGoesOnOnceItHasOne) {
    open();
    {
        const test::NoThreads none;
        sender->send(message("lost"));
    }
    const auto told = outcomes(1);
    ASSERT_EQ(told.size(), 1U);
    ASSERT_TRUE(told.front().error);
    EXPECT_THAT(told.front().error->what, HasSubstr("no thread can be started"));
    EXPECT_FALSE(told.front().error->next.empty());
    EXPECT_EQ(sender->drain(steady_clock::now()), 0U);
    sender->send(message("sent"));
    ASSERT_EQ(outcomes(1).size(), 1U);
    EXPECT_THAT(world.requests(1), ElementsAre(HasSubstr(" sent")));
}

TEST_F(SenderTest, SendsNothingWithoutAnAddress) {
    open();
    sender->use({});
    EXPECT_FALSE(sender->wanted().on_failure || sender->wanted().on_success || sender->wanted().ping);
    sender->send(message("hello"));
    EXPECT_EQ(sender->drain(steady_clock::now()), 0U);
    EXPECT_THAT(world.requests(0), IsEmpty());
}

TEST_F(SenderTest, WaitsAtItsEndForWhatIsUnderWay) {
    open();
    world.answer({0, 200});
    sender->send(message("held"));
    sender->send(message("behind"));
    (void)world.requests(1);
    sender->close();
    std::thread helper([this] { world.release(); });
    EXPECT_EQ(sender->drain(steady_clock::now() + 60s), 0U);
    helper.join();
    EXPECT_EQ(world.requests(2).size(), 2U) << "and a failed one is not tried again";
}

TEST_F(SenderTest, EndsAtOnceWhereAServerHangs) {
    open();
    world.answer({0});
    for (const auto hook : health::hooks) {
        sender->send(message("held", hook));
    }
    sender->send(message("behind"));
    (void)world.requests(3);
    sender->close();
    EXPECT_EQ(sender->drain(steady_clock::now() + 10ms), 4U);
    const auto before = steady_clock::now();
    sender.reset();
    EXPECT_LT(steady_clock::now() - before, 10s) << "nobody waits for the reply";
}

}  // namespace
}  // namespace lifeboat::notify
