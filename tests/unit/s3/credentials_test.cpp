// A key that is exchanged under the client.
#include "scripted_client.hpp"

#include <gmock/gmock.h>

#include <array>
#include <atomic>
#include <thread>

namespace lifeboat::s3 {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

const Credentials second{"SECOND", Secret("second-key"), {}};
const Credentials third{"THIRD", Secret("third-key"), {}};

HttpReply unknown_key() {
    return error_reply(403, "InvalidAccessKeyId");
}
HttpReply wrong_key() {
    return error_reply(403, "SignatureDoesNotMatch");
}

// The ids of the keys that the requests so far were signed with.
std::vector<std::string> signers(const ScriptedClient& scripted) {
    std::vector<std::string> ids;
    for (const auto& request : scripted.transport.requests) {
        const auto& header = request.headers.at("authorization");
        const std::size_t begin = header.find("Credential=") + 11;
        ids.push_back(header.substr(begin, header.find('/', begin) - begin));
    }
    return ids;
}

TEST(S3Credentials, AreThoseOfTheMomentOfEachRequest) {
    ScriptedClient scripted;
    EXPECT_TRUE(scripted.client.send(get_call(), {}).ok());
    scripted.credentials = second;
    EXPECT_TRUE(scripted.client.send(get_call(), {}).ok());
    EXPECT_THAT(signers(scripted), ElementsAre("THE-KEY-ID", "SECOND"));
    EXPECT_EQ(scripted.transport.requests[0].headers.count("x-amz-security-token"), 1U);
    EXPECT_EQ(scripted.transport.requests[1].headers.count("x-amz-security-token"), 0U);
}

TEST(S3Credentials, AreThoseOfTheMomentOfEachTry) {
    ScriptedClient scripted;
    scripted.transport.replies = {error_reply(503, "SlowDown")};
    scripted.transport.on_request = [&] { scripted.credentials = second; };
    EXPECT_TRUE(scripted.client.send(get_call(), {}).ok());
    EXPECT_THAT(signers(scripted), ElementsAre("THE-KEY-ID", "SECOND"));
}

// The old key was deleted while the request was under way.
TEST(S3Credentials, ThatAreRefusedAfterAnExchangeCountAsNoFailure) {
    for (const auto& refusal :
         {unknown_key(), wrong_key(), error_reply(403, "AccessDenied"), error_reply(400, "ExpiredToken"),
          HttpReply{401, {}, {}, {}, {}}, HttpReply{403, {}, {}, {}, {}}}) {
        ScriptedClient scripted;
        scripted.transport.replies = {refusal};
        scripted.transport.on_request = [&] { scripted.credentials = second; };
        EXPECT_TRUE(scripted.client.send(put_call(), {}).ok()) << refusal.body;
        EXPECT_THAT(signers(scripted), ElementsAre("THE-KEY-ID", "SECOND"));
        EXPECT_THAT(scripted.timer.pauses(), SizeIs(0));
    }
}

TEST(S3Credentials, ThatAreRefusedWithoutAnExchangeAreAFailure) {
    ScriptedClient scripted;
    scripted.transport.replies = {unknown_key()};
    EXPECT_FALSE(scripted.client.send(get_call(), {}).ok());
    EXPECT_THAT(signers(scripted), ElementsAre("THE-KEY-ID"));
}

TEST(S3Credentials, OfOtherFailuresAreNotExchanged) {
    ScriptedClient scripted;
    scripted.transport.replies = {error_reply(404, "NoSuchKey")};
    scripted.transport.on_request = [&] { scripted.credentials = second; };
    EXPECT_FALSE(scripted.client.send(get_call(), {}).ok());
    EXPECT_THAT(scripted.transport.requests, SizeIs(1));
}

// The id was written and its key is not yet.
TEST(S3Credentials, ThatAreHalfExchangedGiveWayToTheOldUntilTheyAreWhole) {
    ScriptedClient scripted;
    EXPECT_TRUE(scripted.client.send(get_call(), {}).ok());
    scripted.credentials.access_key_id = "SECOND";
    scripted.transport.replies = {wrong_key()};
    EXPECT_TRUE(scripted.client.send(get_call(), {}).ok());
    EXPECT_TRUE(scripted.client.send(get_call(), {}).ok());
    scripted.credentials = second;
    EXPECT_TRUE(scripted.client.send(get_call(), {}).ok());
    EXPECT_THAT(signers(scripted), ElementsAre("THE-KEY-ID", "SECOND", "THE-KEY-ID", "THE-KEY-ID", "SECOND"));
}

TEST(S3Credentials, ThatWereAcceptedLeaveNoWayBack) {
    ScriptedClient scripted;
    scripted.credentials = second;
    EXPECT_TRUE(scripted.client.send(get_call(), {}).ok());
    scripted.transport.replies = {unknown_key()};
    EXPECT_FALSE(scripted.client.send(get_call(), {}).ok());
    EXPECT_THAT(signers(scripted), ElementsAre("SECOND", "SECOND"));
}

TEST(S3Credentials, WithFewerRightsDoNotGiveWay) {
    ScriptedClient scripted;
    scripted.credentials = second;
    scripted.transport.replies = {error_reply(403, "AccessDenied"), HttpReply{403, {}, {}, {}, {}}};
    EXPECT_FALSE(scripted.client.send(get_call(), {}).ok());
    EXPECT_FALSE(scripted.client.send(get_call(), {}).ok());
    EXPECT_THAT(signers(scripted), ElementsAre("SECOND", "SECOND"));
}

TEST(S3Credentials, ThatAreAllRefusedFailWithWhatIsSaidOfTheNewest) {
    ScriptedClient scripted;
    scripted.credentials = second;
    scripted.transport.replies = {wrong_key(), unknown_key(), wrong_key()};
    const auto answer = scripted.client.send(get_call(), {});
    ASSERT_FALSE(answer.ok());
    EXPECT_EQ(answer.failure->code, "SignatureDoesNotMatch");
    EXPECT_THAT(signers(scripted), ElementsAre("SECOND", "THE-KEY-ID", "SECOND"));

    scripted.transport.replies = {wrong_key()};
    EXPECT_FALSE(scripted.client.send(get_call(), {}).ok()) << "and the old ones are forgotten";
    EXPECT_THAT(scripted.transport.requests, SizeIs(4));
}

TEST(S3Credentials, ThatDoNotFitAHeaderAreNotTaken) {
    ScriptedClient scripted;
    for (const char* bad : {"", "SECOND\r\nx-evil: 1", "a b"}) {
        scripted.credentials.access_key_id = bad;
        EXPECT_TRUE(scripted.client.send(get_call(), {}).ok());
    }
    EXPECT_THAT(signers(scripted), ElementsAre("THE-KEY-ID", "THE-KEY-ID", "THE-KEY-ID"));
}

TEST(S3Credentials, ThatGoOnChangingAreNotTriedForEver) {
    ScriptedClient scripted;
    for (int i = 0; i < 100; ++i) {
        scripted.transport.replies.push_back(unknown_key());
    }
    scripted.transport.on_request = [&] { scripted.credentials.access_key_id += "X"; };
    EXPECT_FALSE(scripted.client.send(get_call(), {}).ok());
    EXPECT_THAT(scripted.transport.requests, SizeIs(3));
}

// The store knows them from one moment to the next: another thread's request comes after that, ours came before.
TEST(S3Credentials, ThatAnotherThreadFoundGoodMeanwhileAreTriedOnceMore) {
    Credentials written{"FIRST", Secret("first-key"), {}};
    FollowedCredentials followed([&] { return written; });
    written = second;
    const auto ours = followed.current();
    followed.accepted(followed.current().credentials);

    const auto again = followed.instead_of(ours, Refusal::identity);
    ASSERT_TRUE(again);
    EXPECT_EQ(again->credentials.access_key_id, "SECOND");
    EXPECT_FALSE(followed.instead_of(*again, Refusal::identity)) << "and then they are refused for good";
}

// Knows one key at a time; any number of threads.
class Issuer final : public Transport {
public:
    HttpReply perform(const HttpRequest& request, const std::stop_token& /*stop*/) override {
        const std::string known = "Credential=KEY" + std::to_string(valid) + "/";
        return request.headers.at("authorization").find(known) == std::string::npos ? unknown_key()
                                                                                    : HttpReply{200, {}, {}, {}, {}};
    }
    std::atomic<int> valid{0};
    std::atomic<int> written{0};
};

TEST(S3Credentials, AreExchangedForAllThreads) {
    Issuer issuer;
    test::FakeTimer timer;
    Client client({{"https", "s3.example.org", "r"},
                   "b",
                   Addressing::path,
                   [&] {
                       return Credentials{"KEY" + std::to_string(issuer.written), Secret("key"), {}};
                   },
                   {},
                   {}},
                  issuer, timer);
    std::atomic<int> failures{0};
    std::array<std::atomic<int>, 4> answered{};
    {
        std::vector<std::jthread> threads;
        for (auto& mine : answered) {
            threads.emplace_back([&](const std::stop_token& stop) {
                while (!stop.stop_requested()) {
                    failures += client.send(get_call(), {}).ok() ? 0 : 1;
                    ++mine;
                }
            });
        }
        for (int key = 1; key <= 20; ++key) {
            // The file is written, and then the old key deleted, while requests are under way.
            issuer.written = key;
            issuer.valid = key;
            for (auto& one : answered) {  // two each: no request sees two exchanges
                for (const int before = one; one < before + 2;) {
                    std::this_thread::yield();
                }
            }
        }
    }
    EXPECT_EQ(failures, 0);
}

}  // namespace
}  // namespace lifeboat::s3
