// Prunes: after good backups, again while something stops them, and in nobody's way.
#include <gmock/gmock.h>

#include "fake_world.hpp"

namespace lifeboat::supervisor {
namespace {

using namespace std::chrono_literals;
using health::Problem;
using health::ReasonCode;
using health::RunResult;

Orders pruning(const std::string& place = "bucket app") {
    Orders orders = nightly(place);
    orders.prunes = true;
    return orders;
}

// A good backup of this night is in the store; the next is due at 02:17.
struct Pruning : Sidecar {
    Pruning() {
        supervisor.accept(pruning(), Fields::object());
        supervisor.turn();
        end(Activity::survey, survey_of({backup_of(utc("2026-11-25T02:17:00Z"), utc("2026-11-25T02:21:00Z"))}));
    }
    void next_backup() {
        reach_backup();
        end_backup_well();
        if (runs(Activity::sweep)) {
            end(Activity::sweep, SweepEnded{});
        }
    }
    [[nodiscard]] bool tells_prune_stopped() const {
        return health::judge(shown(), world.now()).has(ReasonCode::prune_stopped);
    }
};

TEST(APrune, FollowsEachGoodBackupAndNothingElse) {
    Pruning sidecar;
    EXPECT_EQ(sidecar.world.count(Activity::prune), 0) << "nothing was made yet";
    sidecar.reach_backup();
    sidecar.end(Activity::backup, BackupEnded{RunResult::failed, std::nullopt, Problem{"no"}, {}});
    EXPECT_EQ(sidecar.world.count(Activity::prune), 0);
    sidecar.next_backup();
    EXPECT_EQ(sidecar.world.count(Activity::prune), 1);
    sidecar.end(Activity::prune, PruneEnded{2, 500, {}, {}});
    sidecar.next_backup();
    EXPECT_EQ(sidecar.world.count(Activity::prune), 2);
    sidecar.end(Activity::prune, PruneEnded{1, 100, {}, {}});
    EXPECT_EQ(sidecar.shown().prune.backups, 3U);
    EXPECT_EQ(sidecar.shown().prune.bytes, 600U);
    EXPECT_EQ(sidecar.shown().prune.last, sidecar.world.now());
}

TEST(APrune, IsSwitchedOffBySettings) {
    Sidecar sidecar;  // without
    sidecar.reach_backup();
    sidecar.end_backup_well();
    EXPECT_EQ(sidecar.world.count(Activity::prune), 0);
}

TEST(APruneThatHangs, DisturbsNeitherBackupsNorHealth) {
    Pruning sidecar;
    sidecar.next_backup();
    ASSERT_TRUE(sidecar.runs(Activity::prune));
    sidecar.next_backup();
    EXPECT_TRUE(health::judge(sidecar.shown(), sidecar.world.now()).healthy());
    EXPECT_EQ(sidecar.world.count(Activity::prune), 1);
    sidecar.pass(Limits{}.grace);  // that backup may have begun within it
    EXPECT_EQ(sidecar.world.signals.back(), std::pair(Activity::prune, SIGKILL)) << "after its hour";
    sidecar.end(Activity::prune, killed);
    EXPECT_EQ(sidecar.last_told("prune_failed").fields["error"], "it took too long and was ended");
    EXPECT_EQ(sidecar.world.count(Activity::prune), 2) << "that of the second backup";
}

TEST(APruneThatIsStopped, IsAReasonAndIsTriedAgainHourlyUntilSomebodyActed) {
    Pruning sidecar;
    sidecar.next_backup();
    sidecar.end(Activity::prune, PruneEnded{0, 0, Problem{"11 would go", "look"}, {}});
    EXPECT_TRUE(sidecar.tells_prune_stopped());
    const auto first = sidecar.world.steady();
    for (int hour = 1; hour <= 3; ++hour) {
        ASSERT_TRUE(sidecar.wait_until([&] {
            if (sidecar.runs(Activity::survey)) {
                sidecar.end(Activity::survey, survey_of({backup_of(sidecar.world.now(), sidecar.world.now())}));
            }
            return sidecar.runs(Activity::prune);
        }));
        EXPECT_EQ(sidecar.world.steady() - first, hour * 1h);
        sidecar.end(Activity::prune, PruneEnded{0, 0, Problem{"11 would go", "look"}, {}});
    }
    EXPECT_EQ(sidecar.world.told("prune_stopped").size(), 1U) << "the same is told once";
    sidecar.supervisor.accept(pruning(), Fields::object());
    sidecar.supervisor.turn();
    ASSERT_TRUE(sidecar.runs(Activity::prune)) << "other settings are a reason to try at once";
    sidecar.end(Activity::prune, PruneEnded{11, 1000, {}, {}});
    EXPECT_FALSE(sidecar.tells_prune_stopped());
}

TEST(APruneThatIsStopped, IsNoReasonAnyMoreOnceItIsSwitchedOffOrOfAnotherPlace) {
    for (const auto& next : {nightly(), pruning("another app")}) {
        Pruning sidecar;
        sidecar.next_backup();
        sidecar.end(Activity::prune, PruneEnded{0, 0, Problem{"11 would go", "look"}, {}});
        ASSERT_TRUE(sidecar.tells_prune_stopped());
        sidecar.supervisor.accept(next, Fields::object());
        sidecar.supervisor.turn();
        EXPECT_FALSE(sidecar.tells_prune_stopped());
        EXPECT_FALSE(sidecar.runs(Activity::prune));
    }
}

TEST(APruneUnderWay, IsEndedByNewSettingsAndBeginsAgainByThem) {
    for (const bool still : {true, false}) {
        Pruning sidecar;
        sidecar.next_backup();
        ASSERT_TRUE(sidecar.runs(Activity::prune));
        sidecar.supervisor.accept(still ? pruning() : nightly(), Fields::object());
        sidecar.supervisor.turn();
        EXPECT_EQ(sidecar.world.signals.back(), std::pair(Activity::prune, SIGTERM)) << "nothing more goes";
        sidecar.end(Activity::prune, PruneEnded{2, 100, Problem{"11 would go", "look"}, {}});
        EXPECT_EQ(sidecar.shown().prune.backups, 2U);
        EXPECT_FALSE(sidecar.tells_prune_stopped()) << "that was by the old rules";
        EXPECT_EQ(sidecar.runs(Activity::prune), still);
    }
}

TEST(APruneUnderWay, IsNotFollowedByOneOfAnotherPlaceWhereNothingWasMade) {
    Pruning sidecar;
    sidecar.next_backup();
    sidecar.supervisor.accept(pruning("another app"), Fields::object());
    sidecar.supervisor.turn();
    sidecar.end(Activity::prune, killed);
    EXPECT_FALSE(sidecar.runs(Activity::prune));
}

TEST(APruneUnderWay, IsTriedOnceMoreAtOnceWhereSomebodyAskedMeanwhile) {
    Pruning sidecar;
    sidecar.next_backup();
    sidecar.supervisor.wish_retry();
    sidecar.supervisor.turn();
    EXPECT_EQ(sidecar.world.count(Activity::prune), 1);
    sidecar.end(Activity::prune, PruneEnded{0, 0, Problem{"11 would go", "look"}, {}});
    EXPECT_EQ(sidecar.world.count(Activity::prune), 2);
    sidecar.end(Activity::prune, PruneEnded{0, 0, Problem{"11 would go", "look"}, {}});
    EXPECT_EQ(sidecar.world.count(Activity::prune), 2);
    EXPECT_TRUE(sidecar.tells_prune_stopped());
}

TEST(AKeyThatCannotDelete, IsNoReasonAndIsToldOnce) {
    Pruning sidecar;
    for (int night = 0; night < 3; ++night) {
        sidecar.next_backup();
        sidecar.end(Activity::prune, PruneEnded{0, 0, {}, Problem{"this key may not delete", "let another"}});
        EXPECT_FALSE(sidecar.tells_prune_stopped());
    }
    ASSERT_EQ(sidecar.world.told("prune_not_possible").size(), 1U);
    EXPECT_EQ(sidecar.world.told("prune_not_possible")[0].level, log::LogLevel::info);
    EXPECT_EQ(sidecar.world.told("prune_not_possible")[0].fields["next"], "let another");
}

TEST(APruneThatFails, SaysWhyAndIsNotHealths) {
    Pruning sidecar;
    sidecar.next_backup();
    sidecar.end(Activity::prune, WorkFailed{{"the store is away", "wait"}, {}});
    EXPECT_EQ(sidecar.last_told("prune_failed").fields["error"], "the store is away");
    EXPECT_FALSE(sidecar.tells_prune_stopped());
    EXPECT_FALSE(sidecar.shown().store.problem);
}

TEST(APruneOfAnotherPlace, CountsForNothing) {
    Pruning sidecar;
    sidecar.next_backup();
    sidecar.supervisor.accept(pruning("another app"), Fields::object());
    sidecar.supervisor.turn();
    sidecar.end(Activity::prune, PruneEnded{3, 100, Problem{"11 would go", "look"}, {}});
    EXPECT_EQ(sidecar.shown().prune.backups, 0U);
    EXPECT_FALSE(sidecar.tells_prune_stopped());
}

}  // namespace
}  // namespace lifeboat::supervisor
