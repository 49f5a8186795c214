#include "health/render.hpp"

#include "support/sample_facts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace lifeboat::health {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using test::noon;
using testing::HasSubstr;

json healthz(const Facts& facts) {
    return json::parse(healthz_json(facts, judge(facts, noon), noon));
}

json status(const Facts& facts) {
    return json::parse(status_json(facts, judge(facts, noon), noon));
}

TEST(Healthz, SaysThatAllIsWell) {
    EXPECT_EQ(healthz(test::sample_facts()), json::parse(R"({
        "healthy": true, "reasons": [], "note": null, "instance": "basketball-api", "version": "1.2.3",
        "now": "2026-11-22T12:00:00Z", "last_good_backup": "2026-11-22T02:00:00Z", "last_good_drill": null,
        "next_run": "2026-11-23T02:02:00Z"})"));
}

TEST(Healthz, NamesEveryReason) {
    Facts facts = test::sample_facts();
    facts.settings.problems = {{"line 3: wrong", "mend it"}};
    facts.drained = DrainFacts{noon - 10min, noon + 50min};
    const auto said = healthz(facts);
    EXPECT_EQ(said["healthy"], false);
    ASSERT_EQ(said["reasons"].size(), 2U);
    EXPECT_EQ(said["reasons"][0]["code"], "misconfigured");
    EXPECT_THAT(said["reasons"][0]["message"].get<std::string>(), HasSubstr("line 3: wrong"));
    EXPECT_EQ(said["reasons"][0]["next"], "mend it");
    EXPECT_EQ(said["reasons"][1]["code"], "drained");
}

TEST(Status, ShowsWhatIsReportedToKubernetes) {
    auto facts = test::sample_facts();
    EXPECT_EQ(status(facts)["kubernetes"], json::array());
    auto& condition = facts.kubernetes.at(static_cast<std::size_t>(ReportObject::condition));
    condition = {true, noon, Problem{"no right", "give it"}, {}};
    EXPECT_EQ(status(facts)["kubernetes"], json::parse(R"([{"object": "condition", "written": "2026-11-22T12:00:00Z",
        "problem": {"what": "no right", "next": "give it"}}])"));
    EXPECT_TRUE(status(facts)["healthy"]) << "no backup needs it";
}

TEST(Status, ShowsWhatIsKnown) {
    auto facts = test::sample_facts();
    facts.running = RunningFacts{Activity::backup, "20261122T115900Z-0001", noon - 1min, "app", 700, 100, 5000};
    const auto said = status(facts);
    EXPECT_EQ(said["healthy"], true);
    EXPECT_EQ(said["turn"], json::parse(R"({"state": "ours", "because": null})"));
    EXPECT_EQ(said["schedule"], json::parse(R"({"due": "2026-11-23T02:00:00Z", "start": "2026-11-23T02:02:00Z",
        "because": "schedule", "overdue_after": 93600})"));
    EXPECT_EQ(said["running"], json::parse(R"({"activity": "backup", "id": "20261122T115900Z-0001",
        "since": "2026-11-22T11:59:00Z", "part": "app", "dumped_bytes": 700, "stored_bytes": 100,
        "estimated_bytes": 5000})"));
    EXPECT_EQ(said["last_good"], json::parse(R"({"id": "20261122T015600Z-7f3a", "started": "2026-11-22T01:56:00Z",
        "finished": "2026-11-22T02:00:00Z", "bytes": 1000, "dumped_bytes": 5000, "rows": null,
         "seconds": 240, "databases": ["app", "postgres"], "databases_left_out": 0, "failed_databases": [],
         "state": "good", "marks": [], "proven_at": null})"));
    EXPECT_EQ(said["store"], json::parse(R"({"surveyed": "2026-11-22T03:00:00Z", "problem": null,
         "problem_since": null, "limited": null, "backups": 2, "bytes": 2000, "hidden": [], "unfinished": [],
         "meddled": [], "doubt": null, "other_server": null, "last_good_due": null, "rules_unknown": null})"));
    EXPECT_EQ(said["drills"], json::parse(R"({"last": null, "last_good": null, "recipients": [],
        "require_within": null})"));
    EXPECT_EQ(said["runs"]["last"]["result"], "good");
    EXPECT_EQ(said["runs"]["counts"]["good"], 1);
    EXPECT_EQ(said["runs"]["counts"]["lock_held"], 0);
    EXPECT_EQ(said["listeners"]["pod"]["address"], "[::]:9847");
    EXPECT_EQ(said["backups"].size(), 2U);
    EXPECT_EQ(said["backups"][1]["id"], "20261121T015600Z-00aa");
}

