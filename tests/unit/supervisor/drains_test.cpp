// `lifeboat drain`: lets go of the server, and starts nothing for an hour.
#include <gmock/gmock.h>

#include "fake_world.hpp"

namespace lifeboat::supervisor {
namespace {

using namespace std::chrono_literals;
using health::RunResult;
using testing::ElementsAre;

struct Drained : Sidecar {
    int replies = 0;

    void drain() {
        supervisor.drain([this] { ++replies; });
        supervisor.turn();
    }
};

TEST(ADrain, IsAnsweredAtOnceWhereNothingRuns) {
    Drained sidecar;
    sidecar.settle();
    sidecar.drain();
    EXPECT_EQ(sidecar.replies, 1);
    EXPECT_TRUE(sidecar.world.signals.empty());
    EXPECT_EQ(sidecar.shown().drained->until, sidecar.world.now() + 1h);
    EXPECT_EQ(sidecar.last_told("drained").fields["until"], "2026-11-25T13:00:00Z");
    EXPECT_TRUE(health::judge(sidecar.shown(), sidecar.world.now()).has(health::ReasonCode::drained));
}

TEST(ADrain, WaitsForASurveyWhichMayAskTheServerWhoItIs) {
    Drained sidecar;
    ASSERT_TRUE(sidecar.runs(Activity::survey));
    sidecar.drain();
    EXPECT_THAT(sidecar.world.signals, ElementsAre(std::pair(Activity::survey, SIGTERM)));
    EXPECT_EQ(sidecar.replies, 0);
    sidecar.end(Activity::survey, killed);
    EXPECT_EQ(sidecar.replies, 1);
    EXPECT_TRUE(sidecar.world.told("survey_failed").empty());
    sidecar.pass(1h);
    EXPECT_TRUE(sidecar.runs(Activity::survey)) << "it is made up for";
}

TEST(ADrain, IsToBeSeenByTheTimeItIsAnswered) {
    Sidecar sidecar;
    sidecar.settle();
    std::optional<health::DrainFacts> seen;
    sidecar.supervisor.drain([&] { seen = sidecar.shown().drained; });
    sidecar.supervisor.turn();
    EXPECT_TRUE(seen);
}

TEST(ADrain, IsAnsweredOnceTheBackupIsGone) {
    Drained sidecar;
    sidecar.reach_backup();
    sidecar.drain();
    sidecar.drain();
    EXPECT_THAT(sidecar.world.signals, ElementsAre(std::pair(Activity::backup, SIGTERM)));
    sidecar.pass(5s);
    EXPECT_EQ(sidecar.replies, 0);
    sidecar.end(Activity::backup, BackupEnded{RunResult::interrupted, std::nullopt, health::Problem{"stopped"}, {}});
    EXPECT_EQ(sidecar.replies, 2);
    EXPECT_EQ(sidecar.shown().runs.counts.of(RunResult::interrupted), 1U);
    EXPECT_EQ(sidecar.shown().runs.consecutive_failures, 0U);
    sidecar.drain();
    EXPECT_EQ(sidecar.replies, 3);
}

TEST(ADrain, KillsABackupThatDoesNotLetGoWithinSixSeconds) {
    Drained sidecar;
    sidecar.reach_backup();
    sidecar.drain();
    sidecar.pass(5900ms);
    sidecar.drain();  // does not put it off
    EXPECT_EQ(sidecar.world.signals.size(), 1U);
    sidecar.pass(100ms);
    EXPECT_THAT(sidecar.world.signals.back(), std::pair(Activity::backup, SIGKILL));
    sidecar.end(Activity::backup, killed);
    EXPECT_EQ(sidecar.replies, 2);
    EXPECT_EQ(sidecar.shown().runs.counts.of(RunResult::interrupted), 1U) << "we did it ourselves";
}

TEST(ADrain, StartsNothingForAnHourAndThenCatchesUp) {
    Drained sidecar;
    sidecar.reach_backup();
    const auto starts = sidecar.world.starts.size();
    sidecar.drain();
    sidecar.end(Activity::backup, BackupEnded{RunResult::interrupted, std::nullopt, health::Problem{"stopped"}, {}});
    sidecar.pass(59min + 59s);
    EXPECT_EQ(sidecar.world.starts.size(), starts);
    EXPECT_TRUE(sidecar.shown().drained);
    sidecar.pass(1s);
    EXPECT_FALSE(sidecar.shown().drained);
    EXPECT_EQ(sidecar.world.told("drain_ended").size(), 1U);
    const TimePoint ended = sidecar.world.now();
    sidecar.reach_backup();
    EXPECT_LE(sidecar.world.now(), ended + 2min);
}

TEST(ADrain, IsAllThereIsToWaitFor) {
    Drained sidecar;
    sidecar.settle();
    sidecar.drain();
    EXPECT_EQ(sidecar.supervisor.deadline(), sidecar.world.steady() + 1h);
    sidecar.pass(30min);
    sidecar.drain();  // anew from now on
    EXPECT_EQ(sidecar.supervisor.deadline(), sidecar.world.steady() + 1h);
}

TEST(ADrain, IsAnsweredBeforeThereAreSettings) {
    FakeWorld world(utc("2026-11-25T12:00:00Z"));
    Supervisor supervisor(world, first_facts(world));
    int replies = 0;
    supervisor.drain([&replies] { ++replies; });
    supervisor.turn();
    EXPECT_EQ(replies, 1);
    supervisor.accept(nightly(), Fields::object());
    supervisor.turn();
    EXPECT_TRUE(world.starts.empty());
}

}  // namespace
}  // namespace lifeboat::supervisor
