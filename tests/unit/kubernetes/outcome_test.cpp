#include "outcome.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lifeboat::kubernetes {
namespace {

using health::ReportObject;
using health::ReportResult;
using testing::HasSubstr;

const Target configmap{ReportObject::configmap, "lifeboat-status", "patch"};

Account account() {
    Account made;
    made.url = "https://10.43.0.1:443";
    made.token = Secret("Tulip-token-6171");
    made.identity = {"shop", "postgres-0", "u-1", "default"};
    return made;
}

Reply reply(int status, std::string body = {}) {
    Reply made;
    made.status = status;
    made.body = std::move(body);
    return made;
}

TEST(Outcome, OfASuccessIsNone) {
    EXPECT_FALSE(failure_of(reply(200), configmap, account()));
    EXPECT_FALSE(failure_of(reply(201), configmap, account()));
}

struct Case {
    int status;
    ReportResult result;
    bool of_the_api;
};

TEST(Outcome, OfEachRefusalIsToldApartAndHasACure) {
    for (const auto& [status, result, of_the_api] :
         {Case{400, ReportResult::refused, false}, Case{401, ReportResult::denied, true},
          Case{403, ReportResult::denied, false}, Case{404, ReportResult::missing, false},
          Case{409, ReportResult::conflict, false}, Case{422, ReportResult::refused, false},
          Case{429, ReportResult::throttled, true}, Case{500, ReportResult::unavailable, true},
          Case{503, ReportResult::unavailable, true}, Case{302, ReportResult::refused, false}}) {
        const auto failure = failure_of(reply(status), configmap, account());
        ASSERT_TRUE(failure) << status;
        EXPECT_EQ(failure->result, result) << status;
        EXPECT_EQ(failure->of_the_api, of_the_api) << status;
        EXPECT_THAT(failure->problem.what,
                    HasSubstr(std::to_string(status) == "404" ? "no ConfigMap" : std::to_string(status)));
        EXPECT_NE(failure->problem.next, "") << status;
    }
}

TEST(Outcome, OfAMissingRightIsTheRule) {
    EXPECT_THAT(
        failure_of(reply(403), configmap, account())->problem.next,
        HasSubstr("{apiGroups: [\"\"], resources: [configmaps], resourceNames: [lifeboat-status], verbs: [patch]}"));
    EXPECT_THAT(failure_of(reply(403), {ReportObject::event, "", "create"}, account())->problem.next,
                HasSubstr("{apiGroups: [events.k8s.io], resources: [events], verbs: [create, patch]}"));
    EXPECT_THAT(failure_of(reply(403), {ReportObject::condition, "", "patch"}, account())->problem.next,
                HasSubstr("{apiGroups: [\"\"], resources: [pods/status], verbs: [patch]}"));
}

TEST(Outcome, OfAMissingObjectIsHowToMakeIt) {
    EXPECT_THAT(failure_of(reply(404), configmap, account())->problem.next,
                HasSubstr("kubectl -n shop create configmap lifeboat-status"));
    EXPECT_THAT(failure_of(reply(404), {ReportObject::condition, "", "patch"}, account())->problem.what,
                HasSubstr("postgres-0"));
}

TEST(Outcome, KeepsTheServersWordsForTheLog) {
    const auto failure =
        failure_of(reply(422, R"({"kind": "Status", "message": "data: field is immutable"})"), configmap, account());
    EXPECT_EQ(failure->detail, "data: field is immutable");
    EXPECT_EQ(failure_of(reply(422, R"({"message": 1})"), configmap, account())->detail, "");
    EXPECT_EQ(failure_of(reply(500, "<html>"), configmap, account())->detail, "");
    const auto flood =
        failure_of(reply(422, R"({"message": ")" + std::string(5000, 'x') + R"("})"), configmap, account());
    EXPECT_LE(flood->detail.size(), 500U);
}

TEST(Outcome, OfABrokenRequestIsThatOfAll) {
    for (const auto broken : {Broken::not_reached, Broken::not_trusted, Broken::timed_out, Broken::too_long}) {
        Reply made;
        made.broken = broken;
        made.trouble = "libcurl's words";
        const auto failure = failure_of(made, configmap, account());
        ASSERT_TRUE(failure);
        EXPECT_EQ(failure->result, ReportResult::unreachable);
        EXPECT_TRUE(failure->of_the_api);
        EXPECT_THAT(failure->problem.what, HasSubstr("https://10.43.0.1:443"));
        EXPECT_NE(failure->problem.next, "");
        EXPECT_EQ(failure->detail, "libcurl's words");
    }
}

}  // namespace
}  // namespace lifeboat::kubernetes
