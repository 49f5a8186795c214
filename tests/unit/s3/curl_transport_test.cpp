// libcurl as we set it up, against a server on loopback that behaves as the test says.
#include "s3/curl_transport.hpp"

#include "loopback_server.hpp"

#include <gmock/gmock.h>

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

namespace lifeboat::s3 {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using test::LoopbackServer;
using test::Peer;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const std::string ok_reply = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

// Requests as they came, in order.
class Notes {
public:
    void add(std::string text) {
        const std::lock_guard lock(mutex_);
        texts_.push_back(std::move(text));
    }
    [[nodiscard]] std::vector<std::string> all() const {
        const std::lock_guard lock(mutex_);
        return texts_;
    }

private:
    mutable std::mutex mutex_;
    std::vector<std::string> texts_;
};

class CurlTransportTest : public testing::Test {
protected:
    CurlTransportTest() {
        // The machine's own proxy is not meant here.
        ::setenv("no_proxy", "127.0.0.1,localhost", 1);
    }

    static HttpRequest request(const LoopbackServer& server, const std::string& method,
                               std::string_view body = std::string_view()) {
        HttpRequest request;
        request.method = method;
        request.url = server.url();
        request.headers = {{"host", "bucket.example.org"}};
        request.body = stream::as_bytes(body);
        request.largest_reply = 1'000'000;
        request.stall_after = seconds(20);
        return request;
    }

    HttpReply perform(const HttpRequest& request) { return transport->perform(request, {}); }

    // Up to three times until the reply is right: the machine may hold up either end for longer than the request
    // allows, and a transport that is wrong is so each time.
    HttpReply perform_until(const std::function<bool(const HttpReply&)>& right, const HttpRequest& request) {
        constexpr int tries = 3;
        for (int i = 1;; ++i) {
            auto reply = perform(request);
            if (right(reply) || i == tries) {
                return reply;
            }
        }
    }
    HttpReply perform_unless_broken(const HttpRequest& request) {
        return perform_until([](const HttpReply& reply) { return !reply.broken; }, request);
    }

    std::unique_ptr<Transport> transport = curl_transport({});
};

// Answers every request with `reply`, over one connection, and notes what came.
LoopbackServer::Serve answering(Notes& notes, std::string reply = ok_reply) {
    return [&notes, reply = std::move(reply)](Peer& peer, int /*number*/) {
        for (auto text = peer.request(); !text.empty(); text = peer.request()) {
            notes.add(text);
            if (!peer.send(reply)) {
                return;
            }
        }
    };
}

// The noted request without the order and the case of its headers being of any interest.
std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
    return text;
}

// --- What is sent

TEST_F(CurlTransportTest, SendsABodyWithItsLengthAndNothingUnasked) {
    Notes notes;
    const LoopbackServer server(answering(notes));
    const std::string body(3'000'000, 'x');  // so much that libcurl would like to ask first (Expect)
    for (const std::string method : {"PUT", "POST"}) {
        auto put = request(server, method, body);
        put.headers["x-amz-meta-empty"] = "";
        const auto reply = perform(put);
        EXPECT_EQ(reply.status, 200) << reply.trouble;
        EXPECT_FALSE(reply.broken);
        EXPECT_EQ(reply.body, "ok");
        const std::string sent = notes.all().back();
        const std::string head = lower(sent.substr(0, sent.find("\r\n\r\n") + 2));
        EXPECT_THAT(head, StartsWith(lower(method) + " /b/key http/1.1\r\n"));
        EXPECT_THAT(head, AllOf(HasSubstr("\r\nhost: bucket.example.org\r\n"), HasSubstr("content-length: 3000000\r\n"),
                                HasSubstr("\r\nx-amz-meta-empty:\r\n")));
        EXPECT_THAT(head, AllOf(Not(HasSubstr("expect")), Not(HasSubstr("transfer-encoding")), Not(HasSubstr("accept")),
                                Not(HasSubstr("content-type")), Not(HasSubstr("chunked"))));
        EXPECT_EQ(sent.substr(sent.find("\r\n\r\n") + 4), body);
    }
}

