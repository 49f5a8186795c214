#include "control/server.hpp"

#include "control/client.hpp"
#include "elsewhere.hpp"
#include "sidecar.hpp"
#include "sockets.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/resource.h>

#include <future>

namespace lifeboat::control {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr milliseconds patience{patience_ms};

// Asks from a thread of its own, while the test drives the server.
class Asking {
public:
    Asking(std::string instance, Request request)
        : answer_(std::async(std::launch::async,
                             [instance = std::move(instance), request] { return ask(instance, request, patience); })) {}

    [[nodiscard]] bool over() const { return answer_.wait_for(milliseconds{0}) == std::future_status::ready; }
    Result<std::string> answer() { return answer_.get(); }

private:
    std::future<Result<std::string>> answer_;
};

Result<std::string> asked(TestSidecar& sidecar, const std::string& instance, Request request) {
    Asking asking(instance, request);
    EXPECT_TRUE(sidecar.run_until([&] { return asking.over(); }));
    return asking.answer();
}

std::string heard(TestSidecar& sidecar, const os::Fd& client) {
    auto all = std::async(std::launch::async, [&] { return hear(client.get()); });
    EXPECT_TRUE(sidecar.run_until([&] { return all.wait_for(milliseconds{0}) == std::future_status::ready; }));
    return all.get();
}

// One that waits for `drain`, seen by the handler.
os::Fd waiting_drain(TestSidecar& sidecar, const std::string& instance) {
    const auto before = sidecar.handler.drains.size();
    os::Fd client = bare_client(instance);
    say(client.get(), "drain\n");
    EXPECT_TRUE(sidecar.run_until([&] { return sidecar.handler.drains.size() > before; }));
    return client;
}

TEST(ControlServer, AnswersStatusWithTheHandlersDocument) {
    TestSidecar sidecar;
    const auto instance = some_instance();
    sidecar.server->listen_as(instance);

    const auto answer = asked(sidecar, instance, Request::status);

    ASSERT_TRUE(answer.ok()) << answer.error().what;
    EXPECT_EQ(*answer, R"({"healthy":true})");
    EXPECT_THAT(sidecar.handler.told, ElementsAre("reachable @lifeboat/" + instance));
}

TEST(ControlServer, SendsADocumentThatIsLargerThanAnySocketsBuffer) {
    TestSidecar sidecar;
    const auto instance = some_instance();
    sidecar.server->listen_as(instance);
    sidecar.handler.document = '"' + std::string(3'000'000, 'x') + '"';

    const auto answer = asked(sidecar, instance, Request::status);

    ASSERT_TRUE(answer.ok()) << answer.error().what;
    EXPECT_EQ(*answer, sidecar.handler.document);
}

TEST(ControlServer, KeepsAClientThatDrainsWaitingUntilTheReplyIsGiven) {
    TestSidecar sidecar;
    const auto instance = some_instance();
    sidecar.server->listen_as(instance);
    Asking asking(instance, Request::drain);
    ASSERT_TRUE(sidecar.run_until([&] { return !sidecar.handler.drains.empty(); }));
    EXPECT_TRUE(sidecar.handler.drains.front().wanted());
    EXPECT_FALSE(asking.over());

    sidecar.handler.drains.front().answer(R"({"drained":true})");

    const auto answer = asking.answer();
    ASSERT_TRUE(answer.ok()) << answer.error().what;
    EXPECT_EQ(*answer, R"({"drained":true})");
}

TEST(ControlServer, HandsAnErrorOnAsItWasSaid) {
    TestSidecar sidecar;
    const auto instance = some_instance();
    sidecar.server->listen_as(instance);
    Asking asking(instance, Request::drain);
    ASSERT_TRUE(sidecar.run_until([&] { return !sidecar.handler.drains.empty(); }));

    sidecar.handler.drains.front().fail({ErrorKind::corrupt, "it \"leaks\"", "bail", "a\nb"});

    const auto answer = asking.answer();
    ASSERT_FALSE(answer.ok());
    EXPECT_EQ(answer.error().kind, ErrorKind::corrupt);
    EXPECT_EQ(answer.error().what, "it \"leaks\"");
    EXPECT_EQ(answer.error().next, "bail");
    EXPECT_EQ(answer.error().detail, "a\nb");
}

TEST(ControlServer, TellsTheClientWhenAReplyIsThrownAway) {
    TestSidecar sidecar;
    const auto instance = some_instance();
    sidecar.server->listen_as(instance);
    Asking asking(instance, Request::drain);
    ASSERT_TRUE(sidecar.run_until([&] { return !sidecar.handler.drains.empty(); }));

    sidecar.handler.drains.clear();

    const auto answer = asking.answer();
    ASSERT_FALSE(answer.ok());
    EXPECT_THAT(answer.error().what, HasSubstr("gave no answer"));
}

TEST(ControlServer, KnowsWhenTheClientHasGoneAndBearsTheReply) {
    TestSidecar sidecar;
    const auto instance = some_instance();
    sidecar.server->listen_as(instance);
    auto client = waiting_drain(sidecar, instance);

    client.reset();

    EXPECT_TRUE(sidecar.run_until([&] { return !sidecar.handler.drains.front().wanted(); }));
    sidecar.handler.drains.front().answer("{}");
    const auto answer = asked(sidecar, instance, Request::status);
    EXPECT_TRUE(answer.ok());
}

TEST(ControlServer, TellsWaitingClientsThatItHasEndedAndRepliesOutliveIt) {
    TestSidecar sidecar;
    const auto instance = some_instance();
    sidecar.server->listen_as(instance);
    const auto client = waiting_drain(sidecar, instance);

    sidecar.server.reset();

    EXPECT_THAT(hear(client.get()), HasSubstr("the sidecar has ended"));
    EXPECT_FALSE(sidecar.handler.drains.front().wanted());
    sidecar.handler.drains.front().answer("{}");
    EXPECT_FALSE(bare_client(instance));
}

TEST(ControlServer, DropsAClientThatDoesNotAskAndIsIdleAfterwards) {
    TestSidecar sidecar({.asking = milliseconds{30}});
    const auto instance = some_instance();
    sidecar.server->listen_as(instance);
    const auto client = bare_client(instance);
    say(client.get(), "stat");

    EXPECT_THAT(heard(sidecar, client), HasSubstr("no request came in time"));
    sidecar.run_while_ready();
    EXPECT_FALSE(readable(sidecar.server->fd(), 100)) << "nothing is left that could wake the loop";
}

TEST(ControlServer, DoesNotKeepAClientWaitingForever) {
    TestSidecar sidecar({.answer = milliseconds{30}});
    const auto instance = some_instance();
    sidecar.server->listen_as(instance);
    const auto client = waiting_drain(sidecar, instance);

    EXPECT_THAT(heard(sidecar, client), HasSubstr("no answer in time"));
    EXPECT_FALSE(sidecar.handler.drains.front().wanted());
}

TEST(ControlServer, IsIdleWhileADrainWaits) {
    TestSidecar sidecar;
    const auto instance = some_instance();
    sidecar.server->listen_as(instance);
    const auto client = waiting_drain(sidecar, instance);
    say(client.get(), "and more that nobody reads");
    ::shutdown(client.get(), SHUT_WR);

    sidecar.run_while_ready();

    EXPECT_FALSE(readable(sidecar.server->fd(), 100));
    sidecar.handler.drains.front().answer("{}");
    EXPECT_EQ(hear(client.get()), "ok 2\n{}") << "half of a connection is enough to be answered";
}

TEST(ControlServer, RefusesWhatItDoesNotUnderstand) {
    TestSidecar sidecar;
    const auto instance = some_instance();
    sidecar.server->listen_as(instance);
    const auto curious = bare_client(instance);
    say(curious.get(), "GET / HTTP/1.1\r\n");
    EXPECT_THAT(heard(sidecar, curious), HasSubstr("does not know this request"));

    const auto endless = bare_client(instance);
    say(endless.get(), std::string(10'000, 'a'));
    EXPECT_THAT(heard(sidecar, endless), HasSubstr("too long"));

    const auto piecemeal = bare_client(instance);
    for (const char* piece : {"st", "at", "us\n"}) {
        say(piecemeal.get(), piece);
        sidecar.run_while_ready();
    }
    EXPECT_THAT(heard(sidecar, piecemeal), StartsWith("ok "));
}

TEST(ControlServer, AnswersWhileSilentClientsHoldEveryPlace) {
    TestSidecar sidecar({.connections = 4});
    const auto instance = some_instance();
    sidecar.server->listen_as(instance);
    std::vector<os::Fd> silent;
    for (int i = 0; i < 12; ++i) {
        silent.push_back(bare_client(instance));
        sidecar.run_while_ready();
    }

    const auto answer = asked(sidecar, instance, Request::status);

    EXPECT_TRUE(answer.ok());
    EXPECT_THAT(hear(silent.front().get()), HasSubstr("others wait")) << "the oldest made room";
}

TEST(ControlServer, AnswersWhileClientsThatDoNotReadHoldEveryPlaceAndDropsThem) {
    TestSidecar sidecar({.connections = 3, .sending = milliseconds{50}});
    const auto instance = some_instance();
    sidecar.server->listen_as(instance);
    sidecar.handler.document = '"' + std::string(3'000'000, 'x') + '"';
    std::vector<os::Fd> lazy;
    for (int i = 0; i < 5; ++i) {
        lazy.push_back(bare_client(instance));
        say(lazy.back().get(), "status\n");
        sidecar.run_while_ready();
    }

    sidecar.handler.document = "{}";  // which is taken in time also where the machine is busy
    EXPECT_TRUE(asked(sidecar, instance, Request::status).ok());

    const auto is_dropped = [&] {
        pollfd entry{lazy.back().get(), POLLIN, 0};
        return ::poll(&entry, 1, 0) == 1 && (entry.revents & POLLHUP) != 0;
    };
    EXPECT_TRUE(sidecar.run_until(is_dropped));
    sidecar.run_while_ready();
    EXPECT_FALSE(readable(sidecar.server->fd(), 150));
}

TEST(ControlServer, SendsNobodyAwayWhoWaitsForADrain) {
    TestSidecar sidecar({.connections = 2});
    const auto instance = some_instance();
    sidecar.server->listen_as(instance);
    const auto first = waiting_drain(sidecar, instance);
    const auto second = waiting_drain(sidecar, instance);

    const auto third = asked(sidecar, instance, Request::status);

    ASSERT_FALSE(third.ok());
    EXPECT_EQ(third.error().kind, ErrorKind::temporary);
    EXPECT_TRUE(sidecar.handler.drains[0].wanted());
    EXPECT_TRUE(sidecar.handler.drains[1].wanted());
}

TEST(ControlServer, AnswersToItsOwnUserAlone) {
    if (!can_become_somebody_else()) {
        GTEST_SKIP() << "only root can become another user";
    }
    TestSidecar sidecar;
    const auto instance = some_instance();
    sidecar.server->listen_as(instance);
    const Elsewhere other([&](int) -> std::string {
        if (::setresuid(somebody_else, somebody_else, somebody_else) != 0) {
            return "still root";
        }
        const auto client = bare_client(instance);
        say(client.get(), "drain\n");
        return hear(client.get());
    });
    ASSERT_TRUE(sidecar.run_until([&] { return readable(other.said(), 0); }));

    EXPECT_THAT(other.whole_word(), HasSubstr("answers to nobody else"));
    EXPECT_TRUE(sidecar.handler.drains.empty());
}

TEST(ControlServer, MovesToANewNameWithoutLosingWhoeverCameByTheOld) {
    TestSidecar sidecar;
    const auto old_name = some_instance();
    const auto new_name = some_instance();
    sidecar.server->listen_as(old_name);
    const auto waiting = waiting_drain(sidecar, old_name);
    const auto knocking = bare_client(old_name);
    say(knocking.get(), "status\n");

    sidecar.server->listen_as(new_name);

    EXPECT_FALSE(bare_client(old_name));
    EXPECT_THAT(heard(sidecar, knocking), StartsWith("ok "));
    sidecar.handler.drains.front().answer("{}");
    EXPECT_EQ(heard(sidecar, waiting), "ok 2\n{}");
    EXPECT_TRUE(asked(sidecar, new_name, Request::status).ok());
    EXPECT_EQ(sidecar.server->address(), "@lifeboat/" + new_name);
    EXPECT_THAT(sidecar.handler.told,
                ElementsAre("reachable @lifeboat/" + old_name, "reachable @lifeboat/" + new_name));
}

TEST(ControlServer, SaysOnceThatItsNameIsTakenKeepsTheOldOneAndTakesItWhenItIsFree) {
    const auto wanted = some_instance();
    const auto before = some_instance();
    TestSidecar other;
    other.server->listen_as(wanted);
    TestSidecar sidecar({.retry = milliseconds{10}});
    sidecar.server->listen_as(before);

    sidecar.server->listen_as(wanted);

    int tries = 0;
    ASSERT_TRUE(sidecar.run_until([&] {
        other.run_while_ready();  // each try knocks there
        return ++tries > 20;
    }));
    ASSERT_EQ(sidecar.handler.told.size(), 2U) << "not with every try";
    EXPECT_THAT(sidecar.handler.told.back(), StartsWith("unreachable: "));
    EXPECT_THAT(sidecar.handler.told.back(), HasSubstr("@lifeboat/" + wanted + " is taken"));
    EXPECT_THAT(sidecar.handler.told.back(), EndsWith("user " + std::to_string(::geteuid())));
    EXPECT_TRUE(asked(sidecar, before, Request::status).ok());
    EXPECT_EQ(sidecar.server->address(), "@lifeboat/" + before);

    other.server.reset();

    EXPECT_TRUE(sidecar.run_until([&] { return sidecar.server->address() == "@lifeboat/" + wanted; }));
    EXPECT_EQ(sidecar.handler.told.back(), "reachable @lifeboat/" + wanted);
    EXPECT_TRUE(asked(sidecar, wanted, Request::status).ok());
    EXPECT_FALSE(bare_client(before));
}

TEST(ControlServer, GivesUpANameThatIsTakenWhenTheOldOneIsWantedAgain) {
    const auto wanted = some_instance();
    const auto before = some_instance();
    TestSidecar other;
    other.server->listen_as(wanted);
    TestSidecar sidecar({.retry = milliseconds{10}});
    sidecar.server->listen_as(before);
    sidecar.server->listen_as(wanted);

    sidecar.server->listen_as(before);

    EXPECT_EQ(sidecar.handler.told.back(), "reachable @lifeboat/" + before);
    sidecar.run_while_ready();
    EXPECT_FALSE(readable(sidecar.server->fd(), 100)) << "no further try for a name that nobody wants";
}

TEST(ControlServer, RefusesANameThatNoAddressCanHold) {
    TestSidecar sidecar;
    sidecar.server->listen_as(std::string(200, 'a'));
    ASSERT_EQ(sidecar.handler.told.size(), 1U);
    EXPECT_THAT(sidecar.handler.told.front(), HasSubstr("too long"));
}

// In a process of its own, for it gives all of its descriptors away.
TEST(ControlServer, RestsWhenThereIsNoDescriptorAndServesOnceThereIs) {
    const Elsewhere poor([](int) -> std::string {
        TestSidecar sidecar;
        const auto instance = some_instance();
        sidecar.server->listen_as(instance);
        auto client = bare_client(instance);
        say(client.get(), "status\n");
        rlimit few{};
        ::getrlimit(RLIMIT_NOFILE, &few);
        few.rlim_cur = 3;
        ::setrlimit(RLIMIT_NOFILE, &few);
        // It may look again now and then, and whoever counts may be held up: so many looks in so long a time.
        const auto began = std::chrono::steady_clock::now();
        const auto passed = [&] { return std::chrono::steady_clock::now() - began; };
        for (int looks = 0; passed() < milliseconds{500};) {
            if (!readable(sidecar.server->fd(), 50)) {
                continue;
            }
            sidecar.server->on_ready();
            if (++looks > 2 + passed() / milliseconds{250}) {
                return "it spins";
            }
        }
        few.rlim_cur = few.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &few);
        if (!sidecar.run_until([&] { return readable(client.get(), 0); })) {
            return "it never came back";
        }
        return hear(client.get());
    });
    EXPECT_THAT(poor.whole_word(), StartsWith("ok "));
}

}  // namespace
}  // namespace lifeboat::control
