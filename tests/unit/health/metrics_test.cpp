#include "health/render.hpp"

#include "support/sample_facts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

namespace lifeboat::health {
namespace {

using namespace std::chrono_literals;
using test::noon;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

std::vector<std::string> lines(const Facts& facts, TimePoint now = noon) {
    std::istringstream text(metrics_text(facts, judge(facts, now), 1500ms));
    std::vector<std::string> all;
    for (std::string line; std::getline(text, line);) {
        all.push_back(line);
    }
    return all;
}

void expect_samples(const Facts& facts, const std::vector<std::string>& wanted) {
    const auto all = lines(facts);
    for (const auto& sample : wanted) {
        EXPECT_THAT(all, testing::Contains(sample));
    }
}

std::string text(const Facts& facts) {
    return metrics_text(facts, judge(facts, noon), 0s);
}

TEST(Metrics, AllBeginWithOurName) {
    const auto all = lines(test::sample_facts());
    EXPECT_GT(all.size(), 50U);
    for (const auto& line : all) {
        EXPECT_THAT(line, testing::AnyOf(StartsWith("lifeboat_"), StartsWith("# HELP lifeboat_"),
                                         StartsWith("# TYPE lifeboat_")));
    }
}

TEST(Metrics, TellOfDrillsAndOfNoneWhereThereWasNone) {
    auto facts = test::sample_facts();
    EXPECT_THAT(text(facts), Not(testing::AnyOf(HasSubstr("lifeboat_last_drill"), HasSubstr("_proven_restore_"),
                                                HasSubstr("lifeboat_recipient_"), HasSubstr("lifeboat_drill_"))));
    facts.drill_within = 24h;
    facts.store.drills.last_good = test::sample_drill(noon - 10h);
    facts.store.drills.last = test::sample_drill(noon - 9h);
    facts.store.drills.last->passed = false;
    facts.store.drills.recipients = {{"age1never", std::nullopt}, {"age1opened", noon - 10h}};
    facts.store.drills.unanswered = facts.store.drills.last;
    expect_samples(facts,
                   {"lifeboat_last_proven_restore_timestamp_seconds 1795312800",
                    "lifeboat_last_proven_restore_duration_seconds 90.5",
                    "lifeboat_last_drill_timestamp_seconds 1795316400", "lifeboat_last_drill_passed 0",
                    "lifeboat_recipient_opened_timestamp_seconds{recipient=\"age1opened\"} 1795312800",
                    "lifeboat_drill_required_within_seconds 86400", "lifeboat_unhealthy{reason=\"unproven\"} 1"});
    EXPECT_THAT(text(facts), Not(HasSubstr("age1never"))) << "what never was is absent";
}

TEST(Metrics, TellOfAGoodBackup) {
    expect_samples(test::sample_facts(), {"lifeboat_build_info{version=\"1.2.3\"} 1",
                                          "lifeboat_instance_info{name=\"basketball-api\"} 1",
                                          "lifeboat_healthy 1",
                                          "lifeboat_heartbeat_age_seconds 1.5",
                                          "lifeboat_last_success_timestamp_seconds 1795312800",
                                          "lifeboat_last_success_duration_seconds 240",
                                          "lifeboat_last_success_stored_bytes 1000",
                                          "lifeboat_last_success_dumped_bytes 5000",
                                          "lifeboat_last_success_databases 2",
                                          "lifeboat_next_run_timestamp_seconds 1795399320",
                                          "lifeboat_overdue_after_seconds 93600",
                                          "lifeboat_stored_backups 2",
                                          "lifeboat_stored_bytes 2000",
                                          "lifeboat_store_readable 1",
                                          "lifeboat_runs_total{result=\"good\"} 1",
                                          "lifeboat_runs_total{result=\"overrun\"} 0",
                                          "lifeboat_last_run_result{result=\"good\"} 1",
                                          "lifeboat_last_run_result{result=\"failed\"} 0",
                                          "lifeboat_turn{turn=\"ours\"} 1",
                                          "lifeboat_turn{turn=\"not_ours\"} 0",
                                          "lifeboat_running{activity=\"backup\"} 0",
                                          "lifeboat_listener_bound{listener=\"pod\"} 1",
                                          "lifeboat_config_valid 1"});
}

TEST(Metrics, ShowWhatIsReportedToKubernetesAndNothingWhereNothingIs) {
    auto facts = test::sample_facts();
    EXPECT_THAT(text(facts), Not(HasSubstr("kubernetes")));
    auto& events = facts.kubernetes.at(static_cast<std::size_t>(ReportObject::event));
    events.wanted = true;
    events.counts.at(static_cast<std::size_t>(ReportResult::denied)) = 3;
    expect_samples(facts, {"lifeboat_kubernetes_reports_total{object=\"event\",result=\"denied\"} 3",
                           "lifeboat_kubernetes_reports_total{object=\"event\",result=\"written\"} 0"});
    EXPECT_THAT(text(facts), Not(HasSubstr("configmap")));
    EXPECT_THAT(text(facts), Not(HasSubstr("last_report")));
    events.written = noon;
    expect_samples(facts, {"lifeboat_kubernetes_last_report_timestamp_seconds{object=\"event\"} 1795348800"});
}

TEST(Metrics, ShowEveryReasonAsZeroOrOne) {
    auto facts = test::sample_facts();
    facts.drained = DrainFacts{noon - 10min, noon + 50min};
    for (const auto code : reason_codes) {
        const std::string value = code == ReasonCode::drained ? "1" : "0";
        expect_samples(facts, {"lifeboat_unhealthy{reason=\"" + std::string(name_of(code)) + "\"} " + value});
    }
    expect_samples(facts, {"lifeboat_healthy 0", "lifeboat_drained 1"});
}

TEST(Metrics, LeaveOutWhatIsNotKnown) {
    EXPECT_THAT(text(test::sample_facts()), Not(HasSubstr("lifeboat_last_success_rows")));
    const auto unknown = text(Facts{});
    for (const auto* name : {"last_success", "next_run", "stored_bytes", "stored_backups", "last_run",
                             "survey_timestamp", "overdue_after", "running_stored"}) {
        EXPECT_THAT(unknown, Not(HasSubstr(name)));
    }
    expect_samples(Facts{}, {"lifeboat_store_readable 0", "lifeboat_config_valid 0", "lifeboat_healthy 0",
                             "lifeboat_listener_bound{listener=\"pod\"} 0"});
}

TEST(Metrics, FollowARunningBackup) {
    auto facts = test::sample_facts();
    facts.running = RunningFacts{Activity::backup, "20261122T115900Z-0001", noon - 1min, "app", 700, 100, 5000};
    expect_samples(facts, {"lifeboat_running{activity=\"backup\"} 1", "lifeboat_running{activity=\"sweep\"} 0",
                           "lifeboat_running_start_timestamp_seconds 1795348740", "lifeboat_running_dumped_bytes 700",
                           "lifeboat_running_stored_bytes 100"});
}

TEST(Metrics, CountReloadsByOutcome) {
    auto facts = test::sample_facts();
    facts.settings.reloads_applied = 4;
    facts.settings.reloads_refused = 1;
    facts.settings.problems = {{"line 3", ""}};
    facts.runs.store_retries = 17;
    expect_samples(facts, {"lifeboat_config_reloads_total{outcome=\"applied\"} 4",
                           "lifeboat_config_reloads_total{outcome=\"refused\"} 1", "lifeboat_config_valid 0",
                           "lifeboat_store_retries_total 17"});
}

TEST(Metrics, ShowSizesBeyondSixDigitsExactly) {
    auto facts = test::sample_facts();
    facts.store.bytes = 1'234'567'890'123;
    expect_samples(facts, {"lifeboat_stored_bytes 1234567890123"});
}

// Names of databases are as many as the owner likes: they would be as many time series.
TEST(Metrics, HaveNoLabelWithADatabaseOrABackup) {
    auto facts = test::sample_facts();
    facts.store.hidden = {"20261101T021700Z-aaaa"};
    EXPECT_THAT(text(facts), AllOf(Not(HasSubstr("\"postgres\"")), Not(HasSubstr("20261"))));
}

}  // namespace
}  // namespace lifeboat::health
