// How the client tries: signatures, connections, pauses, the clock.
#include "scripted_client.hpp"

#include <gmock/gmock.h>

#include <thread>

namespace lifeboat::s3 {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Key;
using testing::Not;
using testing::SizeIs;

HttpReply skewed(const std::string& server_time) {
    return error_reply(403, "RequestTimeTooSkewed", "too far", "<ServerTime>" + server_time + "</ServerTime>");
}

TEST(S3Client, SendsWhatItSigned) {
    ScriptedClient scripted;
    const std::string body = "all of it";
    Call call{upload_part, "PUT",
              "data/a b",  {{"uploadId", "x/y+z"}, {"partNumber", "7"}},
              {},          Payload(stream::as_bytes(body))};
    EXPECT_TRUE(scripted.client.send(call, {}).ok());
    ASSERT_THAT(scripted.transport.requests, SizeIs(1));
    const auto& request = scripted.transport.requests.front();
    EXPECT_EQ(request.url, "https://s3.example.org/pg-main/data/a%20b?partNumber=7&uploadId=x%2Fy%2Bz");
    EXPECT_EQ(stream::as_text(request.body), body);
    EXPECT_EQ(request.headers.at("host"), "s3.example.org");
    EXPECT_EQ(request.headers.at("x-amz-content-sha256"), call.body.sha256);
    EXPECT_EQ(request.headers.at("content-md5"), md5_base64(call.body.md5));
    EXPECT_EQ(request.headers.at("x-amz-date"), "20261122T021700Z");
    EXPECT_THAT(request.headers.at("authorization"),
                HasSubstr("SignedHeaders=content-md5;host;x-amz-content-sha256;x-amz-date;x-amz-security-token,"));
}

TEST(S3Client, SendsNoDigestWhereThereIsNoBody) {
    ScriptedClient scripted;
    EXPECT_TRUE(scripted.client.send(get_call(), {}).ok());
    EXPECT_THAT(scripted.transport.requests.front().headers, Not(Contains(Key("content-md5"))));
    EXPECT_EQ(scripted.transport.requests.front().headers.at("x-amz-content-sha256"), empty_payload);
}

TEST(S3Client, TriesAgainOverANewConnectionWithANewSignature) {
    ScriptedClient scripted;
    scripted.timer.roll(480);
    scripted.transport.replies = {error_reply(503, "SlowDown"), ScriptedTransport::broken(Broken::cut)};
    scripted.transport.on_request = [&] { scripted.timer.pass(seconds(2)); };
    EXPECT_TRUE(scripted.client.send(put_call(), {}).ok());
    const auto& requests = scripted.transport.requests;
    ASSERT_THAT(requests, SizeIs(3));
    EXPECT_FALSE(requests[0].fresh_connection);
    EXPECT_TRUE(requests[1].fresh_connection);
    EXPECT_TRUE(requests[2].fresh_connection);
    EXPECT_EQ(requests[0].headers.at("x-amz-date"), "20261122T021700Z");
    EXPECT_EQ(requests[1].headers.at("x-amz-date"), "20261122T021702Z");
    EXPECT_NE(requests[0].headers.at("authorization"), requests[1].headers.at("authorization"));
    EXPECT_THAT(scripted.timer.pauses(), ElementsAre(Milliseconds{480}, Milliseconds{480}));
}

TEST(S3Client, WaitsAsLongAsTheServerAsks) {
    for (const auto& [header, value, least] : {std::tuple{"retry-after", "7", Milliseconds{7'000}},
                                               {"x-amz-retry-after", "1500", Milliseconds{1'500}},
                                               // By the server's clock, which is an hour behind ours.
                                               {"retry-after", "Sun, 22 Nov 2026 01:17:09 GMT", Milliseconds{9'000}}}) {
        ScriptedClient scripted;
        auto reply = error_reply(503, "SlowDown");
        reply.headers = {{header, value}, {"date", "Sun, 22 Nov 2026 01:17:00 GMT"}};
        scripted.transport.replies = {reply};
        EXPECT_TRUE(scripted.client.send(get_call(), {}).ok());
        EXPECT_THAT(scripted.timer.pauses(), ElementsAre(least)) << value;
    }
}

TEST(S3Client, PassesOverARetryAfterThatIsNone) {
    for (const char* value : {"", "soon", "-5", "7.5", "99999999999999999999", "Fri, 31 Dec 9999 23:59:59 GMT",
                              "Tue, 31 Feb 2026 00:00:00 GMT", "Mon, 23 Nov 2026 02:17:00"}) {
        ScriptedClient scripted;
        auto reply = error_reply(503, "SlowDown");
        reply.headers = {{"retry-after", value}};
        scripted.transport.replies = {reply};
        EXPECT_TRUE(scripted.client.send(get_call(), {}).ok()) << value;
        EXPECT_THAT(scripted.timer.pauses(), ElementsAre(Milliseconds{0})) << value;
    }
}

TEST(S3Client, EndsAtOnceWhenItIsToWaitLongerThanItMay) {
    for (const char* value : {"241", "9223372036854775807", "Fri, 31 Dec 2261 23:59:59 GMT"}) {
        ScriptedClient scripted;
        auto reply = error_reply(503, "SlowDown");
        reply.headers = {{"retry-after", value}};
        scripted.transport.replies = {reply};
        const auto answer = scripted.client.send(get_call(), {});
        ASSERT_FALSE(answer.ok());
        EXPECT_EQ(answer.failure->error.kind, ErrorKind::temporary);
        EXPECT_THAT(scripted.timer.pauses(), SizeIs(0));
    }
}

TEST(S3Client, GivesUpWhenItsBudgetIsSpent) {
    ScriptedClient scripted;
    scripted.timer.roll(500);
    for (int i = 0; i < 2'000; ++i) {
        scripted.transport.replies.push_back(error_reply(500, "InternalError", "no luck"));
    }
    const auto answer = scripted.client.send(get_call(), {});
    ASSERT_FALSE(answer.ok());
    EXPECT_EQ(answer.failure->error.kind, ErrorKind::temporary);
    EXPECT_THAT(answer.failure->error.what, HasSubstr("no luck"));
    Milliseconds waited{0};
    for (const auto pause : scripted.timer.pauses()) {
        waited += pause;
    }
    EXPECT_LE(waited, seconds(240));
    EXPECT_GE(waited, seconds(200));
}

// A dump is held up from when nothing moves any more, not from when that is noticed.
TEST(S3Client, CountsStallsAmongItsBudget) {
    ScriptedClient scripted;
    scripted.timer.roll(500);
    scripted.transport.on_request = [&] {
        scripted.transport.replies.push_back(ScriptedTransport::broken(Broken::stalled));
        scripted.timer.pass(scripted.transport.requests.back().stall_after);
    };
    const auto began = scripted.timer.now();
    EXPECT_FALSE(scripted.client.send(put_call(), {}).ok());
    EXPECT_LE(scripted.timer.now() - began, seconds(241));
    EXPECT_GE(scripted.timer.now() - began, seconds(200));
    EXPECT_EQ(scripted.transport.requests.front().stall_after, minutes(1));
    EXPECT_LT(scripted.transport.requests.back().stall_after, minutes(1)) << "the last one has what is left";
}

TEST(S3Client, CountsOfALongRequestThatStallsTheStallAlone) {
    ScriptedClient scripted;
    scripted.timer.roll(0);
    scripted.transport.replies = {ScriptedTransport::broken(Broken::stalled)};
    scripted.transport.on_request = [&] { scripted.timer.pass(minutes(20)); };
    EXPECT_TRUE(scripted.client.send(put_call(), {}).ok()) << "bytes did move for twenty minutes";
    EXPECT_THAT(scripted.transport.requests, SizeIs(2));
}

TEST(S3Client, HasAShorterBudgetWhereACallSaysSo) {
    ScriptedClient scripted;
    for (int i = 0; i < 100; ++i) {
        scripted.transport.replies.push_back(error_reply(500, "InternalError"));
    }
    scripted.timer.roll(500);
    Call call{abort_upload, "DELETE", "data/app"};
    call.within = seconds(2);
    EXPECT_FALSE(scripted.client.send(call, {}).ok());
    EXPECT_LE(scripted.timer.pauses().size(), 4U);
    EXPECT_EQ(scripted.transport.requests.front().stall_after, seconds(2));
    EXPECT_EQ(scripted.transport.requests.front().reply_within, seconds(2));
}

TEST(S3Client, SetsALimitToEveryReplyButAnObjects) {
    ScriptedClient scripted;
    EXPECT_TRUE(scripted.client.send(put_call(), {}).ok());
    EXPECT_TRUE(scripted.client.send(get_call(), {}).ok());
    EXPECT_EQ(scripted.transport.requests[0].reply_within, minutes(2));
    EXPECT_EQ(scripted.transport.requests[0].stall_after, minutes(1));
    EXPECT_EQ(scripted.transport.requests[1].reply_within, Milliseconds{0});
    EXPECT_EQ(scripted.transport.requests[1].least_rate, 1024U) << "which ends an object's reply";
    EXPECT_EQ(scripted.transport.requests[1].stall_after, minutes(1));
}

TEST(S3Client, EndsAtOnceWhereNoTryHelps) {
    ScriptedClient scripted;
    scripted.transport.replies = {error_reply(403, "AccessDenied"), {200, {}, {}, {}, {}}};
    EXPECT_FALSE(scripted.client.send(get_call(), {}).ok());
    EXPECT_THAT(scripted.transport.requests, SizeIs(1));
}

TEST(S3Client, IsInterruptedInARequest) {
    ScriptedClient scripted;
    std::stop_source stop;
    scripted.transport.on_request = [&] { stop.request_stop(); };
    const auto answer = scripted.client.send(get_call(), stop.get_token());
    ASSERT_FALSE(answer.ok());
    EXPECT_EQ(answer.failure->error.kind, ErrorKind::interrupted);
    EXPECT_THAT(scripted.transport.requests, SizeIs(1));
}

TEST(S3Client, IsInterruptedInAPause) {
    ScriptedClient scripted;
    std::stop_source stop;
    scripted.timer.on_wait = [&] { stop.request_stop(); };
    scripted.transport.replies = {error_reply(503, "SlowDown")};
    const auto answer = scripted.client.send(get_call(), stop.get_token());
    ASSERT_FALSE(answer.ok());
    EXPECT_EQ(answer.failure->error.kind, ErrorKind::interrupted) << answer.failure->error.what;
    EXPECT_THAT(scripted.transport.requests, SizeIs(1));
}

// --- the clock

TEST(S3Client, LearnsTheServersClockAndSignsByIt) {
    ScriptedClient scripted;
    scripted.transport.replies = {skewed("2026-11-22T03:00:00Z")};
    EXPECT_TRUE(scripted.client.send(put_call(), {}).ok());
    EXPECT_TRUE(scripted.client.send(put_call(), {}).ok());
    const auto& requests = scripted.transport.requests;
    ASSERT_THAT(requests, SizeIs(3));
    EXPECT_EQ(requests[0].headers.at("x-amz-date"), "20261122T021700Z");
    EXPECT_EQ(requests[1].headers.at("x-amz-date"), "20261122T030000Z");
    EXPECT_EQ(requests[2].headers.at("x-amz-date"), "20261122T030000Z");
    EXPECT_THAT(scripted.timer.pauses(), SizeIs(0)) << "it is no failure that needs a pause";
}

TEST(S3Client, LearnsTheClockFromTheDateHeaderWhereTheBodyHasNone) {
    ScriptedClient scripted;
    auto reply = error_reply(403, "RequestTimeTooSkewed");
    reply.headers["date"] = "Sun, 22 Nov 2026 01:00:00 GMT";
    scripted.transport.replies = {reply};
    EXPECT_TRUE(scripted.client.send(put_call(), {}).ok());
    EXPECT_EQ(scripted.transport.requests.back().headers.at("x-amz-date"), "20261122T010000Z");
}

TEST(S3Client, LearnsTheClockOnce) {
    ScriptedClient scripted;
    scripted.transport.replies = {skewed("2026-11-22T03:00:00Z"), skewed("2026-11-22T04:00:00Z"),
                                  skewed("2026-11-22T05:00:00Z"), skewed("2026-11-22T06:00:00Z")};
    const auto first = scripted.client.send(put_call(), {});
    ASSERT_FALSE(first.ok());
    EXPECT_EQ(first.failure->code, "RequestTimeTooSkewed");
    EXPECT_THAT(scripted.transport.requests, SizeIs(2));
    EXPECT_FALSE(scripted.client.send(put_call(), {}).ok());
    for (std::size_t i = 1; i < scripted.transport.requests.size(); ++i) {
        EXPECT_EQ(scripted.transport.requests[i].headers.at("x-amz-date"), "20261122T030000Z");
    }
}

TEST(S3Client, DoesNotGuessATimeThatTheServerDoesNotTell) {
    ScriptedClient scripted;
    scripted.transport.replies = {error_reply(403, "RequestTimeTooSkewed")};
    EXPECT_FALSE(scripted.client.send(put_call(), {}).ok());
    EXPECT_THAT(scripted.transport.requests, SizeIs(1));
}

// Answers by what the request was signed for; any number of threads.
class ClockedServer final : public Transport {
public:
    HttpReply perform(const HttpRequest& request, const std::stop_token& /*stop*/) override {
        return request.headers.at("x-amz-date") == "20261122T030000Z" ? HttpReply{200, {}, {}, {}, {}}
                                                                      : skewed("2026-11-22T03:00:00Z");
    }
};

TEST(S3Client, LearnsTheClockForAllItsThreads) {
    for (int round = 0; round < 50; ++round) {
        ClockedServer server;
        test::FakeTimer timer;
        Client client(
            {{"https", "s3.example.org", "r"}, "b", Addressing::path, always({"id", Secret("key"), {}}), {}, {}},
            server, timer);
        std::atomic<int> failures{0};
        {
            std::vector<std::jthread> threads;
            for (int i = 0; i < 4; ++i) {
                threads.emplace_back([&] { failures += client.send(get_call(), {}).ok() ? 0 : 1; });
            }
        }
        EXPECT_EQ(failures, 0);
    }
}

}  // namespace
}  // namespace lifeboat::s3