TEST(Status, ShowsWhenABackupWasLastProven) {
    auto facts = test::sample_facts();
    facts.drill_within = std::chrono::hours(24);
    facts.store.drills.last = DrillFacts{"20261122T015600Z-7f3a", noon - 1min, false, "compare", 3, 1, std::nullopt};
    facts.store.drills.last_good = test::sample_drill(noon - 2h);
    facts.store.drills.recipients = {{"age1x", noon - 2h}, {"age1y", std::nullopt}};
    EXPECT_EQ(status(facts)["drills"], json::parse(R"({
        "last": {"backup": "20261122T015600Z-7f3a", "stored": "2026-11-22T11:59:00Z", "outcome": "failed",
                 "failed_step": "compare", "differences": 3, "checks_failed": 1, "restore_seconds": null},
        "last_good": {"backup": "20261121T015600Z-00aa", "stored": "2026-11-22T10:00:00Z", "outcome": "passed",
                      "failed_step": null, "differences": 0, "checks_failed": 0, "restore_seconds": 90.5},
        "recipients": [{"recipient": "age1x", "opened": "2026-11-22T10:00:00Z"},
                       {"recipient": "age1y", "opened": null}],
        "require_within": 86400})"));
    EXPECT_EQ(healthz(facts)["last_good_drill"], "2026-11-22T10:00:00Z");
}

TEST(Status, HasAllItsFieldsWhenNothingIsKnown) {
    const auto full = status(test::sample_facts());
    const auto empty = status(Facts{});
    for (const auto& [key, value] : full.items()) {
        EXPECT_TRUE(empty.contains(key)) << key;
    }
    EXPECT_EQ(empty["last_good"], nullptr);
    EXPECT_EQ(empty["running"], nullptr);
    EXPECT_EQ(empty["schedule"]["overdue_after"], nullptr);
    EXPECT_EQ(empty["instance"], nullptr);
}

TEST(Status, TellsEachDatabaseWithItsNewestCopy) {
    auto facts = test::sample_facts();
    facts.store.last_good->contents = {{"app", 700, 3500, 12, 9000}};
    EXPECT_EQ(status(facts)["databases"], json::parse(R"([
        {"name": "app", "backup": "20261122T015600Z-7f3a", "finished": "2026-11-22T02:00:00Z", "bytes": 700,
         "dumped_bytes": 3500, "tables": 12, "rows": 9000, "missing": false},
        {"name": "postgres", "backup": "20261122T015600Z-7f3a", "finished": "2026-11-22T02:00:00Z", "bytes": null,
         "dumped_bytes": null, "tables": null, "rows": null, "missing": false}])"));
}

TEST(Status, TellsThirtyDaysAndTodayLast) {
    const auto days = status(test::sample_facts())["days"];
    ASSERT_EQ(days.size(), 30U);
    EXPECT_EQ(days[29], json::parse(R"({"date": "2026-11-22", "state": "good", "backups": 1, "failed": 0,
        "backup": "20261122T015600Z-7f3a", "bytes": 1000, "seconds": 240})"));
    EXPECT_EQ(days[0], json::parse(R"({"date": "2026-10-24", "state": "none", "backups": 0, "failed": 0,
        "backup": null, "bytes": null, "seconds": null})"));
}

TEST(Status, TellsTheFailuresOfTheMonth) {
    auto facts = test::sample_facts();
    facts.runs.failures = {{RunResult::crashed, noon - 26h, noon - 25h, "", Problem{"died", "look"}}};
    const auto said = status(facts);
    EXPECT_EQ(said["runs"]["failures"][0], json::parse(R"({"result": "crashed", "started": "2026-11-21T10:00:00Z",
        "ended": "2026-11-21T11:00:00Z", "id": null, "problem": {"what": "died", "next": "look"}})"));
    EXPECT_EQ(said["days"][28]["failed"], 1);
    EXPECT_EQ(said["days"][28]["state"], "good") << "a day is known by the best that it has to show";
}

TEST(Status, SurvivesNamesThatAreNotUtf8) {
    auto facts = test::sample_facts();
    facts.store.last_good->databases = {"caf\xe9"};
    EXPECT_EQ(status(facts)["last_good"]["databases"][0], "caf\xef\xbf\xbd");
}

TEST(WarningText, IsOneShortLineThatNamesCodesAndTheFirstReason) {
    auto facts = test::sample_facts();
    facts.settings.problems = {{"line 3: wrong", "mend it"}};
    facts.drained = DrainFacts{noon - 10min, noon + 50min};
    EXPECT_EQ(
        warning_text(facts, judge(facts, noon)),
        "backups of basketball-api need attention (misconfigured, drained): the new settings are refused, and the "
        "ones before stay in force: line 3: wrong");
}

TEST(WarningText, StaysBelowTwoHundredBytes) {
    auto facts = test::sample_facts();
    facts.settings.problems = {{std::string(500, 'x'), ""}};
    const auto text = warning_text(facts, judge(facts, noon));
    EXPECT_LT(text.size(), 200U);
    EXPECT_THAT(text, testing::EndsWith("x..."));
}

TEST(WarningText, IsEmptyWhenAllIsWell) {
    EXPECT_EQ(warning_text(test::sample_facts(), judge(test::sample_facts(), noon)), "");
}

}  // namespace
}  // namespace lifeboat::health
