#include "health/recent.hpp"

#include "databases.hpp"
#include "support/sample_facts.hpp"

#include <gtest/gtest.h>

namespace lifeboat::health {
namespace {

using namespace std::chrono_literals;
using test::noon;

std::size_t names_in(const std::vector<BackupFacts>& backups) {
    std::size_t names = 0;
    for (const auto& backup : backups) {
        names += backup.databases.size();
    }
    return names;
}

TEST(Recent, KeepsTheNewestBackups) {
    std::vector<BackupFacts> backups;
    for (int i = 0; i < 1200; ++i) {
        backups.push_back(test::sample_backup(std::to_string(i), noon - i * 30min));
    }
    std::reverse(backups.begin(), backups.end());
    keep_recent(backups);
    ASSERT_EQ(backups.size(), most_recent_backups);
    EXPECT_EQ(backups.front().id, "0");
    EXPECT_EQ(backups.back().id, "999");
}

TEST(Recent, CarriesSoManyNamesAndCountsTheRest) {
    std::vector<BackupFacts> backups;
    for (int i = 0; i < 30; ++i) {
        backups.push_back(test::sample_backup(std::to_string(i), noon - i * 24h));
        backups.back().databases.assign(900, "a database");
        backups.back().contents.resize(900);
    }
    keep_recent(backups);
    EXPECT_EQ(names_in(backups), most_recent_names);
    EXPECT_EQ(backups[0].databases.size(), 900U);
    EXPECT_EQ(backups[0].names_left_out, 0U);
    EXPECT_EQ(backups[11].names_left_out, 800U);
    EXPECT_EQ(backups[29].names_left_out, 900U);
    EXPECT_TRUE(backups[0].contents.empty());

    backups.insert(backups.begin(), backups.front());
    keep_recent(backups);
    EXPECT_EQ(backups[12].databases.size() + backups[12].names_left_out, 900U)
        << "none is counted twice, and none lost";
    EXPECT_EQ(names_in(backups), most_recent_names);
}

TEST(Recent, ForgetsFailuresAfterThirtyDaysOrWhenThereAreMany) {
    std::vector<RunFacts> failures;
    for (int i = 0; i < 40; ++i) {
        failures.push_back({RunResult::failed, noon - i * 24h, noon - i * 24h});
    }
    keep_recent(failures, noon);
    EXPECT_EQ(failures.size(), 31U);
    failures.assign(500, {RunResult::failed, noon, noon});
    keep_recent(failures, noon);
    EXPECT_EQ(failures.size(), most_recent_failures);
}

TEST(Databases, ShowTheNewestCopyOfEach) {
    auto facts = test::sample_facts();
    facts.store.last_good->contents = {{"app", 10}, {"postgres", 20}};
    auto partial = test::sample_backup("partial", noon - 1h);
    partial.databases = {"postgres", "new"};
    partial.contents = {{"postgres", 30}, {"new", 5}};
    partial.failed_databases = {"app", "", "never seen"};
    facts.store.newest_partial = partial;

    const auto states = databases_of(facts.store);
    ASSERT_EQ(states.size(), 5U);
    EXPECT_EQ(states[0].name, "app") << "those that are missing, the largest first";
    EXPECT_TRUE(states[0].missing);
    EXPECT_EQ(states[0].backup->id, "20261122T015600Z-7f3a") << "the older copy stands";
    EXPECT_EQ(states[0].contents->stored_bytes, 10U);
    EXPECT_EQ(states[1].name, "");
    EXPECT_EQ(states[2].name, "never seen");
    EXPECT_EQ(states[2].backup, nullptr);
    EXPECT_EQ(states[3].name, "postgres");
    EXPECT_EQ(states[3].contents->stored_bytes, 30U);
    EXPECT_EQ(states[3].backup->id, "partial");
    EXPECT_FALSE(states[4].missing);
}

TEST(Databases, HaveNoSizesWhereTheNewerCopyHasNone) {
    auto facts = test::sample_facts();
    facts.store.last_good->contents = {{"app", 10}};
    facts.store.newest_partial = test::sample_backup("partial", noon - 1h);
    for (const auto& state : databases_of(facts.store)) {
        EXPECT_EQ(state.contents, nullptr) << state.name;
    }
}

}  // namespace
}  // namespace lifeboat::health
