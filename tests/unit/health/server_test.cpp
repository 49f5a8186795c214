#include "health/server.hpp"

#include "running_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

namespace lifeboat::health {
namespace {

using namespace std::chrono_literals;
using test::ask;
using test::body_of;
using test::Client;
using test::get;
using test::noon;
using test::RunningServer;
using test::status_of;
using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr std::string_view half_a_request = "GET /livez HTTP/1.1\r\nHost: test\r\n";

TEST(Server, AnswersOnBothAddresses) {
    const RunningServer running;
    for (const auto port : {running.pod(), running.page()}) {
        EXPECT_EQ(body_of(get(port, "/livez")), "ok\n");
        EXPECT_EQ(status_of(get(port, "/healthz")), "200");
        EXPECT_THAT(get(port, "/metrics"), AllOf(HasSubstr("200 OK"), HasSubstr("lifeboat_healthy 1")));
    }
    EXPECT_EQ(status_of(get(running.pod(), "/status.json")), "404");
    EXPECT_EQ(status_of(get(running.page(), "/status.json")), "200");
}

TEST(Server, TellsWhatIsPublished) {
    RunningServer running;
    auto facts = test::sample_facts();
    facts.drained = DrainFacts{noon - 10min, noon + 50min};
    running.board.publish(facts);
    EXPECT_THAT(get(running.pod(), "/healthz"),
                AllOf(HasSubstr("503 "), HasSubstr("application/json"), HasSubstr("\"code\":\"drained\"")));
}

TEST(Server, EveryAnswerKeepsBrowsersFromDoingAnythingWithIt) {
    const RunningServer running;
    for (const auto* path : {"/livez", "/healthz", "/metrics", "/status.json", "/nothing"}) {
        const auto reply = get(running.page(), path);
        EXPECT_THAT(reply, HasSubstr("X-Content-Type-Options: nosniff\r\n"));
        EXPECT_THAT(reply, HasSubstr("Content-Security-Policy: default-src 'none'"));
        EXPECT_THAT(reply, HasSubstr("Cache-Control: no-store\r\n"));
        EXPECT_THAT(reply, HasSubstr("Connection: close\r\n"));
    }
}

TEST(Server, LivezWarnsOnlyWhenAsked) {
    RunningServer running;
    auto facts = test::sample_facts();
    facts.drained = DrainFacts{noon - 10min, noon + 50min};
    running.board.publish(facts);
    EXPECT_EQ(status_of(get(running.pod(), "/livez")), "200");

    const Endpoints warning{{"127.0.0.1", 0}, {"127.0.0.1", 0}, true};
    running.server->apply(warning);
    EXPECT_THAT(get(running.pod(), "/livez"),
                AllOf(HasSubstr("302 "), HasSubstr("Location: http://backups-need-attention.invalid/\r\n"),
                      HasSubstr("basketball-api need attention (drained)")));
}

TEST(Server, LivezShowsAWedgeForAsLongAsItLasts) {
    RunningServer running;
    running.heartbeat.beat(Heartbeat::Clock::now() - 31s);
    EXPECT_EQ(status_of(get(running.pod(), "/livez")), "503");
    EXPECT_EQ(status_of(get(running.pod(), "/healthz")), "200");
    running.heartbeat.beat();
    EXPECT_EQ(status_of(get(running.pod(), "/livez")), "200");
}

TEST(Server, HeadGetsTheHeadAlone) {
    const RunningServer running;
    const auto reply = ask(running.pod(), "HEAD /livez HTTP/1.1\r\nHost: test\r\n\r\n");
    EXPECT_THAT(reply, AllOf(HasSubstr("200 OK"), HasSubstr("Content-Length: 3\r\n"), EndsWith("\r\n\r\n")));
}

TEST(Server, OtherMethodsAreToldWhichThereAre) {
    const RunningServer running;
    for (const std::string method : {"POST", "PUT", "DELETE", "OPTIONS", "TRACE", "BREW"}) {
        const auto reply = ask(running.pod(), method + " /livez HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n");
        EXPECT_THAT(reply, AllOf(HasSubstr("405 "), HasSubstr("Allow: GET, HEAD\r\n"))) << method;
    }
}

TEST(Server, AHugeBodyIsNotWaitedFor) {
    const RunningServer running;
    EXPECT_EQ(
        status_of(ask(running.pod(), "POST /livez HTTP/1.1\r\nHost: test\r\nContent-Length: 99999999999\r\n\r\n")),
        "405");
    EXPECT_EQ(status_of(ask(running.pod(), "GET /livez HTTP/1.1\r\nHost: test\r\nContent-Length: 99999999999\r\n\r\n")),
              "200");
}

TEST(Server, AnOldClientIsAnsweredToo) {
    const RunningServer running;
    EXPECT_EQ(body_of(ask(running.pod(), "GET /livez HTTP/1.0\r\n\r\n")), "ok\n");
}

TEST(Server, OneConnectionIsOneRequest) {
    const RunningServer running;
    const auto reply =
        ask(running.pod(), "GET /livez HTTP/1.1\r\nHost: a\r\n\r\nGET /metrics HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_THAT(reply, AllOf(HasSubstr("ok\n"), Not(HasSubstr("lifeboat_"))));
}

TEST(Server, GarbageIsTurnedAway) {
    const RunningServer running;
    const std::vector<std::string> garbage{std::string("\0\0\0\0\r\n\r\n", 8),
                                           "\x16\x03\x01\x02\x01\x01\xfc\x03\x03 hello TLS\r\n\r\n",
                                           "GET\r\n\r\n",
                                           "GET /livez HTTP/9.9\r\n\r\n",
                                           "GET /livez HTTP/1.1\r\nno colon\r\n\r\n",
                                           "GET /%zz%00 HTTP/1.1\r\nHost: x\r\n\r\n",
                                           "\r\n\r\n\r\nGET ",
                                           "GET /livez HTTP/1.1\r\n\r\n"};
    for (const auto& bytes : garbage) {
        const Client client(running.pod());
        ASSERT_TRUE(client.send(bytes));
        EXPECT_EQ(status_of(get(running.pod(), "/livez")), "200");
    }
}

TEST(Server, AHeadWithoutAnEndIsRefused) {
    const RunningServer running;
    const Client client(running.pod());
    (void)client.send("GET /livez HTTP/1.1\r\nHost: test\r\nX-Long: " + std::string(std::size_t{100} * 1024, 'x'));
    EXPECT_THAT(status_of(client.rest()), testing::AnyOf("431", ""));  // the reply may be lost with what was not read
    EXPECT_EQ(status_of(get(running.pod(), "/livez")), "200");
}

TEST(Server, ABrowsersManyCookiesFit) {
    const RunningServer running;
    EXPECT_EQ(status_of(ask(running.page(), "GET /livez HTTP/1.1\r\nHost: localhost\r\nCookie: " +
                                                std::string(std::size_t{8} * 1024, 'c') + "\r\n\r\n")),
              "200");
}

TEST(Server, OneThatWasNotServedInTimeIsClosed) {
    Limits limits;
    limits.lifetime = 50ms;
    const RunningServer running(limits);
    const Client silent(running.pod());
    const Client slow(running.pod());
    ASSERT_TRUE(slow.send(half_a_request));
    EXPECT_THAT(silent.rest(), IsEmpty());
    EXPECT_THAT(slow.rest(), IsEmpty());
}

TEST(Server, TheOldestMakesRoomForTheNewest) {
    Limits limits;
    limits.connections = 4;
    const RunningServer running(limits);
    std::vector<std::unique_ptr<Client>> held;
    for (int i = 0; i < 4; ++i) {
        held.push_back(std::make_unique<Client>(running.pod()));
        ASSERT_TRUE(held.back()->send(half_a_request));
    }
    EXPECT_EQ(status_of(get(running.pod(), "/livez")), "200");
    EXPECT_THAT(held.front()->rest(), IsEmpty());
    for (std::size_t i = 1; i < held.size(); ++i) {
        EXPECT_FALSE(held[i]->closed()) << i;
        ASSERT_TRUE(held[i]->send("\r\n"));
        EXPECT_EQ(body_of(held[i]->rest()), "ok\n");
    }
}

TEST(Server, ATakenPortIsReportedAndTakenOnceItIsFree) {
    auto blocker = std::make_unique<RunningServer>();
    const Address taken{"127.0.0.1", blocker->pod()};
    RunningServer running({}, {taken, {"127.0.0.1", 0}});

    EXPECT_EQ(running.server->pod_address(), std::nullopt);
    const auto listeners = running.server->listeners();
    ASSERT_TRUE(listeners.pod.problem);
    EXPECT_THAT(listeners.pod.problem->what, HasSubstr("Address already in use"));
    EXPECT_EQ(listeners.pod.address, "127.0.0.1:" + std::to_string(taken.port));
    EXPECT_FALSE(listeners.page.problem);
    EXPECT_EQ(status_of(get(running.page(), "/livez")), "200");
    EXPECT_FALSE(running.server->retry_binding());

    blocker.reset();
    EXPECT_TRUE(running.server->retry_binding());
    EXPECT_FALSE(running.server->listeners().pod.problem);
    EXPECT_EQ(status_of(get(taken.port, "/livez")), "200");
    EXPECT_FALSE(running.server->retry_binding());
}

TEST(Server, AReloadThatChangesNoAddressDisturbsNobody) {
    const RunningServer running;
    const Client client(running.pod());
    ASSERT_TRUE(client.send(half_a_request));
    const auto port = running.pod();
    running.server->apply(RunningServer::free_ports());
    EXPECT_EQ(running.pod(), port);
    ASSERT_TRUE(client.send("\r\n"));
    EXPECT_EQ(body_of(client.rest()), "ok\n");
}

TEST(Server, AnAddressCanBeChangedWhileClientsOfTheOldOneAreServed) {
    const RunningServer running;
    const auto old = running.pod();
    const Client client(old);
    ASSERT_TRUE(client.send(half_a_request));
    EXPECT_EQ(status_of(get(old, "/livez")), "200");  // so the client before it has been accepted, too

    running.server->apply({{"0.0.0.0", 0}, {"127.0.0.1", 0}});
    EXPECT_NE(running.pod(), old);
    EXPECT_EQ(status_of(get(running.pod(), "/livez")), "200");
    EXPECT_EQ(get(old, "/livez"), "(refused)");
    ASSERT_TRUE(client.send("\r\n"));
    EXPECT_EQ(body_of(client.rest()), "ok\n");
}

TEST(Server, TheOldAddressServesUntilTheNewOneCanBeBound) {
    auto blocker = std::make_unique<RunningServer>();
    const RunningServer running;
    const auto old = running.pod();
    const Address taken{"127.0.0.1", blocker->pod()};
    running.server->apply({taken, {"127.0.0.1", 0}});
    EXPECT_TRUE(running.server->listeners().pod.problem);
    EXPECT_EQ(status_of(get(old, "/livez")), "200");
    blocker.reset();
    EXPECT_TRUE(running.server->retry_binding());
    EXPECT_EQ(status_of(get(taken.port, "/livez")), "200");
    EXPECT_EQ(get(old, "/livez"), "(refused)");
}

TEST(Server, TheSamePortCanMoveToAnotherAddress) {
    const RunningServer running;
    const auto port = running.pod();
    running.server->apply({{"0.0.0.0", port}, {"127.0.0.1", 0}});
    EXPECT_FALSE(running.server->listeners().pod.problem);
    EXPECT_EQ(running.server->pod_address(), (Address{"0.0.0.0", port}));
    EXPECT_EQ(status_of(get(port, "/livez")), "200");
}

TEST(Server, TheTwoAddressesCanBeExchanged) {
    const RunningServer running;
    const Address pod{"127.0.0.1", running.pod()};
    const Address page{"127.0.0.1", running.page()};
    running.server->apply({page, pod});
    EXPECT_FALSE(running.server->listeners().pod.problem);
    EXPECT_FALSE(running.server->listeners().page.problem);
    EXPECT_EQ(status_of(get(pod.port, "/status.json")), "200");
    EXPECT_EQ(status_of(get(page.port, "/status.json")), "404");
}

TEST(Server, EndsAtOnceWhateverIsOpen) {
    auto running = std::make_unique<RunningServer>();
    const auto port = running->pod();
    const Client silent(port);
    const Client slow(port);
    ASSERT_TRUE(slow.send(half_a_request));
    EXPECT_EQ(status_of(get(port, "/livez")), "200");
    running.reset();
    EXPECT_THAT(silent.rest(), IsEmpty());
    EXPECT_THAT(slow.rest(), IsEmpty());
    EXPECT_EQ(get(port, "/livez"), "(refused)");
}

// Clients that get no descriptor wait in the kernel, and are served when there is one again.
TEST(Server, OutlivesAProcessWithoutFreeDescriptors) {
    const RunningServer running;
    std::vector<os::Fd> all;
    for (os::Fd next(fcntl(0, F_DUPFD_CLOEXEC, 0)); next; next = os::Fd(fcntl(0, F_DUPFD_CLOEXEC, 0))) {
        all.push_back(std::move(next));
    }
    all.pop_back();
    const Client client(running.pod());  // has the last one
    ASSERT_TRUE(client.send("GET /livez HTTP/1.1\r\nHost: test\r\n\r\n"));
    EXPECT_EQ(fcntl(0, F_DUPFD_CLOEXEC, 0), -1);
    all.clear();
    EXPECT_EQ(body_of(client.rest()), "ok\n");
}

// "232 0x5 … 0xffffffff …": the system call and its arguments of the server's thread, empty if it is not in one.
std::string system_call_of_the_server() {
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
        std::string name;
        std::ifstream(task.path() / "comm") >> name;
        if (name == "health") {
            std::string call;
            std::getline(std::ifstream(task.path() / "syscall"), call);
            return call;
        }
    }
    return {};
}

// Looked at until it holds: the thread goes to sleep right after the last connection.
testing::AssertionResult waits_with_timeout(const std::string& timeout) {
    const auto deadline = std::chrono::steady_clock::now() + test::patience;
    std::string call;
    while (std::chrono::steady_clock::now() < deadline) {
        call = system_call_of_the_server();
        std::istringstream words(call);
        const std::vector<std::string> parts{std::istream_iterator<std::string>(words), {}};
        if (parts.size() > 4 && parts[4] == timeout) {
            return testing::AssertionSuccess();
        }
        std::this_thread::yield();
    }
    return testing::AssertionFailure() << "it is in system call " << call;
}

TEST(Server, SleepsForEverWhileNobodyComes) {
    const RunningServer running;
    EXPECT_TRUE(waits_with_timeout("0xffffffff"));
    EXPECT_EQ(status_of(get(running.pod(), "/metrics")), "200");
    EXPECT_TRUE(waits_with_timeout("0xffffffff"));
}

}  // namespace
}  // namespace lifeboat::health
