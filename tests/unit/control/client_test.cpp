#include "control/client.hpp"

#include "elsewhere.hpp"
#include "sidecar.hpp"
#include "sockets.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <list>
#include <thread>

namespace lifeboat::control {
namespace {

using std::chrono::milliseconds;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr milliseconds patience{patience_ms};

// Sidecars of these names, each answering with its own, for as long as this lives.
class Neighbours {
public:
    explicit Neighbours(const std::vector<std::string>& instances) {
        for (const auto& instance : instances) {
            auto& sidecar = sidecars_.emplace_back();
            sidecar.handler.document = '"' + instance + '"';
            sidecar.server->listen_as(instance);
        }
        driver_ = std::jthread([this](const std::stop_token& stop) {
            while (!stop.stop_requested()) {
                for (auto& sidecar : sidecars_) {
                    if (readable(sidecar.server->fd(), 1)) {
                        sidecar.server->on_ready();
                    }
                }
            }
        });
    }

private:
    std::list<TestSidecar> sidecars_;
    std::jthread driver_;
};

std::string in_words(const Result<std::string>& answer) {
    if (answer) {
        return *answer;
    }
    return "error " + std::to_string(static_cast<int>(answer.error().kind)) + ": " + answer.error().what + "; " +
           answer.error().next;
}

std::string told_by_kind(ErrorKind kind) {
    return "error " + std::to_string(static_cast<int>(kind)) + ": ";
}

// A server in disorder: takes one connection, says `text`, closes.
Result<std::string> answer_from_one_that_says(const std::string& text) {
    const auto instance = some_instance();
    const auto listener = bare_listener(instance);
    auto answer = std::async(std::launch::async, [&] { return ask(instance, Request::status, patience); });
    {
        const os::Fd connection(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
        std::array<char, 16> request{};
        (void)!::recv(connection.get(), request.data(), request.size(), 0);
        say(connection.get(), text);
    }
    return answer.get();
}

constexpr const char* table =
    "Num       RefCount Protocol Flags    Type St Inode Path\n"
    "0000000000000000: 00000002 00000000 00010000 0001 01 12001 @lifeboat/shop\n"
    "0000000000000000: 00000003 00000000 00000000 0001 03 12002 @lifeboat/accepted-only\n"
    "0000000000000000: 00000002 00000000 00010000 0001 01 12003 /run/dbus/system_bus_socket\n"
    "0000000000000000: 00000002 00000000 00010000 0001 01 12004 @lifeboat/\n"
    "0000000000000000: 00000003 00000000 00000000 0001 03 12005 @lifeboat/shop\n"
    "0000000000000000: 00000003 00000000 00000000 0001 03 12006\n"
    "0000000000000000: 00000002 00000000 00010000 0001 01 12007 @lifeboat/Shop\n"
    "0000000000000000: 00000002 00000000 00010000 0001 01 12008 @lifeboat/a b\n"
    "0000000000000000: 00000002 00000000 00010000 0001 01 12009 @lifeboat/a\x1b[2J\n"
    "0000000000000000: 00000002 00000000 00010000 0001 01 12010 @lifeboat/a@@@\n"
    "0000000000000000: 00000002 00000000 00010000 0001 01 12011 /tmp/@lifeboat/file\n"
    "0000000000000000: 00000002 00000000 00010000 0001 01 12012 @lifeboat/basketball-api\n"
    "@lifeboat/torn\n"
    "\n";

TEST(ControlClient, FindsTheNamesThatListenAndNoOthers) {
    EXPECT_THAT(listening_instances(table), ElementsAre("", "basketball-api", "shop"));
    EXPECT_TRUE(listening_instances("").empty());
}

TEST(ControlClient, SaysThatNoSidecarRunsUnderThisName) {
    const auto instance = some_instance();
    const auto answer = ask(instance, Request::status, patience);
    ASSERT_FALSE(answer.ok());
    EXPECT_EQ(answer.error().kind, ErrorKind::not_found);
    EXPECT_THAT(answer.error().what, HasSubstr(instance));
}

TEST(ControlClient, FindsTheOnlyOneByItself) {
    const auto word = alone([] {
        const Neighbours neighbours({"basketball-api"});
        return in_words(ask(std::nullopt, Request::status, patience));
    });
    if (!word) {
        GTEST_SKIP() << "no network namespace of one's own here";
    }
    EXPECT_EQ(*word, "\"basketball-api\"");
}

TEST(ControlClient, FindsOneThatDoesNotKnowItsName) {
    const auto word = alone([] {
        const Neighbours neighbours({""});
        return in_words(ask(std::nullopt, Request::status, patience)) + in_words(ask("", Request::status, patience));
    });
    if (!word) {
        GTEST_SKIP() << "no network namespace of one's own here";
    }
    EXPECT_EQ(*word, R"("""")");
}

TEST(ControlClient, NamesThemWhenSeveralRunAndTakesTheOneThatIsChosen) {
    const auto word = alone([] {
        const Neighbours neighbours({"shop", "basketball-api", ""});
        return in_words(ask(std::nullopt, Request::status, patience)) + "\n" +
               in_words(ask("shop", Request::status, patience)) + "\n" +
               in_words(ask("sohp", Request::status, patience));
    });
    if (!word) {
        GTEST_SKIP() << "no network namespace of one's own here";
    }
    EXPECT_EQ(*word, told_by_kind(ErrorKind::usage) +
                         "several sidecars run here: (one without a name), basketball-api, shop; choose one with "
                         "--instance\n"
                         "\"shop\"\n" +
                         told_by_kind(ErrorKind::not_found) +
                         "no sidecar of instance 'sohp' runs here; these run here: (one without a name), "
                         "basketball-api, shop");
}

TEST(ControlClient, SaysThatNoneRunsAndWhereToAsk) {
    const auto word = alone([] { return in_words(ask(std::nullopt, Request::drain, patience)); });
    if (!word) {
        GTEST_SKIP() << "no network namespace of one's own here";
    }
    EXPECT_THAT(*word, AllOf(HasSubstr(told_by_kind(ErrorKind::not_found) + "no sidecar runs here"),
                             HasSubstr("kubectl exec")));
}

// Containers of a pod share a network namespace and have process namespaces of their own.
TEST(ControlClient, PrefersTheSidecarOfItsOwnContainer) {
    const auto word = alone([]() -> std::string {
        // A process and no thread: a fork beside threads may find a lock of the allocator taken for ever.
        const Elsewhere neighbour_container([](int ready) -> std::string {
            const Neighbours neighbours({"other"});
            (void)!::write(ready, "!", 1);
            ::pause();
            return "";
        });
        if (!readable(neighbour_container.said(), patience_ms)) {
            return "no neighbour";
        }
        if (::unshare(CLONE_NEWPID) != 0) {  // for children from here on
            return "not possible";
        }
        const Elsewhere own_container([](int) {
            const Neighbours own({"own"});
            const auto sidecars = running_sidecars(patience).value();
            return in_words(ask(std::nullopt, Request::status, patience)) + " of " + std::to_string(sidecars.size());
        });
        return own_container.whole_word();
    });
    if (!word || *word == "not possible") {
        GTEST_SKIP() << "no namespaces of one's own here";
    }
    EXPECT_EQ(*word, "\"own\" of 2");
}

TEST(ControlClient, SaysWhoseTheSidecarIsWhenItIsAnotherUsers) {
    if (!can_become_somebody_else()) {
        GTEST_SKIP() << "only root can become another user";
    }
    const auto instance = some_instance();
    const Elsewhere other([&](int ready) -> std::string {
        if (::setresuid(somebody_else, somebody_else, somebody_else) != 0) {
            return "still root";
        }
        TestSidecar sidecar;
        sidecar.server->listen_as(instance);
        (void)!::write(ready, "!", 1);
        sidecar.run_until([] { return false; });
        return "";
    });
    ASSERT_TRUE(readable(other.said(), patience_ms));

    const auto answer = ask(instance, Request::status, patience);

    ASSERT_FALSE(answer.ok());
    EXPECT_EQ(answer.error().kind, ErrorKind::refused);
    EXPECT_THAT(answer.error().what, HasSubstr("runs as user " + std::to_string(somebody_else)));
    EXPECT_THAT(answer.error().next, HasSubstr("kubectl exec"));
}

TEST(ControlClient, DoesNotTakeHalfAnAnswerForAWholeOne) {
    for (const char* cut : {"", "ok", "ok 20\n", "ok 20\n{\"healthy\":tr"}) {
        const auto answer = answer_from_one_that_says(cut);
        ASSERT_FALSE(answer.ok()) << cut;
        EXPECT_EQ(answer.error().kind, ErrorKind::temporary) << cut;
        EXPECT_THAT(answer.error().what, HasSubstr("ended while it was asked")) << cut;
    }
}

TEST(ControlClient, RefusesAnAnswerThatIsNone) {
    for (const char* nonsense :
         {"hello\n", "ok x\n", "ok -1\n{}", "ok 99999999999999999999\n", "ok 5000000\n{}", "yes 2\n{}", "error 2\n{}",
          "error 4\nnull", "no line break in quite some bytes, so "}) {
        const auto answer = answer_from_one_that_says(nonsense);
        ASSERT_FALSE(answer.ok()) << nonsense;
        EXPECT_THAT(answer.error().what, HasSubstr("not understood")) << nonsense;
    }
}

TEST(ControlClient, GivesUpWhenNoAnswerComesInTime) {
    const auto instance = some_instance();
    const auto listener = bare_listener(instance);  // and never accepts
    const auto answer = ask(instance, Request::status, milliseconds{30});
    ASSERT_FALSE(answer.ok());
    EXPECT_EQ(answer.error().kind, ErrorKind::temporary);
    EXPECT_THAT(answer.error().what, HasSubstr("did not answer within"));
}

TEST(ControlClient, StopsWhenAsked) {
    const auto instance = some_instance();
    const auto listener = bare_listener(instance);
    std::stop_source stop;
    auto answer =
        std::async(std::launch::async, [&] { return ask(instance, Request::drain, patience, stop.get_token()); });
    const os::Fd connection(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    ASSERT_TRUE(readable(connection.get(), patience_ms));

    stop.request_stop();

    const auto told = answer.get();
    ASSERT_FALSE(told.ok());
    EXPECT_EQ(told.error().kind, ErrorKind::interrupted);
}

}  // namespace
}  // namespace lifeboat::control