TEST_F(CurlTransportTest, SendsALengthOfNothingWithAnEmptyBody) {
    Notes notes;
    const LoopbackServer server(answering(notes));
    for (const std::string method : {"PUT", "POST"}) {
        EXPECT_EQ(perform(request(server, method)).status, 200);
        EXPECT_THAT(lower(notes.all().back()),
                    AllOf(HasSubstr("content-length: 0\r\n"), Not(HasSubstr("transfer-encoding")),
                          Not(HasSubstr("content-type"))));
    }
}

TEST_F(CurlTransportTest, SendsTheOtherMethodsWithoutABody) {
    Notes notes;
    const LoopbackServer server(answering(notes));
    EXPECT_EQ(perform(request(server, "GET")).body, "ok");
    EXPECT_EQ(perform(request(server, "DELETE")).body, "ok");
    EXPECT_THAT(notes.all(),
                ElementsAre(StartsWith("GET /b/key HTTP/1.1\r\n"), StartsWith("DELETE /b/key HTTP/1.1\r\n")));
    EXPECT_THAT(lower(notes.all()[1]), Not(HasSubstr("content-length")));
}

TEST_F(CurlTransportTest, LeavesThePathAsItWasSigned) {
    Notes notes;
    const LoopbackServer server(answering(notes));
    auto get = request(server, "GET");
    get.url = server.url("/b/a/../b//./c%20d?x=%2F&y=");
    EXPECT_EQ(perform(get).status, 200);
    EXPECT_THAT(notes.all().front(), StartsWith("GET /b/a/../b//./c%20d?x=%2F&y= HTTP/1.1\r\n"));
}

// --- What comes back

TEST_F(CurlTransportTest, GivesHeaderNamesInLowerCaseAndValuesWithoutBlanks) {
    Notes notes;
    const LoopbackServer server(
        answering(notes,
                  "HTTP/1.1 206 Partial\r\nETAG:   \"aBc\"  \r\nX-Amz-Version-Id:\t4_z\r\nEmpty:\r\nDate: Sun, "
                  "22 Nov 2026 02:17:00 GMT\r\nContent-Length: 0\r\n\r\n"));
    const auto reply = perform(request(server, "GET"));
    EXPECT_EQ(reply.status, 206);
    EXPECT_EQ(reply.headers.at("etag"), "\"aBc\"");
    EXPECT_EQ(reply.headers.at("x-amz-version-id"), "4_z");
    EXPECT_EQ(reply.headers.at("empty"), "");
    EXPECT_EQ(reply.headers.at("date"), "Sun, 22 Nov 2026 02:17:00 GMT");
}

TEST_F(CurlTransportTest, PassesOverWhatCameBeforeTheReply) {
    Notes notes;
    const LoopbackServer server(answering(notes, "HTTP/1.1 100 Continue\r\nEarly: yes\r\n\r\n" + ok_reply));
    const auto reply = perform(request(server, "PUT", "x"));
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.headers.count("early"), 0U);
}

TEST_F(CurlTransportTest, TakesAHeadWithALengthAndNoBody) {
    Notes notes;
    const LoopbackServer server(answering(notes, "HTTP/1.1 200 OK\r\nContent-Length: 123456\r\nEtag: e\r\n\r\n"));
    for (int i = 0; i < 2; ++i) {
        const auto reply = perform(request(server, "HEAD"));
        EXPECT_FALSE(reply.broken) << reply.trouble;
        EXPECT_EQ(reply.headers.at("content-length"), "123456");
        EXPECT_EQ(reply.body, "");
    }
    EXPECT_EQ(server.connections(), 1);
}

