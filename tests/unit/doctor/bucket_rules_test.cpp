#include "doctor/bucket_rules.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lifeboat::doctor {
namespace {

using s3::LifecycleRule;
using testing::HasSubstr;
using testing::SizeIs;

RuleQuestions clinic() {
    return {"clinic/", {30}, std::chrono::hours(6), true, Right::yes, Right::yes};
}

LifecycleRule takes_after(std::uint64_t days, const std::string& prefix = "") {
    LifecycleRule rule;
    rule.prefix = prefix;
    rule.days = days;
    rule.noncurrent_days = 7;
    return rule;
}

LifecycleRule drops_uploads_after(std::uint64_t days) {
    LifecycleRule rule;
    rule.abort_days = days;
    return rule;
}

// The one finding.
Finding judged(const std::vector<LifecycleRule>& rules, const RuleQuestions& questions = clinic()) {
    const auto findings = judge_rules(rules, questions);
    EXPECT_THAT(findings, SizeIs(1));
    return findings.front();
}

TEST(BucketRules, NoneIsInOrderWhereTheKeyMayDeleteAndSweep) {
    EXPECT_EQ(judged({}).outcome, Outcome::pass);
}

TEST(BucketRules, MayTakeBackupsAwayOnceTheyAreOverTheirTime) {
    const auto finding = judged({takes_after(30)});
    EXPECT_EQ(finding.outcome, Outcome::pass);
    EXPECT_THAT(finding.text, HasSubstr("after 30 days"));
}

TEST(BucketRules, FailWhenTheyTakeBackupsAwayBefore) {
    const auto finding = judged({takes_after(29, "clinic/manifests/")});
    EXPECT_EQ(finding.outcome, Outcome::fail);
    EXPECT_THAT(finding.text, HasSubstr("clinic/manifests/"));
    EXPECT_THAT(finding.text, HasSubstr("keep_days is 30"));
}

TEST(BucketRules, AreHeldAgainstTheOwnRuleThatKeepsLongest) {
    struct Case {
        catalogue::RetentionRecord keeps;
        std::uint64_t days;
        const char* named;
    };
    for (const auto& [keeps, days, named] :
         {Case{{30, 7, 0, 12, 0}, 341, "keep_monthly is 12"}, Case{{0, 0, 9, 0, 0}, 56, "keep_weekly is 9"},
          Case{{0, 7, 0, 1, 3}, 732, "keep_yearly is 3"}, Case{{400, 7, 4, 12, 1}, 400, "keep_days is 400"}}) {
        auto questions = clinic();
        questions.retention = keeps;
        const auto finding = judged({takes_after(days - 1)}, questions);
        EXPECT_EQ(finding.outcome, Outcome::fail) << named;
        EXPECT_THAT(finding.text, HasSubstr(named));
        EXPECT_THAT(finding.cure, HasSubstr("set the bucket's rule to " + std::to_string(days) + " days or more"));
        EXPECT_EQ(judged({takes_after(days)}, questions).outcome, Outcome::pass) << named;
    }
}

TEST(BucketRules, FailWhenTheyTakeBackupsAwayAndOursKeepEveryOne) {
    auto questions = clinic();
    questions.retention = {};
    EXPECT_EQ(judged({takes_after(100'000)}, questions).outcome, Outcome::fail);
    EXPECT_EQ(judged({}, questions).outcome, Outcome::pass);
}

TEST(BucketRules, AreNotHeldAgainstANumberOfBackups) {
    auto questions = clinic();
    questions.retention = {0, 7};
    const auto finding = judged({takes_after(60)}, questions);
    EXPECT_EQ(finding.outcome, Outcome::unknown);
    EXPECT_THAT(finding.text, HasSubstr("keep_last is 7"));
    questions.retention = {30, 61};
    EXPECT_EQ(judged({takes_after(60)}, questions).outcome, Outcome::unknown) << "of one a day";
    questions.retention = {30, 60};
    EXPECT_EQ(judged({takes_after(60)}, questions).outcome, Outcome::pass);
}

TEST(Days, AreLateEnoughForAllThatIsKeptOrNot) {
    EXPECT_FALSE(judge_days(60, {30, 7}, "it takes backups away"));
    const auto too_soon = judge_days(60, {30, 7, 0, 12}, "it takes backups away");
    ASSERT_TRUE(too_soon);
    EXPECT_EQ(too_soon->check, "rules");
    EXPECT_EQ(too_soon->outcome, Outcome::fail);
    EXPECT_EQ(too_soon->text, "it takes backups away, and retention.keep_monthly is 12");
}

TEST(BucketRules, OfOthersAreNoMatter) {
    EXPECT_EQ(judged({takes_after(1, "clinical/"), takes_after(1, "clinic/RESTORE.txt")}).outcome, Outcome::pass);
}

TEST(BucketRules, FailWhenTheyTakeEverythingOnADay) {
    LifecycleRule rule;
    rule.date = std::chrono::system_clock::time_point();
    rule.noncurrent_days = 1;
    EXPECT_EQ(judged({rule}).outcome, Outcome::fail);
}

TEST(BucketRules, FailWhenABackupMayTakeLongerThanAnUploadMayLast) {
    auto questions = clinic();
    questions.max_duration = std::chrono::hours(24);
    EXPECT_EQ(judged({drops_uploads_after(1)}, questions).outcome, Outcome::fail);
    EXPECT_EQ(judged({drops_uploads_after(2)}, questions).outcome, Outcome::pass);
    EXPECT_EQ(judged({drops_uploads_after(1)}).outcome, Outcome::pass);
}

TEST(BucketRules, WarnWhenWhatIsHiddenStaysForEver) {
    auto rule = takes_after(60);
    rule.noncurrent_days.reset();
    const auto finding = judged({rule});
    EXPECT_EQ(finding.outcome, Outcome::warn);
    EXPECT_THAT(finding.cure, HasSubstr("daysFromHidingToDeleting"));
    auto without_versions = clinic();
    without_versions.keeps_versions = false;
    EXPECT_EQ(judged({rule}, without_versions).outcome, Outcome::pass) << "there a rule deletes for good";
}

TEST(BucketRules, WarnWhenNobodyDropsUnfinishedUploads) {
    auto questions = clinic();
    questions.sees_uploads = Right::no;
    EXPECT_EQ(judged({}, questions).outcome, Outcome::warn);
    EXPECT_EQ(judged({drops_uploads_after(3)}, questions).outcome, Outcome::pass);
}

TEST(BucketRules, WarnWhenNobodyDeletesOldBackups) {
    auto questions = clinic();
    questions.deletes = Right::no;
    EXPECT_EQ(judged({}, questions).outcome, Outcome::warn);
    EXPECT_EQ(judged({takes_after(60)}, questions).outcome, Outcome::pass);
    EXPECT_EQ(judged({takes_after(60, "clinic/manifests/")}, questions).outcome, Outcome::warn) << "the data stays";
}

TEST(BucketRules, WarnWhenTheyFreezeBackups) {
    LifecycleRule rule;
    rule.moves_to = "DEEP_ARCHIVE";
    EXPECT_EQ(judged({rule}).outcome, Outcome::warn);
}

TEST(BucketRules, TellWhenWhatIsHiddenIsDeleted) {
    auto slow = takes_after(60);
    slow.noncurrent_days = 9;
    EXPECT_EQ(hidden_deleted_after({slow, takes_after(60, "clinic/data/")}, "clinic/"), 7U);
    EXPECT_EQ(hidden_deleted_after({takes_after(60, "other/")}, "clinic/"), std::nullopt);
}

}  // namespace
}  // namespace lifeboat::doctor
