// What a thief could do, for each thing that was seen of a store, and for what was not.
#include "doctor/thief.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace lifeboat::doctor {
namespace {

using testing::HasSubstr;
using testing::Not;

// A bucket as docs/stores.md sets it up.
StoreSights guarded() {
    StoreSights sights;
    sights.bucket = true;
    sights.reads = sights.writes = Right::yes;
    sights.catalogue = true;
    sights.deletes = Right::no;
    sights.versioning = s3::Versioning::on;
    sights.lock_seen = sights.rules_seen = true;
    sights.locked_days = 30;
    return sights;
}

Finding could(const std::string& what, const StoreSights& sights, Encryption encryption = Encryption::to_others) {
    for (auto& finding : thief_could(sights, encryption)) {
        if (finding.check == what) {
            return finding;
        }
    }
    ADD_FAILURE() << "nothing is said of " << what;
    return {};
}

TEST(AThief, IsAnsweredFiveTimesWithACureForEachYes) {
    StoreSights folder;
    folder.reads = folder.writes = folder.deletes = Right::yes;
    for (const auto& sights : {guarded(), StoreSights{}, folder}) {
        const auto answers = thief_could(sights, Encryption::none);
        ASSERT_EQ(answers.size(), 5U);
        constexpr std::array names{"read", "hide", "delete", "overwrite", "forge"};
        for (std::size_t i = 0; i < names.size(); ++i) {
            EXPECT_EQ(answers[i].check, names.at(i));
            EXPECT_TRUE(answers[i].outcome == Outcome::pass || !answers[i].cure.empty()) << names.at(i);
        }
    }
}

TEST(AThief, OfWhatWasNotSeenIsNeverAnsweredNo) {
    StoreSights nothing;
    nothing.bucket = true;
    for (const auto* what : {"read", "hide", "delete", "overwrite", "forge"}) {
        EXPECT_EQ(could(what, nothing).outcome, Outcome::unknown) << what;
    }
}

TEST(AThief, ReadsWhatIsNotEncrypted) {
    EXPECT_EQ(could("read", guarded()).outcome, Outcome::pass);
    EXPECT_EQ(could("read", guarded(), Encryption::none).outcome, Outcome::warn);
    auto once_plain = guarded();
    once_plain.plain_backups = true;
    EXPECT_EQ(could("read", once_plain).outcome, Outcome::warn);
    auto blind = guarded();
    blind.reads = Right::no;
    EXPECT_EQ(could("read", blind, Encryption::none).outcome, Outcome::pass);
}

TEST(AThief, ReadsByAKeyThatIsHere) {
    const auto finding = could("read", guarded(), Encryption::opened_here);
    EXPECT_EQ(finding.outcome, Outcome::warn);
    EXPECT_THAT(finding.cure, HasSubstr("encryption.identity_file"));
}

TEST(AThief, HidesOnB2WithTheRightToWrite) {
    auto b2 = guarded();
    EXPECT_EQ(could("hide", b2).outcome, Outcome::unknown);
    b2.b2 = true;
    EXPECT_EQ(could("hide", b2).outcome, Outcome::warn);
}

TEST(AThief, HidesForGoodWhereARuleDeletesWhatIsHiddenAndNothingIsLocked) {
    auto sights = guarded();
    sights.b2 = true;
    sights.hidden_deleted_after = 7;
    EXPECT_THAT(could("hide", sights).text, Not(HasSubstr("7 days")));
    sights.locked_days.reset();
    EXPECT_THAT(could("hide", sights).text, HasSubstr("7 days later"));
    EXPECT_THAT(could("hide", sights).text, Not(HasSubstr("unless a lock")));
    sights.lock_seen = false;
    EXPECT_THAT(could("hide", sights).text, HasSubstr("7 days later, unless a lock keeps it: that was not seen"));
}

TEST(AThief, HidesForHowLongNobodyKnowsWhereTheRulesWereNotSeen) {
    const std::string perhaps = "if there is one: that was not seen";
    auto sights = guarded();
    sights.b2 = true;
    sights.rules_seen = false;
    EXPECT_THAT(could("hide", sights).text, Not(HasSubstr(perhaps))) << "a lock keeps it, whatever they say";
    sights.locked_days.reset();
    EXPECT_THAT(could("hide", sights).text, HasSubstr(perhaps));
    sights.rules_seen = true;
    EXPECT_THAT(could("hide", sights).text, Not(HasSubstr("until"))) << "there is none";
}

TEST(AThief, DeletesByTheRightTo) {
    auto sights = guarded();
    EXPECT_EQ(could("delete", sights).outcome, Outcome::pass);
    sights.deletes = Right::yes;
    EXPECT_EQ(could("delete", sights).outcome, Outcome::warn);
    EXPECT_THAT(could("delete", sights).text, HasSubstr("everything that is not locked"));
    sights.locks_hold = Right::yes;
    EXPECT_THAT(could("delete", sights).text, HasSubstr("older than 30 days"));
    sights.locks_hold = Right::no;
    EXPECT_THAT(could("delete", sights).text, HasSubstr("does not hold"));
}

TEST(AThief, OverwritesWhereNoVersionsAreKept) {
    auto sights = guarded();
    EXPECT_EQ(could("overwrite", sights).outcome, Outcome::pass);
    for (const auto versioning : {s3::Versioning::off, s3::Versioning::suspended}) {
        sights.versioning = versioning;
        EXPECT_EQ(could("overwrite", sights).outcome, Outcome::warn);
    }
    sights.writes = Right::no;
    EXPECT_EQ(could("overwrite", sights).outcome, Outcome::pass);
}

TEST(AThief, OverwritesForGoodWhereARuleDeletesWhatWasWrittenOver) {
    auto sights = guarded();
    sights.hidden_deleted_after = 7;
    EXPECT_EQ(could("overwrite", sights).outcome, Outcome::pass) << "the lock keeps it";
    sights.locks_hold = Right::no;
    EXPECT_EQ(could("overwrite", sights).outcome, Outcome::warn);
    EXPECT_THAT(could("overwrite", sights).cure, HasSubstr("another store"));
    sights.locks_hold = Right::unknown;
    sights.locked_days.reset();
    EXPECT_EQ(could("overwrite", sights).outcome, Outcome::warn);
    EXPECT_THAT(could("overwrite", sights).text, HasSubstr("7 days later"));
    EXPECT_THAT(could("overwrite", sights).cure, HasSubstr("compliance mode"));
    sights.hidden_deleted_after.reset();
    EXPECT_EQ(could("overwrite", sights).outcome, Outcome::pass) << "no rule deletes it";
}

TEST(AThief, OverwritesWithWhatOutcomeNobodyKnowsWhereRulesOrLockWereNotSeen) {
    auto sights = guarded();
    sights.rules_seen = false;
    EXPECT_EQ(could("overwrite", sights).outcome, Outcome::pass) << "the lock keeps it, whatever they say";
    sights.locked_days.reset();
    EXPECT_EQ(could("overwrite", sights).outcome, Outcome::unknown);
    EXPECT_EQ(could("overwrite", sights).cure, "see the line on rules");
    sights.lock_seen = false;
    EXPECT_EQ(could("overwrite", sights).outcome, Outcome::unknown);
    EXPECT_EQ(could("overwrite", sights).cure, "see the lines on rules and object lock");
    sights.rules_seen = true;
    EXPECT_EQ(could("overwrite", sights).outcome, Outcome::pass) << "there is no rule that a lock would have to stop";
    sights.hidden_deleted_after = 7;
    EXPECT_EQ(could("overwrite", sights).outcome, Outcome::unknown);
    EXPECT_THAT(could("overwrite", sights).text, HasSubstr("7 days later, unless a lock keeps it"));
}

TEST(AThief, ForgesWithTheRightToWrite) {
    auto sights = guarded();
    EXPECT_EQ(could("forge", sights).outcome, Outcome::warn);
    sights.writes = Right::no;
    EXPECT_EQ(could("forge", sights).outcome, Outcome::pass);
}

TEST(AThief, OwnsAFolder) {
    StoreSights folder;
    folder.reads = folder.writes = folder.deletes = Right::yes;
    for (const auto* what : {"hide", "delete", "overwrite", "forge"}) {
        EXPECT_EQ(could(what, folder).outcome, Outcome::warn) << what;
    }
}

}  // namespace
}  // namespace lifeboat::doctor