TEST_F(CurlTransportTest, FollowsNoRedirection) {
    Notes notes;
    const LoopbackServer server(
        answering(notes, "HTTP/1.1 307 Elsewhere\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"));
    EXPECT_EQ(perform(request(server, "GET")).status, 307);
    EXPECT_EQ(notes.all().size(), 1U);
}

TEST_F(CurlTransportTest, HeedsAReplyThatComesBeforeTheBodyIsSent) {
    const LoopbackServer server([](Peer& peer, int /*number*/) {
        if (peer.head()) {
            (void)peer.send("HTTP/1.1 503 Slow Down\r\nContent-Length: 4\r\nConnection: close\r\n\r\nslow");
            peer.hold();
        }
    });
    const std::string body(20'000'000, 'x');
    const auto reply = perform(request(server, "PUT", body));
    EXPECT_EQ(reply.status, 503) << reply.trouble;
    EXPECT_EQ(reply.body, "slow");
}

// --- Connections

TEST_F(CurlTransportTest, UsesAConnectionAgain) {
    Notes notes;
    const LoopbackServer server(answering(notes));
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(perform(request(server, "PUT", "body")).status, 200);
        EXPECT_EQ(perform(request(server, "GET")).status, 200);
    }
    EXPECT_EQ(server.connections(), 1);
}

// Whether the client's end of the connection to this port, which is among all that this process has open, would pass to
// a process that is started; empty if there is none.
std::optional<bool> would_pass_on(std::uint16_t port) {
    for (int fd = 0; fd < 1024; ++fd) {
        sockaddr_in peer{};
        socklen_t length = sizeof peer;
        if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &length) == 0 && peer.sin_family == AF_INET &&
            ntohs(peer.sin_port) == port) {
            return (::fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0;
        }
    }
    return std::nullopt;
}

TEST_F(CurlTransportTest, KeepsItsConnectionFromProcessesThatAreStarted) {
    Notes notes;
    const LoopbackServer server(answering(notes));
    EXPECT_EQ(perform(request(server, "GET")).status, 200);
    EXPECT_EQ(would_pass_on(server.port()), false);
}

TEST_F(CurlTransportTest, OpensANewConnectionWhereThatIsAskedFor) {
    Notes notes;
    const LoopbackServer server(answering(notes));
    EXPECT_EQ(perform(request(server, "GET")).status, 200);
    auto fresh = request(server, "GET");
    fresh.fresh_connection = true;
    EXPECT_EQ(perform(fresh).status, 200);
    EXPECT_EQ(server.connections(), 2);
    EXPECT_EQ(perform(request(server, "GET")).status, 200);
    EXPECT_EQ(server.connections(), 2) << "the new one takes the old one's place";
}

TEST_F(CurlTransportTest, HasAConnectionForEachOfSeveralThreads) {
    Notes notes;
    const LoopbackServer server(answering(notes));
    const std::string body(300'000, 'x');
    std::atomic<int> good{0};
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 4; ++i) {
            threads.emplace_back([&] {
                for (int times = 0; times < 10; ++times) {
                    good += perform(request(server, "PUT", body)).status == 200 ? 1 : 0;
                }
            });
        }
    }
    EXPECT_EQ(good, 40);
    EXPECT_LE(server.connections(), 4);
}

// Whether the server did what it was asked for is for the caller to find out. libcurl would send it again unasked.
TEST_F(CurlTransportTest, GoesThroughTheProxyThatTheEnvironmentNames) {
    Notes notes;
    const LoopbackServer proxy(answering(notes));
    ::setenv("http_proxy", proxy.url("").c_str(), 1);
    HttpRequest through = request(proxy, "GET");
    through.url = "http://bucket.example.org/key";
    const auto reply = perform(through);
    ::unsetenv("http_proxy");
    EXPECT_EQ(reply.status, 200) << reply.trouble;
    EXPECT_THAT(notes.all(), ElementsAre(StartsWith("GET http://bucket.example.org/key HTTP/1.1\r\n")));
}

