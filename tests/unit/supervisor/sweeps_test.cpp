// Sweeps: after good backups, at most hourly, and in nobody's way.
#include <gmock/gmock.h>

#include "fake_world.hpp"

namespace lifeboat::supervisor {
namespace {

using namespace std::chrono_literals;
using health::RunResult;

// A sidecar that makes a backup every ten minutes.
struct Busy : Sidecar {
    Busy() {
        supervisor.accept(nightly("bucket app", "*/10 * * * *"), Fields::object());
        supervisor.turn();
        end(Activity::survey, survey_of({}));
        world.signals.clear();  // new settings end a survey of the old ones
    }
    void next_backup() {
        while (!runs(Activity::backup)) {
            if (runs(Activity::survey)) {
                end(Activity::survey, survey_of(made));
            } else if (!wait_until([this] { return runs(Activity::survey) || runs(Activity::backup); })) {
                throw std::logic_error("no backup is started");
            }
        }
        made.push_back(backup_of(world.now(), world.now()));
        end_backup_well();
    }
    std::vector<health::BackupFacts> made;
};

TEST(ASweep, FollowsAGoodBackupAtMostHourly) {
    Busy sidecar;
    sidecar.next_backup();
    ASSERT_EQ(sidecar.world.count(Activity::sweep), 1);
    sidecar.end(Activity::sweep, SweepEnded{});
    const auto swept = sidecar.world.steady();
    while (sidecar.world.count(Activity::sweep) == 1) {
        sidecar.next_backup();
    }
    EXPECT_GE(sidecar.world.steady() - swept, 1h);
    EXPECT_LE(sidecar.world.steady() - swept, 1h + 10min);
}

TEST(ASweep, DoesNotFollowAFailedBackup) {
    Sidecar sidecar;
    sidecar.reach_backup();
    sidecar.end(Activity::backup, BackupEnded{RunResult::failed, std::nullopt, health::Problem{"no"}, {}});
    EXPECT_EQ(sidecar.world.count(Activity::sweep), 0);
}

TEST(ASweepThatHangs, DisturbsNeitherBackupsNorHealth) {
    Busy sidecar;
    sidecar.next_backup();
    ASSERT_TRUE(sidecar.runs(Activity::sweep));
    for (int i = 0; i < 12; ++i) {
        sidecar.next_backup();
        EXPECT_TRUE(health::judge(sidecar.shown(), sidecar.world.now()).healthy());
    }
    EXPECT_EQ(sidecar.world.count(Activity::sweep), 1);
    EXPECT_EQ(sidecar.world.signals.front(), std::pair(Activity::sweep, SIGTERM)) << "after its hour";
    EXPECT_EQ(sidecar.world.signals.back(), std::pair(Activity::sweep, SIGKILL));
    sidecar.end(Activity::sweep, killed);
    EXPECT_EQ(sidecar.last_told("sweep_failed").fields["error"], "it took too long and was ended");
}

TEST(ASweepThatEnds, LeavesWhatIsShownOfTheBackupAlone) {
    Busy sidecar;
    sidecar.next_backup();
    ASSERT_TRUE(sidecar.wait_until([&] {
        if (sidecar.runs(Activity::survey)) {
            sidecar.end(Activity::survey, survey_of(sidecar.made));
        }
        return sidecar.runs(Activity::backup);
    }));
    sidecar.say(Activity::backup, BackupBegan{"20261125T121000Z-7f3a", 1});
    sidecar.say(Activity::backup, BackupMoved{"app", 500, 100, std::nullopt});
    sidecar.end(Activity::sweep, SweepEnded{});
    EXPECT_EQ(sidecar.shown().running->activity, Activity::backup);
    EXPECT_EQ(sidecar.shown().running->part, "app");
    EXPECT_EQ(sidecar.shown().running->dumped_bytes, 500U);
}

TEST(ASweepThatGoesOn, IsShownOnceTheBackupHasEnded) {
    Busy sidecar;
    sidecar.next_backup();
    const TimePoint swept_since = sidecar.world.now();
    sidecar.next_backup();
    EXPECT_EQ(sidecar.shown().running->activity, Activity::sweep);
    EXPECT_EQ(sidecar.shown().running->since, swept_since);
}

TEST(ASweepThatFails, SaysWhy) {
    Busy sidecar;
    sidecar.next_backup();
    sidecar.end(Activity::sweep,
                WorkFailed{{"this key may not delete", "allow it, or let the bucket's rule do it"}, {}});
    EXPECT_EQ(sidecar.last_told("sweep_failed").fields["error"], "this key may not delete");
    EXPECT_EQ(sidecar.last_told("sweep_failed").fields["next"], "allow it, or let the bucket's rule do it");
    EXPECT_FALSE(sidecar.shown().store.problem) << "the store can be read all the same";
}

TEST(Sweeps, CanBeSwitchedOffWithoutKeepingTheLoopBusy) {
    Busy sidecar;
    sidecar.next_backup();
    sidecar.end(Activity::sweep, SweepEnded{});
    Orders orders = nightly();
    orders.sweeps = false;
    sidecar.next_backup();  // after which another sweep is wanted
    sidecar.supervisor.accept(orders, Fields::object());
    sidecar.supervisor.turn();
    sidecar.end(Activity::survey, survey_of(sidecar.made));
    int turns = 0;
    const auto end = sidecar.world.steady() + 5h;
    for (; sidecar.world.steady() < end && turns < 1000; ++turns) {
        sidecar.pass(std::max(*sidecar.supervisor.deadline() - sidecar.world.steady(), SteadyPoint::duration::zero()));
        if (sidecar.runs(Activity::survey)) {
            sidecar.end(Activity::survey, survey_of(sidecar.made));
        }
    }
    EXPECT_LT(turns, 50);
    EXPECT_EQ(sidecar.world.count(Activity::sweep), 1);
}

}  // namespace
}  // namespace lifeboat::supervisor
