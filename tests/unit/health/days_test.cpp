#include "days.hpp"

#include "support/sample_facts.hpp"

#include <gtest/gtest.h>

namespace lifeboat::health {
namespace {

using namespace std::chrono_literals;
using test::noon;

BackupFacts backup_of(BackupState state, TimePoint started, const std::string& id = "x") {
    auto backup = test::sample_backup(id, started);
    backup.state = state;
    return backup;
}

Facts with(std::vector<BackupFacts> recent) {
    Facts facts;
    facts.store.recent = std::move(recent);
    return facts;
}

TEST(Days, AreThirtyInUtcAndTheLastIsToday) {
    const Facts facts;
    const auto days = days_of(facts, noon);
    EXPECT_EQ(days.size(), 30U);
    EXPECT_EQ(days.back().date, std::chrono::sys_days(std::chrono::year(2026) / 11 / 22));
    EXPECT_EQ(days.front().date, std::chrono::sys_days(std::chrono::year(2026) / 10 / 24));
    EXPECT_EQ(days.back().mark, DayMark::none);
}

TEST(Days, CountABackupForTheDayOnWhichItEnded) {
    const auto midnight = std::chrono::floor<std::chrono::days>(noon);
    const auto facts = with({backup_of(BackupState::good, midnight - 1min)});  // takes four
    const auto days = days_of(facts, noon);
    EXPECT_EQ(days[29].mark, DayMark::good);
    EXPECT_EQ(days[28].mark, DayMark::none);
}

TEST(Days, LeaveOutWhatIsOlderOrInTheFuture) {
    const auto facts = with({backup_of(BackupState::good, noon + 24h), backup_of(BackupState::good, noon - 31 * 24h)});
    for (const auto& day : days_of(facts, noon)) {
        EXPECT_EQ(day.backups, 0U);
    }
}

TEST(Days, AreKnownByTheBestOfThem) {
    auto facts = with({backup_of(BackupState::expired, noon - 4h), backup_of(BackupState::partial, noon - 3h),
                       backup_of(BackupState::marked, noon - 2h, "marked"), backup_of(BackupState::hidden, noon - 1h)});
    facts.runs.failures = {{RunResult::failed, noon - 30min, noon - 20min}};
    auto today = days_of(facts, noon).back();
    EXPECT_EQ(today.mark, DayMark::marked);
    EXPECT_EQ(today.backup->id, "marked");
    EXPECT_EQ(today.backups, 4U);
    EXPECT_EQ(today.failed, 1U);
    facts.store.recent.push_back(backup_of(BackupState::good, noon - 6h));
    EXPECT_EQ(days_of(facts, noon).back().mark, DayMark::good);
    facts.store.recent.back().proven_at = noon;
    EXPECT_EQ(days_of(facts, noon).back().mark, DayMark::proven);
}

TEST(Days, ShowTheNewestOfSeveralThatAreAsGood) {
    const auto facts =
        with({backup_of(BackupState::good, noon - 5h, "newest"), backup_of(BackupState::good, noon - 9h, "older"),
              backup_of(BackupState::good, noon - 7h, "between")});
    EXPECT_EQ(days_of(facts, noon).back().backup->id, "newest");
}

TEST(Days, KnowWhyTheNewestRunFailed) {
    Facts facts;
    facts.runs.failures = {{RunResult::crashed, noon - 1h, noon - 1h, "", Problem{"second"}},
                           {RunResult::failed, noon - 2h, noon - 2h, "", Problem{"first"}}};
    const auto today = days_of(facts, noon).back();
    EXPECT_EQ(today.mark, DayMark::failed);
    EXPECT_EQ(today.failed, 2U);
    EXPECT_EQ(today.failure->problem->what, "second");
}

TEST(Days, CountUnfinishedRunsOnceAndNotTheOneAtWork) {
    Facts facts;
    facts.store.unfinished = {noon - 1min, noon - 2h, noon - 26h};
    EXPECT_EQ(days_of(facts, noon).back().failed, 2U);
    facts.running = RunningFacts{Activity::backup, "", noon - 1min};
    EXPECT_EQ(days_of(facts, noon).back().failed, 1U);
    facts.runs.failures = {{RunResult::crashed, noon - 2h - 1s, noon - 1h}};
    EXPECT_EQ(days_of(facts, noon).back().failed, 1U) << "this process saw that one fail";
    EXPECT_EQ(days_of(facts, noon)[28].mark, DayMark::failed);
}

}  // namespace
}  // namespace lifeboat::health
