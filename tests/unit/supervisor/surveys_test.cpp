// What the supervisor does to know the store.
#include <gmock/gmock.h>

#include "fake_world.hpp"

namespace lifeboat::supervisor {
namespace {

using namespace std::chrono_literals;
using health::RunResult;
using testing::ElementsAre;
using testing::HasSubstr;

const WorkFailed unreachable{{"the store does not answer", "see whether it is up"}, "timed out"};

std::vector<Activity> kinds(const std::vector<Start>& starts) {
    std::vector<Activity> list;
    std::transform(starts.begin(), starts.end(), std::back_inserter(list),
                   [](const auto& each) { return each.activity; });
    return list;
}

TEST(AtTheStart, TheStoreIsReadBeforeAnythingElse) {
    const Sidecar sidecar;
    EXPECT_THAT(kinds(sidecar.world.starts), ElementsAre(Activity::survey));
    EXPECT_EQ(sidecar.shown().running->activity, Activity::survey);
}

TEST(AtTheStart, NothingIsStartedWithoutSettings) {
    FakeWorld world(utc("2026-11-25T12:00:00Z"));
    Supervisor supervisor(world, first_facts(world));
    supervisor.refuse({{"the file is not there", "write it"}});
    supervisor.turn();
    EXPECT_TRUE(world.starts.empty());
    EXPECT_FALSE(supervisor.deadline());
    EXPECT_EQ(world.published.back().settings.problems.front().what, "the file is not there");
}

TEST(AnEmptyStore, GetsItsFirstBackupAtOnceAndTheNextWhenItIsDue) {
    Sidecar sidecar;
    sidecar.end(Activity::survey, survey_of({}));
    ASSERT_TRUE(sidecar.runs(Activity::backup));
    sidecar.world.pass(4min);
    sidecar.end_backup_well();
    EXPECT_FALSE(sidecar.runs(Activity::backup));
    EXPECT_EQ(sidecar.shown().schedule.start, utc("2026-11-26T02:17:00Z"));
    EXPECT_EQ(sidecar.shown().store.last_good->id, "20261125T120000Z-7f3a");
    EXPECT_EQ(sidecar.shown().store.backups, 1U);
    EXPECT_EQ(sidecar.shown().turn.turn, health::Turn::ours);
}

TEST(AStoreWithABackup, IsLeftAloneUntilTheNextIsDue) {
    Sidecar sidecar;
    sidecar.settle();
    EXPECT_FALSE(sidecar.runs(Activity::backup));
    EXPECT_EQ(sidecar.shown().schedule.due, utc("2026-11-26T02:17:00Z"));
    EXPECT_EQ(sidecar.last_told("run_planned").fields["start"], "2026-11-26T02:17:00Z");
    sidecar.reach_backup();
    EXPECT_EQ(sidecar.world.now(), utc("2026-11-26T02:17:00Z"));
    EXPECT_EQ(sidecar.world.starts.back().newest_known, "20261125T021700Z-7f3a");
}

TEST(TheStore, IsReadEveryHour) {
    Sidecar sidecar;
    sidecar.settle();
    sidecar.pass(59min + 59s);
    EXPECT_EQ(sidecar.world.count(Activity::survey), 1);
    sidecar.pass(1s);
    EXPECT_EQ(sidecar.world.count(Activity::survey), 2);
}

TEST(TheStore, IsReadJustBeforeARunIfThatWasLongerAgoThanAMinute) {
    Sidecar sidecar;
    sidecar.settle();
    while (sidecar.world.now() < utc("2026-11-26T02:00:00Z")) {
        sidecar.pass(1h);
        if (sidecar.runs(Activity::survey)) {
            sidecar.settle();
        }
    }
    sidecar.pass(utc("2026-11-26T02:17:00Z") - sidecar.world.now());
    ASSERT_EQ(kinds(sidecar.world.starts).back(), Activity::survey);
    // Somebody made it meanwhile.
    sidecar.end(Activity::survey, survey_of({backup_of(utc("2026-11-26T02:10:00Z"), utc("2026-11-26T02:14:00Z"))}));
    ASSERT_TRUE(sidecar.runs(Activity::backup)) << "one from before the due time is not the one that is due";
}

TEST(TheStore, IsNotReadTwiceWithinAMinuteOfARun) {
    Sidecar sidecar;
    sidecar.settle();
    sidecar.wait_until(
        [&] { return sidecar.world.now() >= utc("2026-11-26T02:16:30Z") || sidecar.runs(Activity::survey); });
    sidecar.pass(utc("2026-11-26T02:16:30Z") - sidecar.world.now());
    sidecar.settle();
    const auto before = sidecar.world.count(Activity::survey);
    sidecar.pass(30s);
    EXPECT_TRUE(sidecar.runs(Activity::backup));
    EXPECT_EQ(sidecar.world.count(Activity::survey), before);
}

TEST(ABackupMadeElsewhere, TakesTheSidecarsPlace) {
    Sidecar sidecar;
    sidecar.settle();
    ASSERT_TRUE(sidecar.wait_until([&] {
        if (sidecar.runs(Activity::survey) && sidecar.world.now() < utc("2026-11-26T02:17:00Z")) {
            sidecar.settle();
        }
        return sidecar.runs(Activity::survey);
    }));
    sidecar.world.pass(10s);
    sidecar.end(Activity::survey, survey_of({backup_of(utc("2026-11-26T02:17:02Z"), utc("2026-11-26T02:17:08Z"))}));
    EXPECT_FALSE(sidecar.runs(Activity::backup));
    EXPECT_EQ(sidecar.shown().schedule.due, utc("2026-11-27T02:17:00Z"));
}

TEST(AFailedSurvey, IsTriedAgainWithGrowingPausesUpToFiveMinutes) {
    Sidecar sidecar;
    std::vector<std::chrono::seconds> pauses;
    for (int i = 0; i < 9; ++i) {
        sidecar.end(Activity::survey, unreachable, exit_0);
        const auto failed = sidecar.world.steady();
        ASSERT_TRUE(sidecar.wait_for(Activity::survey));
        pauses.push_back(std::chrono::duration_cast<std::chrono::seconds>(sidecar.world.steady() - failed));
    }
    EXPECT_THAT(pauses, ElementsAre(5s, 10s, 20s, 40s, 80s, 160s, 300s, 300s, 300s));
    EXPECT_EQ(sidecar.world.count(Activity::backup), 0) << "nobody knows whether the store holds one";
    EXPECT_EQ(sidecar.shown().store.problem->what, "the store does not answer");
    EXPECT_EQ(sidecar.shown().store.problem_since, utc("2026-11-25T12:00:00Z"));
    const Line line = sidecar.last_told("survey_failed");
    EXPECT_EQ(line.fields["error"], "the store does not answer: timed out");
    EXPECT_EQ(line.fields["next"], "see whether it is up");
    EXPECT_EQ(line.fields["in_s"], 300);
}

TEST(AFailedSurvey, IsForgottenOnceTheStoreAnswers) {
    Sidecar sidecar;
    sidecar.end(Activity::survey, unreachable);
    ASSERT_TRUE(sidecar.wait_for(Activity::survey));
    sidecar.settle();
    EXPECT_FALSE(sidecar.shown().store.problem);
    EXPECT_FALSE(sidecar.shown().store.problem_since);
    EXPECT_EQ(sidecar.shown().store.surveyed, sidecar.world.now());
    EXPECT_EQ(sidecar.last_told("health_changed").fields["healthy"], true);
    // And the pauses begin anew.
    ASSERT_TRUE(sidecar.wait_for(Activity::survey));
    sidecar.end(Activity::survey, unreachable);
    EXPECT_EQ(sidecar.last_told("survey_failed").fields["in_s"], 5);
}

TEST(AFailedSurvey, KeepsNoDueRunAwayWhereAnOlderViewIsThere) {
    Sidecar sidecar;
    sidecar.settle();
    while (!sidecar.runs(Activity::backup)) {
        ASSERT_TRUE(
            sidecar.wait_until([&] { return sidecar.runs(Activity::survey) || sidecar.runs(Activity::backup); }));
        if (sidecar.runs(Activity::survey)) {
            sidecar.end(Activity::survey, unreachable);
        }
    }
    EXPECT_GE(sidecar.world.now(), utc("2026-11-26T02:17:00Z"));
    EXPECT_LE(sidecar.world.now(), utc("2026-11-26T02:17:01Z"));
    EXPECT_TRUE(sidecar.shown().store.last_good) << "what was known stays known";
}

TEST(AStoreThatIsDownForHours, DoesNotKeepTheLoopBusy) {
    Sidecar sidecar;
    sidecar.settle();
    int turns = 0;
    const auto end = sidecar.world.steady() + 12h;
    while (sidecar.world.steady() < end && turns < 10'000) {
        if (sidecar.runs(Activity::survey)) {
            sidecar.end(Activity::survey, unreachable);
        }
        const auto deadline = sidecar.supervisor.deadline();
        ASSERT_TRUE(deadline);
        sidecar.pass(std::max(*deadline - sidecar.world.steady(), SteadyPoint::duration::zero()));
        ++turns;
    }
    EXPECT_LT(turns, 200);
}

TEST(ASurveyThatHangs, IsEndedAndTriedAgain) {
    Sidecar sidecar;
    sidecar.pass(10min);
    EXPECT_THAT(sidecar.world.signals, ElementsAre(std::pair(Activity::survey, SIGTERM)));
    sidecar.pass(10s);
    EXPECT_THAT(sidecar.world.signals.back(), std::pair(Activity::survey, SIGKILL));
    sidecar.end(Activity::survey, killed);
    EXPECT_EQ(sidecar.last_told("survey_failed").fields["error"], "the store was not read within 600 s");
    EXPECT_TRUE(sidecar.wait_for(Activity::survey));
}

TEST(ASurveyThatDies, SaysSo) {
    Sidecar sidecar;
    sidecar.end(Activity::survey, os::ExitState{std::nullopt, SIGSEGV});
    EXPECT_THAT(sidecar.shown().store.problem->what, HasSubstr("killed by signal 11"));
    EXPECT_FALSE(sidecar.shown().store.problem->next.empty());
}

TEST(WhatTheKeyMayNotSee, IsToldOnce) {
    Sidecar sidecar;
    auto survey = survey_of({backup_of(utc("2026-11-25T02:17:00Z"), utc("2026-11-25T02:21:00Z"))});
    survey.limited = health::Problem{"this key may not list", "allow it"};
    for (int i = 0; i < 3; ++i) {
        sidecar.end(Activity::survey, survey);
        EXPECT_EQ(sidecar.shown().store.limited->what, "this key may not list");
        ASSERT_TRUE(sidecar.wait_for(Activity::survey));
    }
    EXPECT_EQ(sidecar.world.told("survey_limited").size(), 1U);
}

TEST(AChildThatCannotBeStarted, CountsAsOneThatFailed) {
    FakeWorld world(utc("2026-11-25T12:00:00Z"));
    Supervisor supervisor(world, first_facts(world));
    world.refusal = Error{ErrorKind::temporary, "cannot start it", "check the limits on processes"};
    supervisor.accept(nightly(), Fields::object());
    supervisor.turn();
    EXPECT_EQ(world.published.back().store.problem->what, "cannot start it");
    EXPECT_FALSE(world.published.back().running);
    EXPECT_EQ(supervisor.deadline(), world.steady() + 5s);
}

}  // namespace
}  // namespace lifeboat::supervisor
