// How retention.max_delete goes with the schedule.
#include "max_delete.hpp"

#include "config/show.hpp"
#include "given.hpp"

namespace lifeboat::config::testing {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Loaded loaded(const std::string& cron, const std::string& retention = "", const Sources& sources = no_sources()) {
    Attempt attempt = from_text("[schedule]\ncron = \"" + cron + "\"\n[retention]\n" + retention, sources);
    EXPECT_EQ(told(attempt), "") << cron;
    return std::move(attempt.loaded);
}

struct Scheduled {
    std::string cron;
    std::uint64_t in_a_day;
    unsigned max_delete;
};

class MaxDeleteByDefault : public ::testing::TestWithParam<Scheduled> {};

TEST_P(MaxDeleteByDefault, LetsADaysBackupsGo) {
    EXPECT_EQ(backups_in_a_day(GetParam().cron), GetParam().in_a_day);
    const Loaded by_default = loaded(GetParam().cron);
    EXPECT_EQ(by_default.settings.retention.max_delete, GetParam().max_delete);
    EXPECT_THAT(by_default.warnings, IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Config, MaxDeleteByDefault,
                         ::testing::Values(Scheduled{"17 2 * * *", 1, 10}, Scheduled{"@daily", 1, 10},
                                           Scheduled{"@yearly", 1, 10}, Scheduled{"@every 6h", 4, 10},
                                           Scheduled{"@every 36500d", 1, 10}, Scheduled{"0 */4 * * *", 6, 10},
                                           Scheduled{"0 */2 * * *", 12, 16},
                                           Scheduled{"*/15 8-18 * * mon-fri", 44, 48},  // no hour of them comes twice
                                           Scheduled{"@hourly", 24, 29}, Scheduled{"@every 1h", 24, 29},
                                           Scheduled{"*/15 * * * *", 96, 104}, Scheduled{"* * * * *", 1440, 1504},
                                           Scheduled{"@every 7h", 4, 10}, Scheduled{"@every 1s", 86400, 90004}));

TEST(MaxDelete, IsWhatTheOwnerSays) {
    EXPECT_EQ(loaded("@hourly", "max_delete = 24").settings.retention.max_delete, 24U);
    EXPECT_EQ(loaded("@hourly", "max_delete = 10").settings.retention.max_delete, 10U);
    EXPECT_EQ(loaded("17 2 * * *", "max_delete = 500").settings.retention.max_delete, 500U);
}

TEST(MaxDelete, FollowsTheScheduleOfAnySource) {
    Sources sources = no_sources();
    sources.environment = {{"LIFEBOAT_SCHEDULE_CRON", "@hourly"}};
    EXPECT_EQ(loaded("@daily", "", sources).settings.retention.max_delete, 29U);
    sources.environment = {{"LIFEBOAT_RETENTION_MAX_DELETE", "12"}};
    EXPECT_EQ(loaded("@hourly", "", sources).settings.retention.max_delete, 12U);
}

TEST(MaxDelete, IsShownWithWhatItFollowsFrom) {
    EXPECT_THAT(show(loaded("@hourly")), ContainsRegex("retention\\.max_delete +29 +default, by schedule\\.cron\n"));
    EXPECT_THAT(show_json(loaded("@hourly")), HasSubstr("\"default, by schedule.cron\""));
    EXPECT_THAT(show(loaded("@daily")), ContainsRegex("retention\\.max_delete +10 +default\n"));
    EXPECT_THAT(show(loaded("@hourly", "max_delete = 29")),
                ContainsRegex("retention\\.max_delete +29 +app\\.toml:4\n"));
}

TEST(AGivenMaxDelete, IsWarnedOfWhereItLetsNoDayGo) {
    EXPECT_THAT(loaded("@hourly", "max_delete = 10").warnings,
                ElementsAre(AllOf(HasSubstr("retention.max_delete is 10"), HasSubstr("up to 24 backups a day"),
                                  HasSubstr("none would ever go"), HasSubstr("raise it to 29"))));
    EXPECT_THAT(loaded("17 2 * * *", "max_delete = 0").warnings, ElementsAre(HasSubstr("up to 1 backup a day")));
}

TEST(AGivenMaxDelete, IsNotWarnedOfWhereADayCanGo) {
    EXPECT_THAT(loaded("@hourly", "max_delete = 24").warnings, IsEmpty());
    EXPECT_THAT(loaded("17 2 * * *", "max_delete = 10").warnings, IsEmpty());
    EXPECT_THAT(loaded("17 2 * * *", "max_delete = 1").warnings, IsEmpty());
}

TEST(AGivenMaxDelete, IsNotWarnedOfWhereBackupsFallDueOneByOne) {
    EXPECT_THAT(loaded("@hourly", "keep_days = 0\nkeep_last = 100\nmax_delete = 3").warnings, IsEmpty());
    EXPECT_THAT(loaded("@hourly", "keep_days = 2\nkeep_last = 72\nmax_delete = 3").warnings, IsEmpty());
    EXPECT_THAT(loaded("@hourly", "keep_days = 3\nkeep_last = 72\nmax_delete = 3").warnings,
                ElementsAre(HasSubstr("max_delete is 3")));
}

}  // namespace
}  // namespace lifeboat::config::testing
