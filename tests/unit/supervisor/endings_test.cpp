// SIGTERM to the supervisor, from any state.
#include <gmock/gmock.h>

#include "fake_world.hpp"

namespace lifeboat::supervisor {
namespace {

using namespace std::chrono_literals;
using health::RunResult;
using testing::ElementsAre;
using testing::UnorderedElementsAre;

void stop(Sidecar& sidecar) {
    sidecar.supervisor.stop();
    sidecar.supervisor.turn();
}

TEST(AStop, IsDoneAtOnceWhereNothingRuns) {
    Sidecar sidecar;
    sidecar.settle();
    EXPECT_FALSE(sidecar.supervisor.finished());
    stop(sidecar);
    EXPECT_TRUE(sidecar.supervisor.finished());
    EXPECT_FALSE(sidecar.supervisor.deadline());
}

TEST(AStop, IsDoneAtOnceBeforeThereAreSettings) {
    FakeWorld world(utc("2026-11-25T12:00:00Z"));
    Supervisor supervisor(world, first_facts(world));
    supervisor.stop();
    EXPECT_TRUE(supervisor.finished());
}

TEST(AStop, EndsEveryChildAndKillsThoseThatStay) {
    Sidecar sidecar;
    sidecar.reach_backup();
    sidecar.end_backup_well();                               // its sweep begins
    sidecar.supervisor.accept(nightly(), Fields::object());  // and so does a survey
    sidecar.supervisor.turn();
    stop(sidecar);
    EXPECT_THAT(sidecar.world.signals,
                UnorderedElementsAre(std::pair(Activity::survey, SIGTERM), std::pair(Activity::sweep, SIGTERM)));
    sidecar.end(Activity::survey, WorkFailed{{"stopped"}, {}});
    EXPECT_FALSE(sidecar.supervisor.finished());
    EXPECT_TRUE(sidecar.world.told("survey_failed").empty()) << "it was told to stop";
    sidecar.pass(4199ms);
    EXPECT_EQ(sidecar.world.signals.size(), 2U);
    sidecar.pass(1ms);
    EXPECT_EQ(sidecar.world.signals.back(), std::pair(Activity::sweep, SIGKILL));
    sidecar.end(Activity::sweep, killed);
    EXPECT_TRUE(sidecar.supervisor.finished());
    EXPECT_TRUE(sidecar.world.told("sweep_failed").empty());
}

TEST(AStop, InterruptsABackupAndCountsNoFailure) {
    Sidecar sidecar;
    sidecar.reach_backup();
    stop(sidecar);
    sidecar.end(Activity::backup, killed);
    EXPECT_TRUE(sidecar.supervisor.finished());
    EXPECT_EQ(sidecar.shown().runs.counts.of(RunResult::interrupted), 1U);
    EXPECT_EQ(sidecar.shown().runs.consecutive_failures, 0U);
    EXPECT_FALSE(sidecar.last_told("backup_interrupted").fields.contains("next_run")) << "there is none";
}

TEST(AStop, DuringADrainShortensItsGrace) {
    Sidecar sidecar;
    sidecar.reach_backup();
    bool answered = false;
    sidecar.supervisor.drain([&answered] { answered = true; });
    sidecar.pass(1s);
    stop(sidecar);
    EXPECT_EQ(sidecar.world.signals.size(), 1U) << "it knows already";
    EXPECT_EQ(sidecar.supervisor.deadline(), sidecar.world.steady() + 4200ms);
    sidecar.pass(4200ms);
    sidecar.end(Activity::backup, killed);
    EXPECT_TRUE(answered);
    EXPECT_TRUE(sidecar.supervisor.finished());
}

TEST(AStop, OfAChildThatIsBeingEndedForItsLengthDoesNotPutThatOff) {
    Sidecar sidecar;
    sidecar.reach_backup();
    sidecar.pass(6h);
    sidecar.pass(9s);
    stop(sidecar);
    sidecar.pass(1s);
    EXPECT_EQ(sidecar.world.signals.back(), std::pair(Activity::backup, SIGKILL));
}

TEST(AChildStuckInTheKernel, IsKilledAgainWithoutHaste) {
    Sidecar sidecar;
    sidecar.reach_backup();
    stop(sidecar);
    sidecar.pass(4200ms);
    const auto sent = sidecar.world.signals.size();
    sidecar.pass(9s);
    EXPECT_EQ(sidecar.world.signals.size(), sent);
    sidecar.pass(1s);
    EXPECT_EQ(sidecar.world.signals.size(), sent + 1);
}

}  // namespace
}  // namespace lifeboat::supervisor