TEST_F(CurlTransportTest, SendsABodyOnceAlsoWhenAKeptConnectionEndsWithoutAReply) {
    std::atomic<int> requests = 0;
    const LoopbackServer server([&](Peer& peer, int number) {
        for (int of_this = 1; !peer.request().empty(); ++of_this) {
            ++requests;
            if ((number == 0 && of_this == 2) || !peer.send(ok_reply)) {
                return;
            }
        }
    });
    const std::string body(100'000, 'x');
    EXPECT_EQ(perform(request(server, "PUT", body)).status, 200);
    EXPECT_EQ(perform(request(server, "PUT", body)).broken, Broken::cut);
    EXPECT_EQ(requests, 2);
    EXPECT_EQ(perform(request(server, "PUT", body)).status, 200);
    EXPECT_EQ(requests, 3);
}

TEST_F(CurlTransportTest, AsksForANewThingOnceAlsoWhenAKeptConnectionEndsWithoutAReply) {
    Notes notes;
    const LoopbackServer server([&notes](Peer& peer, int /*number*/) {
        for (auto text = peer.request(); !text.empty(); text = peer.request()) {
            notes.add(text);
            if (text.starts_with("POST") || !peer.send(ok_reply)) {
                return;
            }
        }
    });
    ASSERT_EQ(perform(request(server, "GET")).status, 200);
    EXPECT_EQ(perform(request(server, "POST")).broken, Broken::cut);
    EXPECT_EQ(notes.all().size(), 2U) << "or two uploads have begun, of which one is heard of";
}

TEST_F(CurlTransportTest, NeverUsesAConnectionAgainThatBroke) {
    const LoopbackServer server([](Peer& peer, int number) {
        while (!peer.request().empty()) {
            if (!peer.send(number == 0
                               ? "HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n" + std::string(2'000'000, 'x')
                               : ok_reply)) {
                return;
            }
        }
    });
    EXPECT_EQ(perform(request(server, "GET")).broken, Broken::too_long);
    EXPECT_EQ(perform(request(server, "GET")).body, "ok");
    EXPECT_EQ(server.connections(), 2);
}

// --- How an exchange breaks

TEST_F(CurlTransportTest, TellsAServerThatIsNotReached) {
    std::string url;
    {
        const LoopbackServer gone([](Peer& /*peer*/, int /*number*/) {});
        url = gone.url();
    }
    HttpRequest get;
    get.method = "GET";
    get.stall_after = seconds(20);
    get.url = url;
    auto reply = perform(get);
    EXPECT_EQ(reply.broken, Broken::not_reached);
    EXPECT_EQ(reply.status, 0);
    EXPECT_FALSE(reply.trouble.empty());
    get.url = "http://no-such-host.invalid/";
    reply = perform(get);
    EXPECT_EQ(reply.broken, Broken::not_reached) << reply.trouble;
}

TEST_F(CurlTransportTest, TellsAReplyThatWasCut) {
    Notes notes;
    for (const char* start : {"", "HTTP/1.1 200 OK\r\nContent-Le", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
                              "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"}) {
        for (const bool reset : {false, true}) {
            const LoopbackServer server([&](Peer& peer, int /*number*/) {
                (void)peer.request();
                (void)peer.send(start);
                if (reset) {
                    peer.reset();
                }
            });
            const auto reply = perform(request(server, "PUT", "body"));
            EXPECT_EQ(reply.broken, Broken::cut) << start << " " << reply.trouble;
            EXPECT_FALSE(reply.trouble.empty());
        }
    }
}

TEST_F(CurlTransportTest, KeepsWhatCameOfAReplyThatWasCut) {
    const LoopbackServer server([](Peer& peer, int /*number*/) {
        (void)peer.request();
        (void)peer.send("HTTP/1.1 206 Partial\r\nContent-Range: bytes 0-9/10\r\nContent-Length: 10\r\n\r\nabc");
    });
    const auto reply = perform(request(server, "GET"));
    EXPECT_EQ(reply.broken, Broken::cut);
    EXPECT_EQ(reply.status, 206);
    EXPECT_EQ(reply.body, "abc");
    EXPECT_EQ(reply.headers.at("content-range"), "bytes 0-9/10");
}

TEST_F(CurlTransportTest, EndsAReplyThatIsLargerThanItMayBe) {
    const std::string large(5'000, 'x');
    for (const std::string& head : {std::string("Content-Length: 5000\r\n"), std::string("Connection: close\r\n")}) {
        const LoopbackServer server([&](Peer& peer, int /*number*/) {
            (void)peer.request();
            (void)peer.send("HTTP/1.1 200 OK\r\n" + head + "\r\n" + large);
        });
        auto get = request(server, "GET");
        get.largest_reply = 4'999;
        EXPECT_EQ(perform(get).broken, Broken::too_long);
        get.largest_reply = 5'000;
        EXPECT_EQ(perform(get).body, large);
    }
}

TEST_F(CurlTransportTest, EndsAReplyWhoseHeadersHaveNoEnd) {
    const LoopbackServer server([](Peer& peer, int /*number*/) {
        (void)peer.request();
        (void)peer.send("HTTP/1.1 200 OK\r\n");
        const std::string line = "X-More: " + std::string(1'000, 'x') + "\r\n";
        while (peer.send(line)) {
        }
    });
    const auto reply = perform(request(server, "GET"));
    ASSERT_TRUE(reply.broken);
    EXPECT_EQ(*reply.broken, Broken::too_long);
}

// --- Stalls

class Stopwatch {
public:
    [[nodiscard]] milliseconds passed() const {
        return std::chrono::duration_cast<milliseconds>(steady_clock::now() - start_);
    }

    // What passed since the last lap.
    milliseconds lap() {
        last_lap_ = passed();
        start_ = steady_clock::now();
        return last_lap_;
    }
    [[nodiscard]] milliseconds last_lap() const { return last_lap_; }

private:
    steady_clock::time_point start_ = steady_clock::now();
    milliseconds last_lap_{};
};

TEST_F(CurlTransportTest, EndsAnExchangeThatStalls) {
    const std::string body(30'000'000, 'x');
    const std::vector<std::pair<const char*, LoopbackServer::Serve>> stalls{
        {"takes no byte", [](Peer& peer, int) { peer.hold(); }},
        {"takes the head alone", [](Peer& peer, int) { (void)(peer.head() && (peer.hold(), true)); }},
        {"gives no reply", [](Peer& peer, int) { (void)(!peer.request().empty() && (peer.hold(), true)); }},
        {"stops in its head",
         [](Peer& peer, int) {
             (void)(!peer.request().empty() && peer.send("HTTP/1.1 200 O") && (peer.hold(), true));
         }},
        {"stops in its body",
         [](Peer& peer, int) {
             (void)(!peer.request().empty() && peer.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc") &&
                    (peer.hold(), true));
         }},
    };
    for (const auto& [name, serve] : stalls) {
        const LoopbackServer server(serve);
        auto put = request(server, "PUT", body);
        put.stall_after = milliseconds(400);
        const Stopwatch watch;
        const auto reply = perform(put);
        EXPECT_EQ(reply.broken, Broken::stalled) << name << ": " << reply.trouble;
        EXPECT_GE(watch.passed(), milliseconds(400)) << name;
        EXPECT_LT(watch.passed(), seconds(10)) << name;
        EXPECT_FALSE(reply.trouble.empty());
    }
}

TEST_F(CurlTransportTest, KeepsWhatCameBeforeAStall) {
    const LoopbackServer server([](Peer& peer, int /*number*/) {
        (void)peer.request();
        (void)peer.send("HTTP/1.1 206 Partial\r\nContent-Length: 10\r\n\r\nabc");
        peer.hold();
    });
    auto get = request(server, "GET");
    get.stall_after = seconds(2);
    const auto reply = perform_until([](const HttpReply& came) { return !came.body.empty(); }, get);
    EXPECT_EQ(reply.broken, Broken::stalled);
    EXPECT_EQ(reply.status, 206);
    EXPECT_EQ(reply.body, "abc");
}

TEST_F(CurlTransportTest, EndsAConnectionThatDoesNotComeAbout) {
    // A listener whose queue is full answers no more: the connection stays half made.
    const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);  // NOLINT(*-reinterpret-cast)
    ASSERT_EQ(::bind(listener, generic, size), 0);
    ASSERT_EQ(::listen(listener, 0), 0);
    ASSERT_EQ(::getsockname(listener, generic, &size), 0);
    std::vector<int> fillers;
    for (int i = 0; i < 4; ++i) {
        fillers.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
        (void)::connect(fillers.back(), generic, size);
    }
    HttpRequest get;
    get.method = "GET";
    get.url = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/";
    get.stall_after = milliseconds(300);
    const Stopwatch watch;
    const auto reply = perform(get);
    EXPECT_EQ(reply.broken, Broken::stalled) << reply.trouble;
    EXPECT_LT(watch.passed(), seconds(10));
    for (const int filler : fillers) {
        ::close(filler);
    }
    ::close(listener);
}

TEST_F(CurlTransportTest, DoesNotEndAnExchangeThatMovesSlowly) {
    const LoopbackServer server([](Peer& peer, int /*number*/) {
        (void)peer.request();
        (void)peer.send("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n");
        for (int i = 0; i < 12 && peer.pause_ms(300); ++i) {
            (void)peer.send("x");
        }
    });
    auto get = request(server, "GET");
    get.stall_after = milliseconds(2500);
    const auto reply = perform_unless_broken(get);
    EXPECT_FALSE(reply.broken) << reply.trouble;
    EXPECT_EQ(reply.body, std::string(12, 'x'));
}

// Holds the thread that made it, wherever that is just then, as a machine does that has no processor for it.
class HeldUp {
public:
    HeldUp() {
        if (::pipe2(held_.data(), O_CLOEXEC) != 0 || ::pipe2(let_go_.data(), O_CLOEXEC) != 0) {
            std::abort();
        }
        struct sigaction action {};
        action.sa_handler = [](int /*signal*/) {
            const int before = errno;
            char byte = 0;
            (void)!::write(held_[1], &byte, 1);
            pollfd told{let_go_[0], POLLIN, 0};
            if (::poll(&told, 1, 10'000) > 0) {  // not for ever: who was to tell may need what this thread holds
                (void)!::read(let_go_[0], &byte, 1);
            }
            errno = before;
        };
        ::sigaction(SIGUSR1, &action, &before_);
    }
    HeldUp(const HeldUp&) = delete;
    HeldUp& operator=(const HeldUp&) = delete;
    ~HeldUp() {
        ::sigaction(SIGUSR1, &before_, nullptr);
        for (const int end : {held_[0], held_[1], let_go_[0], let_go_[1]}) {
            ::close(end);
        }
    }

    // While `meanwhile` runs.
    void during(const std::function<void()>& meanwhile) {
        const std::lock_guard lock(mutex_);
        char byte = 0;
        if (::pthread_kill(thread_, SIGUSR1) != 0 || ::read(held_[0], &byte, 1) != 1) {
            std::abort();
        }
        meanwhile();
        (void)!::write(let_go_[1], &byte, 1);
    }

private:
    static inline std::array<int, 2> held_;
    static inline std::array<int, 2> let_go_;

    const pthread_t thread_ = ::pthread_self();
    std::mutex mutex_;
    struct sigaction before_ {};
};

TEST_F(CurlTransportTest, DoesNotTakeItsOwnAbsenceForAStall) {
    HeldUp sender;
    const LoopbackServer server([&](Peer& peer, int /*number*/) {
        (void)peer.request();
        (void)peer.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\no");
        std::this_thread::sleep_for(milliseconds(500));  // it has taken note of that, and waits for more
        sender.during([&] {
            (void)peer.send("k");
            std::this_thread::sleep_for(milliseconds(2500));
        });
        std::this_thread::sleep_for(milliseconds(300));
        (void)peer.send("!");
    });
    auto get = request(server, "GET");
    get.stall_after = seconds(2);
    const auto reply = perform_unless_broken(get);
    EXPECT_FALSE(reply.broken) << reply.trouble;
    EXPECT_EQ(reply.body, "ok!");
}

TEST_F(CurlTransportTest, EndsAReplyThatMovesForEver) {
    const LoopbackServer server([](Peer& peer, int /*number*/) {
        (void)peer.request();
        (void)peer.send("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
        while (peer.pause_ms(30) && peer.send(" ")) {
        }
    });
    auto put = request(server, "PUT", "body");
    put.stall_after = seconds(20);
    put.reply_within = milliseconds(500);
    const Stopwatch watch;
    const auto reply = perform(put);
    EXPECT_EQ(reply.broken, Broken::stalled);
    EXPECT_GE(watch.passed(), milliseconds(500));
    EXPECT_LT(watch.passed(), seconds(10));
}

// --- A stop

TEST_F(CurlTransportTest, EndsWithinASecondOfAStop) {
    const std::string body(30'000'000, 'x');
    const auto time_to_end = [&](bool before_the_body) {
        std::stop_source stop;
        std::atomic<steady_clock::time_point> stopped_at{};
        const LoopbackServer server([&](Peer& peer, int /*number*/) {
            if (before_the_body ? peer.head() : !peer.request().empty()) {
                stopped_at = steady_clock::now();
                stop.request_stop();
                peer.hold();
            }
        });
        const auto reply = transport->perform(request(server, "PUT", body), stop.get_token());
        const auto ended_at = steady_clock::now();
        EXPECT_EQ(reply.broken, Broken::interrupted);
        return ended_at - stopped_at.load();
    };
    for (const bool before_the_body : {true, false}) {
        auto took = time_to_end(before_the_body);
        for (int again = 0; again < 4 && took >= seconds(1); ++again) {  // the machine may have held it up
            took = time_to_end(before_the_body);
        }
        EXPECT_LT(took, seconds(1));
    }
}

TEST_F(CurlTransportTest, AsksNothingAfterAStop) {
    Notes notes;
    const LoopbackServer server(answering(notes));
    std::stop_source stop;
    stop.request_stop();
    EXPECT_EQ(transport->perform(request(server, "PUT", "x"), stop.get_token()).broken, Broken::interrupted);
    EXPECT_TRUE(notes.all().empty());
}

TEST_F(CurlTransportTest, EndsAnObjectThatComesDropByDrop) {
    const LoopbackServer server([](Peer& peer, int /*number*/) {
        (void)peer.request();
        (void)peer.send("HTTP/1.1 206 Partial\r\nContent-Length: 1000000\r\n\r\n");
        while (peer.pause_ms(30) && peer.send("x")) {
        }
    });
    auto get = request(server, "GET");
    get.stall_after = seconds(1);
    get.least_rate = 1'000;
    Stopwatch watch;
    const auto reply = perform_until([&](const HttpReply& /*reply*/) { return watch.lap() >= seconds(2); }, get);
    EXPECT_EQ(reply.broken, Broken::stalled);
    EXPECT_GE(watch.last_lap(), seconds(2)) << "bytes did move all the time";
    EXPECT_LT(watch.last_lap(), seconds(30));
    EXPECT_FALSE(reply.body.empty()) << "what came is kept";
}

TEST_F(CurlTransportTest, EndsABodyThatIsTakenInDropByDrop) {
    const LoopbackServer server([](Peer& peer, int /*number*/) { peer.sip(60'000, 20); });
    const std::string body(30'000'000, 'x');
    auto put = request(server, "PUT", body);
    put.stall_after = seconds(1);
    put.least_rate = 10'000'000;
    Stopwatch watch;
    const auto reply = perform_until([&](const HttpReply& /*reply*/) { return watch.lap() >= seconds(2); }, put);
    EXPECT_EQ(reply.broken, Broken::stalled);
    EXPECT_GE(watch.last_lap(), seconds(2)) << "bytes did move all the time";
    EXPECT_LT(watch.last_lap(), seconds(30));
}

TEST_F(CurlTransportTest, LetsAnObjectComeAtItsLeastRate) {
    const LoopbackServer server([](Peer& peer, int /*number*/) {
        (void)peer.request();
        (void)peer.send("HTTP/1.1 206 Partial\r\nContent-Length: 30000\r\n\r\n");
        for (int i = 0; i < 30 && peer.pause_ms(100); ++i) {
            (void)peer.send(std::string(1'000, 'x'));
        }
    });
    auto get = request(server, "GET");
    get.stall_after = seconds(1);
    get.least_rate = 2'000;
    const auto reply = perform_unless_broken(get);
    EXPECT_FALSE(reply.broken) << reply.trouble;
    EXPECT_EQ(reply.body.size(), 30'000U);
}

TEST_F(CurlTransportTest, HasPatienceWithTheReplyToABody) {
    const LoopbackServer server([](Peer& peer, int /*number*/) {
        (void)peer.request();
        (void)peer.send("HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n");
        for (int i = 0; i < 20 && peer.pause_ms(150); ++i) {
            (void)peer.send(" ");
        }
    });
    auto put = request(server, "PUT", "body");
    put.stall_after = seconds(2);
    put.reply_within = seconds(20);
    put.least_rate = 1'000'000;
    EXPECT_FALSE(perform_unless_broken(put).broken);
}

// --- The rate

TEST_F(CurlTransportTest, KeepsToItsRateOverAllItsConnections) {
    Notes notes;
    const LoopbackServer server(answering(notes));
    constexpr std::uint64_t rate = 1'000'000;
    transport = curl_transport({std::nullopt, std::make_shared<stream::RateLimit>(rate, steady_clock::now())});
    const std::string body(300'000, 'x');
    const Stopwatch watch;
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 3; ++i) {
            threads.emplace_back([&] { EXPECT_EQ(perform(request(server, "PUT", body)).status, 200); });
        }
    }
    // A tenth of a second's worth is there at the start.
    EXPECT_GE(watch.passed(), milliseconds(800));
    EXPECT_LT(watch.passed(), seconds(10));
    EXPECT_EQ(notes.all().size(), 3U);
}

TEST_F(CurlTransportTest, DoesNotTakeItsOwnSlownessForAStall) {
    Notes notes;
    const LoopbackServer server(answering(notes));
    transport = curl_transport({std::nullopt, std::make_shared<stream::RateLimit>(10'000, steady_clock::now())});
    const std::string body(40'000, 'x');
    auto put = request(server, "PUT", body);
    put.stall_after = seconds(2);
    put.reply_within = seconds(2);
    const auto reply = perform_unless_broken(put);
    EXPECT_FALSE(reply.broken) << reply.trouble;
    EXPECT_EQ(reply.status, 200);
}

TEST_F(CurlTransportTest, SeesAStallWhenItHasARate) {
    const LoopbackServer server([](Peer& peer, int /*number*/) { peer.hold(); });
    transport = curl_transport({std::nullopt, std::make_shared<stream::RateLimit>(2'000'000, steady_clock::now())});
    const std::string body(100'000'000, 'x');
    auto put = request(server, "PUT", body);
    put.stall_after = milliseconds(500);
    const Stopwatch watch;
    EXPECT_EQ(perform(put).broken, Broken::stalled);
    EXPECT_LT(watch.passed(), seconds(30)) << "a sender that waits for its rate waits for the server, too";
}

}  // namespace
}  // namespace lifeboat::s3
