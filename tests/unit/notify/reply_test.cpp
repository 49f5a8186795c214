#include "reply.hpp"

#include "support/sample_facts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lifeboat::notify {
namespace {

using health::Hook;
using namespace std::chrono_literals;
using test::noon;
using testing::HasSubstr;
using testing::Not;

s3::HttpReply answer(int status, std::string body = {}) {
    s3::HttpReply reply;
    reply.status = status;
    reply.body = std::move(body);
    return reply;
}

s3::HttpReply broken(s3::Broken how, int status = 0) {
    s3::HttpReply reply;
    reply.status = status;
    reply.broken = how;
    reply.trouble = "Could not resolve host: s3cret.test";
    return reply;
}

bool worth_another_try(const s3::HttpReply& reply) {
    const auto failure = failure_of(reply, Hook::on_failure, noon);
    return failure && failure->error.kind == ErrorKind::temporary;
}

TEST(Reply, OfTheTwoHundredsMeansDelivered) {
    for (const int status : {200, 201, 202, 204}) {
        EXPECT_FALSE(failure_of(answer(status, "whatever"), Hook::on_failure, noon));
    }
    EXPECT_FALSE(failure_of(broken(s3::Broken::too_long, 200), Hook::on_success, noon)) << "nobody needs its body";
    EXPECT_FALSE(failure_of(broken(s3::Broken::stalled, 200), Hook::ping, noon));
}

TEST(Reply, IsTriedAgainAfterWhatMayBeOverSoon) {
    for (const int status : {408, 425, 429, 500, 502, 503, 504}) {
        EXPECT_TRUE(worth_another_try(answer(status))) << status;
    }
    for (const auto how : {s3::Broken::not_reached, s3::Broken::cut, s3::Broken::stalled}) {
        EXPECT_TRUE(worth_another_try(broken(how)));
    }
}

TEST(Reply, IsNotTriedAgainAfterWhatSomebodyHasToMend) {
    for (const int status : {301, 302, 307, 400, 401, 403, 404, 409, 410}) {
        EXPECT_TRUE(failure_of(answer(status), Hook::ping, noon));
        EXPECT_FALSE(worth_another_try(answer(status))) << status;
    }
    EXPECT_FALSE(worth_another_try(broken(s3::Broken::not_trusted)));
}

TEST(Reply, SaysWhenToComeBack) {
    auto reply = answer(429);
    reply.headers["retry-after"] = "17";
    EXPECT_EQ(failure_of(reply, Hook::on_failure, noon)->retry_after, 17s);
}

TEST(Reply, NamesTheSettingAndNotWhereItLeads) {
    for (const auto& reply : {answer(302), answer(404), answer(500), broken(s3::Broken::not_reached),
                              broken(s3::Broken::not_trusted), broken(s3::Broken::stalled)}) {
        const auto failure = failure_of(reply, Hook::on_success, noon);
        ASSERT_TRUE(failure);
        EXPECT_THAT(failure->error.what, HasSubstr("notify.on_success: "));
        EXPECT_FALSE(failure->error.next.empty());
        EXPECT_THAT(whole_text(failure->error) + failure->error.next, Not(HasSubstr("s3cret")));
    }
}

TEST(Reply, ToAPingThatWasIgnoredIsNoSuccess) {
    EXPECT_FALSE(failure_of(answer(200, "OK"), Hook::ping, noon));
    const auto unknown = failure_of(answer(200, "OK (not found)"), Hook::ping, noon);
    ASSERT_TRUE(unknown);
    EXPECT_EQ(unknown->error.kind, ErrorKind::failed);
    const auto too_often = failure_of(answer(200, "OK (rate limited)"), Hook::ping, noon);
    ASSERT_TRUE(too_often);
    EXPECT_EQ(too_often->error.kind, ErrorKind::temporary);
    EXPECT_FALSE(failure_of(answer(200, "OK (not found)"), Hook::on_failure, noon)) << "that is another's convention";
}

}  // namespace
}  // namespace lifeboat::notify
