// How backup runs end, and what follows.
#include <gmock/gmock.h>

#include "fake_world.hpp"

namespace lifeboat::supervisor {
namespace {

using namespace std::chrono_literals;
using health::RunResult;
using log::LogLevel;
using testing::ElementsAre;
using testing::HasSubstr;

const BackupEnded failed_run{RunResult::failed, std::nullopt,
                             health::Problem{"the server refused the password", "see postgres.password_file"},
                             "for user lifeboat"};

// At 02:17, with a backup under way that has begun.
struct Night : Sidecar {
    Night() {
        reach_backup();
        say(Activity::backup, BackupBegan{"20261126T021700Z-7f3a", 2});
    }
};

std::chrono::seconds since(TimePoint time, TimePoint then) {
    return std::chrono::duration_cast<std::chrono::seconds>(time - then);
}

TEST(ARunUnderWay, IsShownAsItMoves) {
    Night night;
    EXPECT_EQ(night.shown().running->id, "20261126T021700Z-7f3a");
    EXPECT_EQ(night.shown().turn.turn, health::Turn::ours);
    night.say(Activity::backup, BackupMoved{"app", 500, 100, 1000});
    EXPECT_EQ(night.shown().running->part, "app");
    EXPECT_EQ(night.shown().running->dumped_bytes, 500U);
    EXPECT_EQ(night.shown().running->stored_bytes, 100U);
    EXPECT_EQ(night.shown().running->estimated_bytes, 1000U);
    night.say(Activity::backup, StoreAskedAgain{});
    EXPECT_EQ(night.shown().runs.store_retries, 1U);
}

health::BackupFacts marked_backup() {
    health::BackupFacts backup;
    backup.id = "20261126T021700Z-7f3a";
    backup.started = utc("2026-11-26T02:17:00Z");
    backup.finished = utc("2026-11-26T02:21:00Z");
    backup.databases = {"app"};
    backup.state = health::BackupState::marked;
    backup.marks = {"database 'app' shrank"};
    return backup;
}

TEST(AMarkedRun, IsToldAndNotTriedAgainAndIsNoGoodOne) {
    Night night;
    const auto last_good = night.shown().store.last_good;
    ASSERT_TRUE(last_good);
    night.world.pass(4min);
    night.say(Activity::backup, BackupEnded{RunResult::good, marked_backup()});
    night.end(Activity::backup);
    const Line line = night.last_told("backup_finished");
    EXPECT_EQ(line.level, LogLevel::warn);
    EXPECT_EQ(line.fields["state"], "marked");
    EXPECT_EQ(line.fields["next_run"], "2026-11-27T02:17:00Z");
    EXPECT_EQ(night.shown().store.last_good->id, last_good->id);
    EXPECT_EQ(night.shown().store.doubt->since, "20261126T021700Z-7f3a");
    EXPECT_EQ(night.shown().store.doubt->marked, 1U);
    EXPECT_EQ(night.shown().runs.consecutive_failures, 0U);
    EXPECT_EQ(night.shown().schedule.failed_attempts, 0U);
}

TEST(AGoodRun, IsToldInOneLine) {
    Night night;
    night.say(Activity::backup, StoreAskedAgain{});
    night.world.pass(4min);
    night.end_backup_well();
    const Line line = night.last_told("backup_finished");
    EXPECT_EQ(line.level, LogLevel::info);
    EXPECT_EQ(line.fields["result"], "good");
    EXPECT_EQ(line.fields["started"], "2026-11-26T02:17:00Z");
    EXPECT_EQ(line.fields["seconds"], 240.0);
    EXPECT_EQ(line.fields["id"], "20261126T021700Z-7f3a");
    EXPECT_EQ(line.fields["databases"], 1);
    EXPECT_EQ(line.fields["dumped_bytes"], 5000);
    EXPECT_EQ(line.fields["stored_bytes"], 1000);
    EXPECT_EQ(line.fields["store_retries"], 1);
    EXPECT_EQ(line.fields["next_run"], "2026-11-27T02:17:00Z");
    EXPECT_EQ(night.shown().runs.counts.of(RunResult::good), 1U);
    EXPECT_EQ(night.shown().runs.last->id, "20261126T021700Z-7f3a");
    EXPECT_FALSE(night.shown().runs.last->problem);
    EXPECT_EQ(night.shown().store.backups, 2U);
    EXPECT_EQ(night.shown().store.recent.front().id, "20261126T021700Z-7f3a");
}

TEST(AFailedRun, IsToldCountedAndTriedAgain) {
    Night night;
    night.end(Activity::backup, failed_run);
    const Line line = night.last_told("backup_failed");
    EXPECT_EQ(line.level, LogLevel::error);
    EXPECT_EQ(line.fields["error"], "the server refused the password: for user lifeboat");
    EXPECT_EQ(line.fields["next"], "see postgres.password_file");
    EXPECT_EQ(line.fields["failed_attempts"], 1);
    EXPECT_EQ(night.shown().runs.consecutive_failures, 1U);
    EXPECT_EQ(night.shown().runs.counts.of(RunResult::failed), 1U);
    EXPECT_EQ(night.shown().runs.last->problem->what, "the server refused the password") << "details are the log's";
    EXPECT_EQ(night.shown().schedule.because, "retry after 1 failed attempt");
    EXPECT_EQ(night.last_told("health_changed").fields["reasons"], "failing");
    night.reach_backup();
    night.end_backup_well();
    EXPECT_EQ(night.shown().runs.consecutive_failures, 0U);
    EXPECT_EQ(night.last_told("health_changed").fields["healthy"], true);
    EXPECT_EQ(night.shown().schedule.start, utc("2026-11-27T02:17:00Z"));
}

TEST(FailedRuns, AreTriedAgainWithGrowingPausesOfAnHourAtMost) {
    Night night;
    const std::chrono::seconds expected[] = {1min, 2min, 4min, 8min, 16min, 32min, 60min, 60min, 60min};
    for (const auto pause : expected) {
        night.end(Activity::backup, failed_run);
        const TimePoint ended = night.world.now();
        night.reach_backup();
        EXPECT_GE(since(night.world.now(), ended), pause);
        EXPECT_LE(since(night.world.now(), ended), pause + pause / 4 + 1s);
    }
    EXPECT_EQ(night.shown().runs.consecutive_failures, 9U);
}

BackupEnded yielded_run(const std::string& to = "ALTER TABLE") {
    return {RunResult::yielded,
            std::nullopt,
            health::Problem{"the dump of database 'app' gave way to " + to, "run it at another time"},
            {},
            YieldedTo{to, "run it at another time"}};
}

TEST(FailedRuns, AreRememberedForAMonthWithWhatWasWrong) {
    Night night;
    night.end(Activity::backup, failed_run);
    night.reach_backup();
    night.end(Activity::backup, yielded_run());
    night.reach_backup();
    night.end_backup_well();
    const auto& failures = night.shown().runs.failures;
    ASSERT_EQ(failures.size(), 2U) << "a good run does not make them undone";
    EXPECT_EQ(failures[0].result, RunResult::yielded);
    EXPECT_EQ(failures[1].problem->what, "the server refused the password");
    night.world.pass(31 * 24h);
    night.reach_backup();
    night.end_backup_well();
    EXPECT_TRUE(night.shown().runs.failures.empty());
}

TEST(AGoodRun, IsKnownWithItsContentsOnceAndAmongTheOthersWithout) {
    Night night;
    auto backup = backup_of(night.world.now() - 4min, night.world.now());
    backup.contents = {{"app", 700, 3500, 12, 9000}};
    night.end(Activity::backup, BackupEnded{RunResult::good, backup});
    EXPECT_EQ(night.shown().store.last_good->contents.size(), 1U);
    EXPECT_TRUE(night.shown().store.recent.front().contents.empty());
}

TEST(ARunThatGaveWay, IsToldAsThatAndTriedAgain) {
    Night night;
    night.end(Activity::backup, yielded_run());
    const Line line = night.last_told("backup_yielded");
    EXPECT_EQ(line.level, LogLevel::warn);
    EXPECT_EQ(line.fields["result"], "yielded");
    EXPECT_EQ(line.fields["yielded_to"], "ALTER TABLE");
    EXPECT_EQ(line.fields["next"], "run it at another time");
    EXPECT_EQ(night.shown().runs.counts.of(RunResult::yielded), 1U);
    EXPECT_EQ(night.shown().runs.consecutive_yields, 1U);
    EXPECT_EQ(night.shown().runs.consecutive_failures, 0U);
    EXPECT_EQ(night.shown().turn.turn, health::Turn::ours);
    EXPECT_EQ(night.shown().schedule.because, "retry after 1 failed attempt");
    EXPECT_TRUE(night.world.told("health_changed").empty() ||
                night.last_told("health_changed").fields["healthy"] == true);
}

TEST(RunsThatGaveWay, StarveAfterThreeAndRecoverByAGoodOne) {
    Night night;
    const std::chrono::seconds expected[] = {1min, 2min, 4min};
    for (const auto pause : expected) {
        EXPECT_NE(night.last_told("health_changed").fields["reasons"], "starved");
        night.end(Activity::backup, yielded_run());
        const TimePoint ended = night.world.now();
        night.reach_backup();
        EXPECT_GE(since(night.world.now(), ended), pause);
        EXPECT_LE(since(night.world.now(), ended), pause + pause / 4 + 1s);
    }
    const Line line = night.last_told("health_changed");
    EXPECT_EQ(line.fields["reasons"], "starved");
    EXPECT_EQ(line.fields["message"], "the last 3 runs gave way, the latest to ALTER TABLE");
    EXPECT_EQ(line.fields["next"], "run it at another time");
    night.end_backup_well();
    EXPECT_EQ(night.shown().runs.consecutive_yields, 0U);
    EXPECT_EQ(night.last_told("health_changed").fields["healthy"], true);
}

TEST(RunsThatGaveWay, AreInARowAlsoWithFailedAndPartialOnesBetween) {
    Night night;
    night.end(Activity::backup, yielded_run());
    night.reach_backup();
    night.end(Activity::backup, failed_run);
    EXPECT_EQ(night.shown().runs.consecutive_yields, 1U);
    night.reach_backup();
    auto partial = yielded_run("TRUNCATE");
    partial.result = RunResult::partial;
    partial.backup = backup_of(night.world.now() - 1min, night.world.now(), health::BackupState::partial);
    night.end(Activity::backup, partial);
    EXPECT_EQ(night.shown().runs.consecutive_yields, 2U);
    EXPECT_EQ(night.shown().runs.yielded_to, "TRUNCATE");
}

TEST(ARunWhoseProcessDies, HasCrashed) {
    Night night;
    night.end(Activity::backup, killed);
    EXPECT_EQ(night.shown().runs.counts.of(RunResult::crashed), 1U);
    EXPECT_EQ(night.shown().runs.consecutive_failures, 1U);
    EXPECT_EQ(night.shown().runs.last->id, "20261126T021700Z-7f3a");
    const Line line = night.last_told("backup_failed");
    EXPECT_EQ(line.fields["result"], "crashed");
    EXPECT_THAT(line.fields["error"].get<std::string>(), HasSubstr("killed by signal 9"));
    EXPECT_THAT(line.fields["next"].get<std::string>(), HasSubstr("memory"));
}

TEST(ARunThatEndsWithoutAWord, HasCrashedToo) {
    Night night;
    night.end(Activity::backup, exit_0);
    EXPECT_EQ(night.shown().runs.counts.of(RunResult::crashed), 1U);
    EXPECT_THAT(night.last_told("backup_failed").fields["error"].get<std::string>(), HasSubstr("exit code 0"));
}

TEST(ARunThatTakesTooLong, IsEndedAndThenKilled) {
    Night night;
    night.pass(6h - 1s);
    EXPECT_TRUE(night.world.signals.empty());
    night.pass(1s);
    EXPECT_THAT(night.world.signals, ElementsAre(std::pair(Activity::backup, SIGTERM)));
    night.pass(9s);
    EXPECT_EQ(night.world.signals.size(), 1U);
    night.pass(1s);
    EXPECT_THAT(night.world.signals.back(), std::pair(Activity::backup, SIGKILL));
    night.end(Activity::backup, killed);
    EXPECT_EQ(night.shown().runs.counts.of(RunResult::overrun), 1U);
    EXPECT_EQ(night.shown().runs.consecutive_failures, 1U);
    EXPECT_THAT(night.last_told("backup_failed").fields["next"].get<std::string>(), HasSubstr("schedule.max_duration"));
}

TEST(ARunThatTakesTooLong, IsAnOverrunAlsoWhenItEndsInOrder) {
    Night night;
    night.pass(6h);
    night.end(Activity::backup, BackupEnded{RunResult::interrupted, std::nullopt, health::Problem{"stopped"}, {}});
    EXPECT_EQ(night.shown().runs.counts.of(RunResult::overrun), 1U);
}

TEST(ARunThatTakesTooLong, IsGoodIfItFinishesAllTheSame) {
    Night night;
    night.pass(6h);
    night.end_backup_well();
    EXPECT_EQ(night.shown().runs.counts.of(RunResult::good), 1U);
}

TEST(APartialRun, IsKeptToldAndTriedAgain) {
    Night night;
    auto kept = backup_of(utc("2026-11-26T02:17:00Z"), utc("2026-11-26T02:20:00Z"), health::BackupState::partial);
    kept.failed_databases = {"shop"};
    night.end(Activity::backup,
              BackupEnded{RunResult::partial, kept, health::Problem{"these failed: shop", "mend them"}, {}});
    const Line line = night.last_told("backup_finished");
    EXPECT_EQ(line.level, LogLevel::error);
    EXPECT_EQ(line.fields["result"], "partial");
    EXPECT_EQ(line.fields["error"], "these failed: shop");
    EXPECT_EQ(night.shown().runs.consecutive_failures, 0U);
    EXPECT_EQ(night.shown().store.newest_partial->id, "20261126T021700Z-7f3a");
    EXPECT_EQ(night.shown().store.last_good->id, "20261125T021700Z-7f3a") << "a partial one is no good one";
    EXPECT_EQ(night.last_told("health_changed").fields["reasons"], "partial");
    EXPECT_EQ(night.shown().schedule.because, "retry after 1 failed attempt");
    EXPECT_EQ(night.world.count(Activity::sweep), 0);
    night.reach_backup();
    night.end_backup_well();
    EXPECT_FALSE(night.shown().store.newest_partial);
}

// The three that find nothing to do look again after five minutes, and say so once.
class NothingToDo : public testing::TestWithParam<RunResult> {};

TEST_P(NothingToDo, IsNoFailureAndIsLookedAtAgainInFiveMinutes) {
    Night night;
    const BackupEnded nothing{GetParam(), std::nullopt, health::Problem{"why not"}, {}};
    for (int i = 0; i < 3; ++i) {
        night.end(Activity::backup, nothing);
        const TimePoint ended = night.world.now();
        EXPECT_EQ(night.last_told("backup_skipped").level, i == 0 ? LogLevel::info : LogLevel::debug);
        EXPECT_EQ(night.shown().runs.consecutive_failures, 0U);
        night.reach_backup();
        EXPECT_GE(since(night.world.now(), ended), 5min);
        EXPECT_LE(since(night.world.now(), ended), 5min + 1s);
    }
    EXPECT_EQ(night.shown().runs.counts.of(GetParam()), 3U);
}

INSTANTIATE_TEST_SUITE_P(All, NothingToDo,
                         testing::Values(RunResult::not_ours, RunResult::lock_held, RunResult::not_needed));

TEST(NotOurTurn, IsShownAndInOrder) {
    Night night;
    night.end(Activity::backup,
              BackupEnded{RunResult::not_ours, std::nullopt, health::Problem{"the server is a standby"}, {}});
    EXPECT_EQ(night.shown().turn.turn, health::Turn::not_ours);
    EXPECT_EQ(night.shown().turn.because, "the server is a standby");
    EXPECT_TRUE(health::judge(night.shown(), night.world.now()).healthy());
    night.reach_backup();
    night.end_backup_well();
    EXPECT_EQ(night.shown().turn.turn, health::Turn::ours) << "promoted";
}

TEST(NotOurTurn, IsNoLongerKnownOnceTheServerDoesNotAnswer) {
    Night night;
    night.end(Activity::backup,
              BackupEnded{RunResult::not_ours, std::nullopt, health::Problem{"the server is a standby"}, {}});
    night.reach_backup();
    night.end(Activity::backup, failed_run);
    EXPECT_EQ(night.shown().turn.turn, health::Turn::unknown);
    EXPECT_FALSE(health::judge(night.shown(), night.world.now()).healthy());
}

TEST(ABackupThatWasNotNeeded, MakesTheStoreBeReadAnew) {
    Night night;
    night.end(Activity::backup,
              BackupEnded{RunResult::not_needed, std::nullopt, health::Problem{"another run made it"}, {}});
    ASSERT_TRUE(night.runs(Activity::survey));
    night.end(Activity::survey, survey_of({backup_of(utc("2026-11-26T02:17:01Z"), utc("2026-11-26T02:18:00Z"))}));
    EXPECT_EQ(night.shown().schedule.start, utc("2026-11-27T02:17:00Z"));
}

TEST(ABackupThatWasNotNeeded, IsNotStartedOverAndOverWhileTheStoreCannotBeRead) {
    Night night;
    const auto before = night.world.count(Activity::backup);
    const auto end = night.world.steady() + 1h;
    int turns = 0;
    for (; night.world.steady() < end && turns < 1000; ++turns) {
        if (night.runs(Activity::backup)) {
            night.end(Activity::backup, BackupEnded{RunResult::not_needed, std::nullopt, std::nullopt, {}});
        }
        if (night.runs(Activity::survey)) {
            night.end(Activity::survey, WorkFailed{{"a manifest cannot be read"}, {}});
        }
        night.pass(std::max(*night.supervisor.deadline() - night.world.steady(), SteadyPoint::duration::zero()));
    }
    EXPECT_LE(night.world.count(Activity::backup) - before, 13);
    EXPECT_LT(turns, 100);
}

TEST(ARunInterruptedByNobodyHere, IsNotStartedOverAndOver) {
    Night night;
    const TimePoint first = night.world.now();
    night.end(Activity::backup, BackupEnded{RunResult::interrupted, std::nullopt, health::Problem{"stopped"}, {}});
    EXPECT_EQ(night.last_told("backup_interrupted").level, LogLevel::warn);
    EXPECT_EQ(night.shown().runs.consecutive_failures, 0U);
    night.reach_backup();
    EXPECT_GE(since(night.world.now(), first), 5min);
}

TEST(WhatTheStoreRemembers, CountsAsFailedAttempts) {
    Sidecar sidecar;
    auto survey = survey_of({backup_of(utc("2026-11-24T02:17:00Z"), utc("2026-11-24T02:21:00Z"))});
    for (const auto* started : {"2026-11-25T11:00:00Z", "2026-11-25T11:30:00Z", "2026-11-25T11:59:00Z"}) {
        survey.runs.failed.push_back({utc(started), std::nullopt});
    }
    sidecar.end(Activity::survey, survey);
    EXPECT_FALSE(sidecar.runs(Activity::backup)) << "a crash loop must not become a dump loop";
    EXPECT_EQ(sidecar.shown().schedule.because, "retry after 3 failed attempts");
}

TEST(ReportsOfNobody, AreIgnored) {
    Sidecar sidecar;
    sidecar.settle();
    sidecar.say(Activity::backup, BackupBegan{"20261126T021700Z-7f3a", 2});
    sidecar.supervisor.ended(Activity::backup, exit_1);
    EXPECT_FALSE(sidecar.shown().runs.last);
}

}  // namespace
}  // namespace lifeboat::supervisor
