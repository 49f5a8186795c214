#include "health/judge.hpp"

#include "support/sample_facts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lifeboat::health {
namespace {

using namespace std::chrono_literals;
using test::noon;
using testing::AllOf;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

std::vector<ReasonCode> codes(const Verdict& verdict) {
    std::vector<ReasonCode> all;
    for (const auto& reason : verdict.reasons) {
        all.push_back(reason.code);
        EXPECT_FALSE(reason.message.empty());
        EXPECT_FALSE(reason.next.empty()) << name_of(reason.code) << " leaves its reader alone";
    }
    return all;
}

std::vector<ReasonCode> codes(const Facts& facts, TimePoint now = noon) {
    return codes(judge(facts, now));
}

Reason the_reason(const Facts& facts, TimePoint now = noon) {
    const auto verdict = judge(facts, now);
    EXPECT_EQ(verdict.reasons.size(), 1U);
    return verdict.reasons.empty() ? Reason{} : verdict.reasons.front();
}

auto says(const std::string& message, const std::string& next) {
    return AllOf(Field("message", &Reason::message, HasSubstr(message)), Field("next", &Reason::next, HasSubstr(next)));
}

// What the supervisor knows when it has just started and settings are fine.
Facts just_started() {
    Facts facts;
    facts.started = noon - 3s;
    facts.settings.in_force = true;
    return facts;
}

void add_failures(Facts& facts, std::uint64_t count) {
    facts.runs.consecutive_failures = count;
    facts.runs.last = RunFacts{RunResult::failed, noon - 2h, noon - 1h, "", Problem{"password refused", "set it"}};
}

TEST(Judge, FindsNothingWrongWithGoodBackups) {
    const auto verdict = judge(test::sample_facts(), noon);
    EXPECT_TRUE(verdict.healthy());
    EXPECT_THAT(codes(verdict), IsEmpty());
    EXPECT_EQ(verdict.note, "");
}

DrillFacts drill(bool passed, TimePoint stored) {
    DrillFacts facts;
    facts.backup = "20261121T015600Z-00aa";
    facts.stored = stored;
    facts.passed = passed;
    return facts;
}

TEST(Judge, AsksForNoDrillUnlessItIsTold) {
    auto facts = test::sample_facts();
    facts.store.drills.last = facts.store.drills.last_good = drill(true, noon - 24h * 1000);
    EXPECT_THAT(codes(facts), IsEmpty());
}

TEST(Judge, WantsADrillWithinTheTimeThatIsRequired) {
    auto facts = test::sample_facts();
    facts.drill_within = 24h * 7;
    EXPECT_THAT(the_reason(facts), AllOf(Field(&Reason::code, ReasonCode::unproven),
                                         says("no drill of any backup has passed yet", "lifeboat drill")));
    facts.store.drills.last = facts.store.drills.last_good = drill(true, noon - 24h * 7);
    EXPECT_THAT(codes(facts), IsEmpty());
    EXPECT_THAT(codes(facts, noon + 1s), ElementsAre(ReasonCode::unproven));
    EXPECT_THAT(the_reason(facts, noon + 1s), says("7d ago, at 2026-11-15T12:00:00Z", "lifeboat drill"));
}

TEST(Judge, HoldsADrillThatFailedAgainstTheBackupsInAnyCase) {
    auto facts = test::sample_facts();
    facts.store.drills.last_good = drill(true, noon - 2h);
    facts.store.drills.unanswered = drill(false, noon - 1h);
    facts.store.drills.unanswered->differences = 3;
    facts.store.drills.unanswered->checks_failed = 1;
    EXPECT_THAT(the_reason(facts), says("of backup 20261121T015600Z-00aa (2026-11-22T11:00:00Z) failed: 3 "
                                        "differences, 1 check of the owner's failed",
                                        "report"));
    facts.store.drills.unanswered->failed_step = "restore";
    facts.store.drills.last_good.reset();  // and none ever passed
    EXPECT_THAT(the_reason(facts), says("did not get past the step restore", "lifeboat drill"));
    facts.store.drills.unanswered.reset();
    EXPECT_THAT(codes(facts), IsEmpty()) << "one that passed has come since";
}

TEST(Judge, CannotTellOfDrillsWhatItsKeyMayNotRead) {
    auto facts = test::sample_facts();
    facts.store.limited = Problem{"the key cannot read", "let it"};
    EXPECT_THAT(codes(facts), IsEmpty());
    facts.drill_within = 24h;
    EXPECT_THAT(the_reason(facts), says("cannot be told", "let the key read"));
}

TEST(Judge, LeavesDrillsToTheSidecarWhoseTurnItIs) {
    auto facts = test::sample_facts();
    facts.drill_within = 24h;
    facts.turn.turn = Turn::not_ours;
    EXPECT_THAT(codes(facts), IsEmpty());
}

TEST(Judge, AsksForNoDrillWhereThereIsNothingToDrill) {
    auto facts = just_started();
    facts.drill_within = 24h;
    facts.store.surveyed = noon;
    EXPECT_THAT(codes(facts), ElementsAre(ReasonCode::no_backup_yet));
}

TEST(Judge, NothingKnownIsNotHealthy) {
    EXPECT_THAT(codes(just_started()), ElementsAre(ReasonCode::no_backup_yet));
    EXPECT_THAT(the_reason(just_started()), says("could not be read since the start, 3s ago", "wait"));
}

TEST(Judge, NamesTheFirstBackupThatIsBeingMade) {
    auto facts = just_started();
    facts.store.surveyed = noon;
    facts.running = RunningFacts{Activity::backup, "", noon - 1min};
    EXPECT_THAT(the_reason(facts), says("no good backup", "being made since 2026-11-22T11:59:00Z"));
}

TEST(Judge, SaysWhenTheFirstBackupWillBeMade) {
    auto facts = just_started();
    facts.store.surveyed = noon;
    facts.schedule.start = noon + 5min;
    EXPECT_THAT(the_reason(facts), says("no good backup", "2026-11-22T12:05:00Z"));
}

TEST(Judge, AnUnreadableStoreIsBothFailingAndUnknown) {
    auto facts = just_started();
    facts.store.problem = Problem{"bucket 'b' refused (403)", "grant listing"};
    facts.store.problem_since = noon - 1s;
    EXPECT_THAT(codes(facts), ElementsAre(ReasonCode::failing, ReasonCode::no_backup_yet));
    EXPECT_THAT(judge(facts, noon).reasons.at(0), says("bucket 'b' refused (403)", "grant listing"));
    EXPECT_THAT(judge(facts, noon).reasons.at(1), says("could not be read", "grant listing"));
}

TEST(Judge, AStoreThatWasReadableBeforeKeepsWhatItSaid) {
    auto facts = test::sample_facts();
    facts.store.problem = Problem{"no route", ""};
    EXPECT_THAT(codes(facts), ElementsAre(ReasonCode::failing));
}

TEST(Judge, IsOverdueOnlyPastTheAllowedAge) {
    const auto facts = test::sample_facts();
    const auto limit = facts.store.last_good->finished + 26h;
    EXPECT_THAT(codes(facts, limit), IsEmpty());
    EXPECT_THAT(codes(facts, limit + 1s), ElementsAre(ReasonCode::overdue));
    EXPECT_THAT(the_reason(facts, limit + 5h),
                says("ended 31h ago, at 2026-11-22T02:00:00Z; one is due within 26h", "the next run begins at"));
}

TEST(Judge, TellsOfRunsThatLeftUnfinishedData) {
    auto facts = test::sample_facts();
    facts.schedule.failed_attempts = 2;
    facts.schedule.because = "retry after 2 failed attempts";
    EXPECT_THAT(codes(facts), IsEmpty()) << "they may be at work elsewhere";
    EXPECT_THAT(judge(facts, noon).note, HasSubstr("unfinished data of 2 runs"));
    facts.store.last_good.reset();
    EXPECT_THAT(the_reason(facts), says("no good backup", "(retry after 2 failed attempts)"));
    // What it saw itself it tells as a reason.
    facts.runs.consecutive_failures = 2;
    EXPECT_EQ(judge(facts, noon).note, "");
}

TEST(Judge, IsStarvedOnceThreeRunsInARowGaveWay) {
    auto facts = test::sample_facts();
    facts.runs.yielded_to = "ALTER TABLE";
    facts.runs.yield_cure = "run it at another time";
    facts.runs.consecutive_yields = 2;
    EXPECT_THAT(codes(facts), IsEmpty());
    facts.runs.consecutive_yields = 3;
    EXPECT_THAT(codes(facts), ElementsAre(ReasonCode::starved));
    EXPECT_THAT(the_reason(facts),
                says("the last 3 runs gave way, the latest to ALTER TABLE", "run it at another time"));
    facts.runs.yield_cure.clear();
    EXPECT_THAT(the_reason(facts), says("", "postgres.yield_to_ddl"));
    facts.turn.turn = Turn::not_ours;
    EXPECT_THAT(codes(facts), IsEmpty());
}

TEST(Judge, CountsAgeFromTheEndOfABackup) {
    auto facts = test::sample_facts();
    facts.store.last_good->started = facts.store.last_good->finished - 5h;
    EXPECT_THAT(codes(facts, facts.store.last_good->finished + 26h), IsEmpty());
}

TEST(Judge, ABackupFromTheFutureProvesNothing) {
    auto facts = test::sample_facts();
    facts.store.last_good->finished = noon + 9min;
    EXPECT_THAT(codes(facts), IsEmpty());
    facts.store.last_good->finished = noon + 11min;
    EXPECT_THAT(codes(facts), ElementsAre(ReasonCode::overdue));
    EXPECT_THAT(the_reason(facts), says("in the future", "clock"));
}

TEST(Judge, FailsFromTheFirstFailureOn) {
    auto facts = test::sample_facts();
    add_failures(facts, 1);
    EXPECT_THAT(the_reason(facts), says("the last run failed (2026-11-22T11:00:00Z): password refused", "set it"));
    add_failures(facts, 3);
    EXPECT_THAT(the_reason(facts), says("the last 3 runs failed", "set it"));
}

TEST(Judge, FailuresBeforeThisProcessAreToldWithoutAReason) {
    auto facts = test::sample_facts();
    facts.runs.consecutive_failures = 1;
    facts.runs.last.reset();
    EXPECT_THAT(the_reason(facts), says("the last run failed", "log"));
}

TEST(Judge, NamesWhatAPartialBackupLacks) {
    auto facts = test::sample_facts();
    facts.store.newest_partial = test::sample_backup("20261122T100000Z-0001", noon - 2h);
    facts.store.newest_partial->failed_databases = {"sales", ""};
    EXPECT_THAT(codes(facts), ElementsAre(ReasonCode::partial));
    EXPECT_THAT(the_reason(facts), says("it lacks sales, the globals (roles and tablespaces)", "log"));
}

TEST(Judge, APartialRunOfThisProcessTellsItsOwnNextStep) {
    auto facts = test::sample_facts();
    facts.store.newest_partial = test::sample_backup("20261122T100000Z-0001", noon - 2h);
    facts.runs.last = RunFacts{RunResult::partial, noon - 2h, noon - 1h, "20261122T100000Z-0001",
                               Problem{"sales: permission denied", "grant pg_read_all_data"}};
    EXPECT_THAT(the_reason(facts), says("is partial", "grant pg_read_all_data"));
}

TEST(Judge, RefusedSettingsSayWhetherOlderOnesStand) {
    auto facts = test::sample_facts();
    facts.settings.problems = {{"line 3: unknown key 'nmae'", "did you mean 'name'?"}, {"line 9: …", ""}};
    EXPECT_THAT(codes(facts), ElementsAre(ReasonCode::misconfigured));
    EXPECT_THAT(the_reason(facts),
                says("stay in force: line 3: unknown key 'nmae' (and 1 problem more)", "did you mean"));
    facts.settings.in_force = false;
    EXPECT_THAT(the_reason(facts), says("no valid settings, so no backup can be made", "did you mean"));
}

TEST(Judge, SettingsInForceThatLackAnAddressAreNotSaidToBeRefused) {
    auto facts = test::sample_facts();
    facts.settings.problems = {{"notify.ping_file: file '/run/ping': does not exist", "create it"}};
    facts.settings.incomplete = true;
    EXPECT_THAT(codes(facts), ElementsAre(ReasonCode::misconfigured));
    EXPECT_THAT(the_reason(facts), says("backups are made", "create it"));
    EXPECT_THAT(the_reason(facts).message, HasSubstr("notify.ping_file: file '/run/ping': does not exist"));
    EXPECT_THAT(the_reason(facts).message, Not(HasSubstr("refused")));
}

TEST(Judge, AnAddressThatCannotBeBoundIsMisconfigured) {
    auto facts = test::sample_facts();
    facts.listeners.page.problem = Problem{"cannot listen on 127.0.0.1:9848: Address already in use", "free it"};
    EXPECT_THAT(codes(facts), ElementsAre(ReasonCode::misconfigured));
    EXPECT_THAT(the_reason(facts), says("cannot listen on 127.0.0.1:9848", "free it"));
    EXPECT_THAT(the_reason(facts).message, Not(HasSubstr("settings are refused")));
}

TEST(Judge, IsDrainedUntilTheHourIsOver) {
    auto facts = test::sample_facts();
    facts.drained = DrainFacts{noon - 10min, noon + 50min};
    EXPECT_THAT(codes(facts), ElementsAre(ReasonCode::drained));
    EXPECT_THAT(the_reason(facts), says("until 2026-11-22T12:50:00Z", "restart"));
    EXPECT_THAT(codes(facts, noon + 50min), IsEmpty());
}

// The schedule still has a next time, and nothing will begin then.
TEST(Judge, PromisesNoRunWhileItIsDrained) {
    auto facts = just_started();
    facts.drained = DrainFacts{noon - 10min, noon + 50min};
    const auto promises_none = says("no good backup", "nothing is started until 2026-11-22T12:50:00Z");
    EXPECT_THAT(judge(facts, noon).reasons.at(0), promises_none);
    facts.store.surveyed = noon;
    facts.schedule.start = noon + 5min;
    EXPECT_THAT(judge(facts, noon).reasons.at(0), promises_none);
    EXPECT_THAT(the_reason(facts, noon + 50min), says("no good backup", "the next run begins at"));
}

TEST(Judge, NamesHiddenBackups) {
    auto facts = test::sample_facts();
    facts.store.hidden = {"20261101T021700Z-aaaa"};
    EXPECT_THAT(codes(facts), ElementsAre(ReasonCode::tampered));
    EXPECT_THAT(the_reason(facts), says("1 backup in the store: 20261101T021700Z-aaaa", "replace that key"));
}

TEST(Judge, NamesWhatElseWasMeddledWith) {
    auto facts = test::sample_facts();
    facts.store.meddled = {"20261101T021700Z-aaaa (somebody hid 'x')"};
    EXPECT_THAT(codes(facts), ElementsAre(ReasonCode::tampered));
    EXPECT_THAT(the_reason(facts),
                says("not as it was written: 20261101T021700Z-aaaa (somebody hid", "replace that key"));
}

DoubtFacts a_doubt() {
    return {"20261121T021700Z-bbbb", "database 'app' is gone", 2, "20261122T021700Z-cccc", noon - 1h};
}

TEST(Judge, AsksForALookAtAMarkedBackup) {
    auto facts = test::sample_facts();
    facts.store.doubt = a_doubt();
    EXPECT_THAT(codes(facts), ElementsAre(ReasonCode::lineage));
    EXPECT_THAT(the_reason(facts), says("20261121T021700Z-bbbb is marked: database 'app' is gone; so are the 1",
                                        "lifeboat accept 20261122T021700Z-cccc"));
    EXPECT_THAT(the_reason(facts).next, HasSubstr(facts.store.last_good->id + " is the last good one"));
    facts.turn.turn = Turn::not_ours;
    EXPECT_THAT(codes(facts), IsEmpty());
}

// They are made, so nothing is overdue; but none of them is a good one.
TEST(Judge, MarkedBackupsAreNotOverdueAndNotGood) {
    auto facts = test::sample_facts();
    facts.store.doubt = a_doubt();
    facts.store.last_good->finished = noon - 1000h;
    EXPECT_THAT(codes(facts), ElementsAre(ReasonCode::lineage));
    facts.store.doubt->newest_finished = noon - 27h;
    EXPECT_THAT(codes(facts), ElementsAre(ReasonCode::lineage, ReasonCode::overdue));
    facts.store.last_good.reset();
    EXPECT_THAT(codes(facts), ElementsAre(ReasonCode::lineage, ReasonCode::no_backup_yet));
}

TEST(Judge, TellsOfAnotherServerUnderTheSameNameFirst) {
    auto facts = test::sample_facts();
    facts.store.doubt = a_doubt();
    facts.store.other_server = Problem{"two servers", "rename one"};
    EXPECT_THAT(the_reason(facts), says("two servers", "rename one"));
}

TEST(Judge, WarnsBeforeTheLastGoodBackupFallsDue) {
    auto facts = test::sample_facts();
    facts.store.expiry.warning = 7 * 24h;
    EXPECT_TRUE(judge(facts, noon).healthy());
    facts.store.expiry.last_good_due = noon + 7 * 24h + 1s;
    EXPECT_TRUE(judge(facts, noon).healthy());
    facts.store.expiry.last_good_due = noon + 7 * 24h;
    EXPECT_THAT(codes(facts), ElementsAre(ReasonCode::expiring));
    EXPECT_THAT(the_reason(facts),
                says("falls due to the store's own age rule at 2026-11-29T12:00:00Z", "good backup"));
}

TEST(Judge, RulesThatAreNotKnownAreANote) {
    auto facts = test::sample_facts();
    facts.store.expiry.unknown = "the key may not";
    facts.store.lineage_note = "not compared";
    EXPECT_TRUE(judge(facts, noon).healthy());
    EXPECT_THAT(judge(facts, noon).note, HasSubstr("not compared; it is not known when the bucket's own rules"));
}

TEST(Judge, SaysWhyOldBackupsAreNotDeleted) {
    auto facts = test::sample_facts();
    facts.prune.stopped = Problem{"11 backups would go", ""};
    EXPECT_THAT(codes(facts), ElementsAre(ReasonCode::prune_stopped));
    EXPECT_THAT(the_reason(facts), says("not deleted: 11 backups would go", "lifeboat prune --dry-run"));
    facts.prune.stopped->next = "let another key";
    EXPECT_THAT(the_reason(facts), says("11 backups would go", "let another key"));
}

// A standby's sidecar: an alert on it would only say twice what the primary's says.
TEST(Judge, WhoseTurnItIsNotIsInOrderAndSaysSo) {
    auto facts = just_started();
    facts.store.surveyed = noon;
    facts.store.problem = Problem{"no route", ""};
    facts.store.newest_partial = test::sample_backup("20261122T100000Z-0001", noon - 2h);
    add_failures(facts, 2);
    facts.turn = {Turn::not_ours, "the server is a standby"};
    const auto verdict = judge(facts, noon);
    EXPECT_THAT(codes(verdict), IsEmpty());
    EXPECT_THAT(verdict.note, HasSubstr("not this sidecar's to make now: the server is a standby"));

    facts.store.problem.reset();
    facts.store.last_good = test::sample_backup("20261001T100000Z-0001", noon - 1000h);
    facts.schedule.overdue_after = 26h;
    EXPECT_THAT(codes(facts), IsEmpty());
}

TEST(Judge, ATurnExcusesNeitherTamperingNorBadSettings) {
    auto facts = just_started();
    facts.turn.turn = Turn::not_ours;
    facts.store.hidden = {"20261101T021700Z-aaaa"};
    facts.settings.problems = {{"line 3", ""}};
    EXPECT_THAT(codes(facts), ElementsAre(ReasonCode::tampered, ReasonCode::misconfigured));
}

TEST(Judge, WhatTheKeyMayNotSeeIsANoteAndNoReason) {
    auto facts = test::sample_facts();
    facts.store.limited = Problem{"this key may not read manifests", "grant it"};
    EXPECT_TRUE(judge(facts, noon).healthy());
    EXPECT_EQ(judge(facts, noon).note, "this key may not read manifests");
    facts.turn = {Turn::not_ours, "a standby"};
    EXPECT_THAT(judge(facts, noon).note, HasSubstr("a standby; this key may not read manifests"));
}

// Alerts hang on these.
TEST(ReasonCodes, KeepTheirNames) {
    std::vector<std::string_view> names;
    names.reserve(reason_codes.size());
    for (const auto code : reason_codes) {
        names.push_back(name_of(code));
    }
    EXPECT_THAT(names, ElementsAre("no_backup_yet", "overdue", "failing", "partial", "misconfigured", "drained",
                                   "tampered", "unproven", "starved", "prune_stopped", "lineage", "expiring"));
}

}  // namespace
}  // namespace lifeboat::health
