// New settings, good and bad, while the sidecar runs.
#include <gmock/gmock.h>

#include "fake_world.hpp"

namespace lifeboat::supervisor {
namespace {

using namespace std::chrono_literals;
using health::RunResult;

const BackupEnded failed_run{RunResult::failed, std::nullopt, health::Problem{"wrong password", "mend it"}, {}};

void reload(Sidecar& sidecar, Orders orders = nightly()) {
    sidecar.supervisor.accept(std::move(orders), Fields{{"instance", "app"}});
    sidecar.supervisor.turn();
}

TEST(NewSettings, DisturbNoBackupThatRuns) {
    Sidecar sidecar;
    sidecar.reach_backup();
    Orders shorter = nightly();
    shorter.max_duration = 1min;
    reload(sidecar, shorter);
    sidecar.pass(2h);
    EXPECT_TRUE(sidecar.world.signals.empty());
    EXPECT_EQ(sidecar.shown().settings.reloads_applied, 1U);
    sidecar.end_backup_well();
    EXPECT_EQ(sidecar.shown().runs.counts.of(RunResult::good), 1U);
    EXPECT_EQ(sidecar.shown().schedule.start, utc("2026-11-27T02:17:00Z"));
}

TEST(NewSettings, TakeEffectAtOnce) {
    Sidecar sidecar;
    sidecar.settle();
    reload(sidecar, nightly("bucket app", "0 15 * * *"));
    sidecar.settle();  // the store is read with them
    EXPECT_EQ(sidecar.shown().schedule.start, utc("2026-11-25T15:00:00Z"));
    EXPECT_EQ(sidecar.world.told("settings_applied").size(), 2U);
}

TEST(NewSettings, SayHowOldTheLastGoodDrillMayBe) {
    Sidecar sidecar;
    sidecar.settle();
    Orders strict = nightly();
    strict.drill_within = 24h;
    reload(sidecar, strict);
    EXPECT_EQ(sidecar.shown().drill_within, 24h);
    reload(sidecar);
    EXPECT_FALSE(sidecar.shown().drill_within);
}

TEST(NewSettings, AreAReasonToTryAgainAtOnceButOnlyOnce) {
    Sidecar sidecar;
    sidecar.reach_backup();
    for (int i = 0; i < 6; ++i) {
        sidecar.end(Activity::backup, failed_run);
        sidecar.reach_backup();
    }
    sidecar.end(Activity::backup, failed_run);
    sidecar.pass(1s);
    const TimePoint applied = sidecar.world.now();
    reload(sidecar);
    sidecar.reach_backup();
    EXPECT_EQ(sidecar.world.now(), applied);
    sidecar.world.pass(1s);
    sidecar.end(Activity::backup, failed_run);
    sidecar.reach_backup();
    EXPECT_GE(sidecar.world.now(), applied + 1h) << "the pauses go on where they were";
}

TEST(NewSettings, AreTriedAtOnceAfterARunThatFailedWithTheOldOnes) {
    Sidecar sidecar;
    sidecar.reach_backup();
    reload(sidecar);
    const TimePoint applied = sidecar.world.now();
    sidecar.world.pass(20s);
    sidecar.end(Activity::backup, failed_run);
    sidecar.reach_backup();
    EXPECT_LE(sidecar.world.now(), applied + 21s);
}

TEST(NewSettings, EndTheWaitForAStoreAndForATurn) {
    Sidecar sidecar;
    for (int i = 0; i < 8; ++i) {
        sidecar.end(Activity::survey, WorkFailed{{"access denied"}, {}});
        ASSERT_TRUE(sidecar.wait_for(Activity::survey));
    }
    sidecar.end(Activity::survey, WorkFailed{{"access denied"}, {}});
    reload(sidecar);
    EXPECT_TRUE(sidecar.runs(Activity::survey));
    sidecar.end(Activity::survey, WorkFailed{{"access denied"}, {}});
    EXPECT_EQ(sidecar.last_told("survey_failed").fields["in_s"], 5);
    ASSERT_TRUE(sidecar.wait_for(Activity::survey));
    sidecar.settle();
    sidecar.reach_backup();
    sidecar.end(Activity::backup,
                BackupEnded{RunResult::not_ours, std::nullopt, health::Problem{"the server is a standby"}, {}});
    const TimePoint applied = sidecar.world.now();
    reload(sidecar);  // role = "any"
    sidecar.reach_backup();
    EXPECT_EQ(sidecar.world.now(), applied);
}

TEST(NewSettings, AreUsedAtOnceAfterASurveyThatFailedWithTheOldOnes) {
    Sidecar sidecar;
    reload(sidecar);
    sidecar.end(Activity::survey, WorkFailed{{"access denied"}, {}});
    EXPECT_TRUE(sidecar.runs(Activity::survey));
    EXPECT_EQ(sidecar.world.count(Activity::survey), 2);
}

TEST(AWishForARetry, IsGrantedAtOnceButOnlyOnce) {
    Sidecar sidecar;
    sidecar.reach_backup();
    for (int i = 0; i < 5; ++i) {
        sidecar.end(Activity::backup, failed_run);
        sidecar.reach_backup();
    }
    sidecar.world.pass(1s);
    sidecar.end(Activity::backup, failed_run);
    sidecar.pass(1s);
    const TimePoint wished = sidecar.world.now();
    sidecar.supervisor.wish_retry();
    sidecar.supervisor.turn();
    sidecar.reach_backup();
    EXPECT_EQ(sidecar.world.now(), wished);
    sidecar.world.pass(1s);
    sidecar.end(Activity::backup, failed_run);
    sidecar.reach_backup();
    EXPECT_GE(sidecar.world.now(), wished + 1h);
}

// What it began with may be what has been mended since.
TEST(AWishForARetry, IsGrantedAfterARunThatWasUnderWay) {
    Sidecar sidecar;
    sidecar.reach_backup();
    sidecar.end(Activity::backup, failed_run);
    sidecar.reach_backup();
    sidecar.supervisor.wish_retry();
    sidecar.pass(1s);
    sidecar.end(Activity::backup, failed_run);
    const TimePoint failed = sidecar.world.now();
    sidecar.reach_backup();
    EXPECT_EQ(sidecar.world.now(), failed);
    sidecar.world.pass(1s);
    sidecar.end(Activity::backup, failed_run);
    sidecar.reach_backup();
    EXPECT_GE(sidecar.world.now(), failed + 4min) << "one wish, one try";
}

TEST(AWishForARetry, IsGrantedAfterARunThatStoodBackMeanwhile) {
    Sidecar sidecar;
    sidecar.reach_backup();
    sidecar.supervisor.wish_retry();
    const BackupEnded not_ours{RunResult::not_ours, std::nullopt, health::Problem{"the server is a standby"}, {}};
    sidecar.end(Activity::backup, not_ours);
    const TimePoint stood_back = sidecar.world.now();
    sidecar.reach_backup();
    EXPECT_EQ(sidecar.world.now(), stood_back);
    sidecar.end(Activity::backup, not_ours);
    sidecar.reach_backup();
    EXPECT_EQ(sidecar.world.now(), stood_back + 5min);
}

// Secrets are exchanged when a server is, too: what shuts down is not asked again while it does.
TEST(AWishForARetry, WaitsAMinuteAfterARunThatGaveWay) {
    Sidecar sidecar;
    sidecar.reach_backup();
    for (int i = 0; i < 5; ++i) {
        sidecar.end(Activity::backup, failed_run);
        sidecar.reach_backup();
    }
    sidecar.supervisor.wish_retry();
    BackupEnded gave_way{RunResult::yielded, std::nullopt, health::Problem{"the server shuts down"}, {}};
    sidecar.end(Activity::backup, gave_way);
    const TimePoint ended = sidecar.world.now();
    sidecar.reach_backup();
    EXPECT_EQ(sidecar.world.now(), ended + 1min);
}

TEST(AWishForARetry, KeepsNoRunFromBeingMadeHoweverOftenItIsMade) {
    Sidecar sidecar;
    for (int i = 0; i < 3 && !sidecar.runs(Activity::backup); ++i) {
        ASSERT_TRUE(sidecar.runs(Activity::survey));
        sidecar.supervisor.wish_retry();
        sidecar.end(Activity::survey, survey_of({}));
    }
    ASSERT_TRUE(sidecar.runs(Activity::backup));
    sidecar.end_backup_well();
    EXPECT_TRUE(sidecar.runs(Activity::survey)) << "the wish is not forgotten";
}

TEST(AWishForARetry, ReadsTheStoreOnceMoreAfterASurveyThatWasUnderWay) {
    Sidecar sidecar;
    ASSERT_TRUE(sidecar.runs(Activity::survey));
    sidecar.supervisor.wish_retry();
    sidecar.settle();
    EXPECT_EQ(sidecar.world.count(Activity::survey), 2);
    sidecar.settle();
    EXPECT_EQ(sidecar.world.count(Activity::survey), 2);
    EXPECT_FALSE(sidecar.runs(Activity::survey));
}

TEST(NewSettings, EndASurveyThatMayHangAtWhatTheyCure) {
    Sidecar sidecar;
    reload(sidecar);
    EXPECT_THAT(sidecar.world.signals, testing::ElementsAre(std::pair(Activity::survey, SIGTERM)));
    sidecar.end(Activity::survey, killed);
    EXPECT_TRUE(sidecar.world.told("survey_failed").empty()) << "it was told to end";
    EXPECT_TRUE(sidecar.runs(Activity::survey));
}

TEST(SettingsWithoutAnAddress, AreInForceAndSaidToBeIncomplete) {
    FakeWorld world(utc("2026-11-25T12:00:00Z"));
    Supervisor supervisor(world, first_facts(world));
    const auto shown = [&]() -> const health::Facts& { return world.published.back(); };
    supervisor.accept(nightly(), Fields::object(), {{"notify.ping_file: it does not exist", "create it"}});
    supervisor.turn();
    EXPECT_EQ(world.starts.size(), 1U) << "the store is read, and backups follow";
    EXPECT_TRUE(shown().settings.in_force);
    EXPECT_TRUE(shown().settings.incomplete);
    EXPECT_EQ(shown().settings.reloads_refused, 0U);
    EXPECT_EQ(world.told("settings_incomplete").size(), 1U);
    EXPECT_EQ(world.told("health_changed").back().fields["reasons"], "misconfigured,no_backup_yet");
    supervisor.refuse({{"line 3: no such key", "remove it"}});
    supervisor.turn();
    EXPECT_TRUE(shown().settings.in_force);
    EXPECT_FALSE(shown().settings.incomplete) << "now it is others that are wrong";
    supervisor.accept(nightly(), Fields::object());
    supervisor.turn();
    EXPECT_TRUE(shown().settings.problems.empty());
    EXPECT_FALSE(shown().settings.incomplete);
}

TEST(SettingsThatAreNoGood, SayWhoseTheyAreWhereThereAreNoOthers) {
    FakeWorld world(utc("2026-11-25T12:00:00Z"));
    Supervisor supervisor(world, first_facts(world));
    supervisor.refuse({{"line 3: no such key", "remove it"}}, "vessel");
    EXPECT_EQ(supervisor.facts().instance, "vessel");
    supervisor.accept(nightly(), Fields::object());
    const auto own = supervisor.facts().instance;
    supervisor.refuse({{"line 3: no such key", "remove it"}}, "vessel");
    EXPECT_EQ(supervisor.facts().instance, own);
}

TEST(SettingsThatAreNoGood, LeaveTheOldOnesInForce) {
    Sidecar sidecar;
    sidecar.settle();
    sidecar.supervisor.refuse({{"line 3: no such key", "remove it"}, {"line 5: no time", "write 5m"}});
    sidecar.supervisor.turn();
    EXPECT_TRUE(sidecar.shown().settings.in_force);
    EXPECT_EQ(sidecar.shown().settings.problems.size(), 2U);
    EXPECT_EQ(sidecar.shown().settings.reloads_refused, 1U);
    EXPECT_EQ(sidecar.shown().settings.last_refused, sidecar.world.now());
    EXPECT_EQ(sidecar.world.told("settings_refused").size(), 2U);
    EXPECT_EQ(sidecar.last_told("health_changed").fields["reasons"], "misconfigured");
    sidecar.reach_backup();
    EXPECT_EQ(sidecar.world.now(), utc("2026-11-26T02:17:00Z"));
    reload(sidecar);
    EXPECT_TRUE(sidecar.shown().settings.problems.empty());
    EXPECT_EQ(sidecar.last_told("health_changed").fields["healthy"], true);
}

TEST(AnotherPlace, IsReadBeforeAnythingIsSaidOrDoneThere) {
    Sidecar sidecar;
    sidecar.settle();
    reload(sidecar, nightly("another bucket"));
    EXPECT_TRUE(sidecar.runs(Activity::survey));
    EXPECT_FALSE(sidecar.shown().store.last_good);
    EXPECT_FALSE(sidecar.shown().store.surveyed);
    EXPECT_FALSE(sidecar.shown().schedule.start) << "of the other place";
    sidecar.end(Activity::survey, survey_of({}));
    EXPECT_TRUE(sidecar.runs(Activity::backup));
    EXPECT_EQ(sidecar.world.starts.back().newest_known, "");
}

TEST(AnotherPlace, DoesNotHaveWhatABackupUnderWayPutsIntoTheOldOne) {
    Sidecar sidecar;
    sidecar.reach_backup();
    reload(sidecar, nightly("another bucket"));
    sidecar.world.pass(4min);
    sidecar.end_backup_well();
    EXPECT_EQ(sidecar.shown().runs.counts.of(RunResult::good), 1U);
    EXPECT_EQ(sidecar.last_told("backup_finished").fields["result"], "good");
    EXPECT_FALSE(sidecar.shown().store.last_good);
    ASSERT_TRUE(sidecar.runs(Activity::survey));
    sidecar.end(Activity::survey, survey_of({}));
    EXPECT_TRUE(sidecar.runs(Activity::backup));
}

TEST(AnotherPlace, IsNotWhatASurveyUnderWayLooksAt) {
    Sidecar sidecar;
    reload(sidecar, nightly("another bucket"));
    sidecar.settle();
    EXPECT_FALSE(sidecar.shown().store.last_good);
    ASSERT_TRUE(sidecar.runs(Activity::survey));
    sidecar.end(Activity::survey, survey_of({}));
    EXPECT_TRUE(sidecar.runs(Activity::backup));
}

TEST(AnotherPlace, InheritsNoFailures) {
    Sidecar sidecar;
    sidecar.reach_backup();
    reload(sidecar, nightly("another bucket"));
    sidecar.end(Activity::backup, failed_run);
    EXPECT_FALSE(health::judge(sidecar.shown(), sidecar.world.now()).has(health::ReasonCode::failing));
    sidecar.end(Activity::survey, survey_of({}));
    EXPECT_TRUE(sidecar.runs(Activity::backup));
}

TEST(Listeners, ArePublished) {
    Sidecar sidecar;
    health::ListenersFacts listeners;
    listeners.pod = {"[::]:9847", health::Problem{"the port is taken", "free it"}};
    sidecar.supervisor.listening(listeners);
    sidecar.supervisor.turn();
    EXPECT_EQ(sidecar.shown().listeners.pod.problem->what, "the port is taken");
}

TEST(WhatIsKnown, IsPublishedOnlyWhenItChanged) {
    Sidecar sidecar;
    sidecar.settle();
    const auto published = sidecar.world.published.size();
    for (int i = 0; i < 100; ++i) {
        sidecar.pass(10s);
    }
    EXPECT_EQ(sidecar.world.published.size(), published);
}

}  // namespace
}  // namespace lifeboat::supervisor
