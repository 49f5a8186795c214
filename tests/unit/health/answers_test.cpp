#include "answers.hpp"

#include "support/sample_facts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lifeboat::health {
namespace {

using namespace std::chrono_literals;
using test::noon;
using testing::HasSubstr;
using testing::Not;

class AnswersTest : public testing::Test {
protected:
    Answer to(std::string_view path, Surface surface = Surface::pod, bool livez_warns = false) {
        return answers_.to(surface, path, livez_warns);
    }

    void publish_drained() {
        auto facts = test::sample_facts();
        facts.drained = DrainFacts{noon - 10min, noon + 50min};
        board_.publish(facts);
    }

    void beat_ago(std::chrono::seconds age) { heartbeat_.beat(Heartbeat::Clock::now() - age); }

    Board board_{test::sample_facts()};
    Heartbeat heartbeat_;
    test::ManualClock clock_;
    Answers answers_{board_, heartbeat_, clock_, 30s};
};

TEST_F(AnswersTest, LivezFailsForExactlyAsLongAsTheLoopIsWedged) {
    beat_ago(20s);
    EXPECT_EQ(to("/livez").status, 200U);
    beat_ago(31s);
    EXPECT_EQ(to("/livez").status, 503U);
    EXPECT_THAT(*to("/livez").body, testing::ContainsRegex("has not gone round for [3-5][0-9]s"));
    beat_ago(0s);
    EXPECT_EQ(to("/livez").status, 200U);
}

TEST_F(AnswersTest, BackupsThatAreNotInOrderAreNotLivezBusiness) {
    publish_drained();
    EXPECT_EQ(to("/livez").status, 200U);
    EXPECT_EQ(*to("/livez").body, "ok\n");
}

TEST_F(AnswersTest, LivezWarnsByARedirectToNowhere) {
    publish_drained();
    const auto answer = to("/livez", Surface::pod, true);
    EXPECT_EQ(answer.status, 302U);
    EXPECT_STREQ(answer.location, "http://backups-need-attention.invalid/");
    EXPECT_THAT(*answer.body, HasSubstr("drained"));
    EXPECT_LT(answer.body->size(), 200U);
}

TEST_F(AnswersTest, LivezDoesNotWarnWhenAllIsWell) {
    EXPECT_EQ(to("/livez", Surface::pod, true).status, 200U);
}

TEST_F(AnswersTest, AWedgeIsNoWarning) {
    publish_drained();
    beat_ago(31s);
    EXPECT_EQ(to("/livez", Surface::pod, true).status, 503U);
}

TEST_F(AnswersTest, HealthzFollowsWhatIsPublished) {
    EXPECT_EQ(to("/healthz").status, 200U);
    publish_drained();
    EXPECT_EQ(to("/healthz").status, 503U);
    EXPECT_THAT(*to("/healthz").body, HasSubstr("drained"));
    board_.publish(test::sample_facts());
    EXPECT_EQ(to("/healthz").status, 200U);
}

TEST_F(AnswersTest, TimeAloneMakesABackupOverdue) {
    EXPECT_EQ(to("/healthz").status, 200U);
    clock_.set(noon + 16h + 1s);
    EXPECT_EQ(to("/healthz").status, 503U);
    EXPECT_THAT(*to("/metrics").body, HasSubstr("lifeboat_unhealthy{reason=\"overdue\"} 1"));
    clock_.set(noon);  // and a clock that was set back unmakes it
    EXPECT_EQ(to("/healthz").status, 200U);
}

TEST_F(AnswersTest, ABodyIsMadeOnceASecondAndSharedUntilForgotten) {
    const auto first = to("/metrics").body;
    clock_.set(noon + 999ms);
    EXPECT_EQ(to("/metrics").body, first);
    clock_.set(noon + 1s);
    EXPECT_NE(to("/metrics").body, first);

    const std::weak_ptr<const std::string> kept = to("/status.json", Surface::page).body;
    EXPECT_FALSE(kept.expired());
    answers_.forget();
    EXPECT_TRUE(kept.expired());
    EXPECT_EQ(to("/healthz").status, 200U);
}

TEST_F(AnswersTest, ThePageAndTheStatusAreOnItsAddressAlone) {
    EXPECT_EQ(to("/", Surface::page).status, 200U);
    EXPECT_EQ(to("/", Surface::pod).status, 404U);
    EXPECT_EQ(to("/status.json", Surface::page).status, 200U);
    EXPECT_EQ(to("/status.json", Surface::pod).status, 404U);
    EXPECT_THAT(*to("/nothing", Surface::page).body, HasSubstr("/status.json"));
    EXPECT_THAT(*to("/nothing", Surface::pod).body, Not(HasSubstr("/status.json")));
}

TEST_F(AnswersTest, OnlyThePageMayHaveAStyleAndNothingMayHaveAScript) {
    const std::string page = to("/", Surface::page).content_security_policy;
    EXPECT_THAT(page, HasSubstr("default-src 'none'; style-src 'sha256-"));
    EXPECT_THAT(page, Not(HasSubstr("unsafe")));
    EXPECT_THAT(page, Not(HasSubstr("script-src")));
    EXPECT_STREQ(to("/healthz").content_security_policy, "default-src 'none'; frame-ancestors 'none'");
    EXPECT_STREQ(to("/", Surface::page).content_type, "text/html; charset=utf-8");
}

TEST_F(AnswersTest, AnUnknownPathIsToldWhatThereIsAndNotRepeated) {
    for (const auto* path : {"", "//", "/livezz", "/livez/", "/../livez", "/<script>"}) {
        const auto answer = to(path, Surface::page);
        EXPECT_EQ(answer.status, 404U) << path;
        EXPECT_THAT(*answer.body, HasSubstr("/livez, /healthz, /metrics"));
        EXPECT_THAT(*answer.body, Not(HasSubstr("script")));
    }
}

}  // namespace
}  // namespace lifeboat::health
