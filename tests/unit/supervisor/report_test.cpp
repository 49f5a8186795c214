#include "supervisor/report.hpp"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace lifeboat::supervisor {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;

const health::TimePoint noon = std::chrono::sys_days(std::chrono::year(2026) / 11 / 25) + 12h;

health::BackupFacts full_backup() {
    health::BackupFacts backup;
    backup.id = "20261125T120000Z-7f3a";
    backup.started = noon;
    backup.finished = noon + 4min + 250ms;
    backup.stored_bytes = ~std::uint64_t{0};
    backup.dumped_bytes = 5000;
    backup.rows = 0;
    backup.databases = {"app", "with \"quotes\"\nand a line"};
    backup.state = health::BackupState::partial;
    backup.failed_databases = {"", "shop"};
    backup.contents = {{"app", 700, 3500, 12, 0}, {"with \"quotes\"\nand a line", 1, 2}};
    backup.proven_at = noon + 3h;
    backup.names_left_out = 7;
    return backup;
}

void expect_same(const health::BackupFacts& got, const health::BackupFacts& given) {
    EXPECT_EQ(got.id, given.id);
    EXPECT_EQ(got.started, given.started);
    EXPECT_EQ(got.finished, given.finished);
    EXPECT_EQ(got.stored_bytes, given.stored_bytes);
    EXPECT_EQ(got.dumped_bytes, given.dumped_bytes);
    EXPECT_EQ(got.rows, given.rows);
    EXPECT_EQ(got.databases, given.databases);
    EXPECT_EQ(got.state, given.state);
    EXPECT_EQ(got.failed_databases, given.failed_databases);
    EXPECT_EQ(got.proven_at, given.proven_at);
    EXPECT_EQ(got.names_left_out, given.names_left_out);
    ASSERT_EQ(got.contents.size(), given.contents.size());
    for (std::size_t i = 0; i < got.contents.size(); ++i) {
        EXPECT_EQ(got.contents[i].name, given.contents[i].name);
        EXPECT_EQ(got.contents[i].stored_bytes, given.contents[i].stored_bytes);
        EXPECT_EQ(got.contents[i].dumped_bytes, given.contents[i].dumped_bytes);
        EXPECT_EQ(got.contents[i].tables, given.contents[i].tables);
        EXPECT_EQ(got.contents[i].rows, given.contents[i].rows);
    }
}

void expect_same(const health::DrillFacts& got, const health::DrillFacts& given) {
    EXPECT_EQ(got.backup, given.backup);
    EXPECT_EQ(got.stored, given.stored);
    EXPECT_EQ(got.passed, given.passed);
    EXPECT_EQ(got.failed_step, given.failed_step);
    EXPECT_EQ(got.differences, given.differences);
    EXPECT_EQ(got.checks_failed, given.checks_failed);
    EXPECT_EQ(got.restore_took, given.restore_took);
}

template <class T>
T there_and_back(const T& report) {
    const std::string line = to_line(report);
    EXPECT_EQ(line.find('\n'), line.size() - 1) << "one line, whatever stands in it";
    auto read = from_line(std::string_view(line).substr(0, line.size() - 1));
    if (!read || !std::holds_alternative<T>(*read)) {
        ADD_FAILURE() << line;
        return {};
    }
    return std::get<T>(*read);
}

bool is_refused(const std::string& line) {
    const auto read = from_line(line);
    if (read) {
        return false;
    }
    EXPECT_EQ(read.error().kind, ErrorKind::corrupt);
    EXPECT_THAT(read.error().what + read.error().detail, Not(HasSubstr("secret")));
    return true;
}

TEST(EveryReport, ComesThrough) {
    const auto began = there_and_back(BackupBegan{"20261125T120000Z-7f3a", 3, "7412"});
    EXPECT_EQ(began.id, "20261125T120000Z-7f3a");
    EXPECT_EQ(began.databases, 3U);

    const auto moved = there_and_back(BackupMoved{"app", 10, ~std::uint64_t{0}, 30});
    EXPECT_EQ(moved.part, "app");
    EXPECT_EQ(moved.dumped_bytes, 10U);
    EXPECT_EQ(moved.stored_bytes, ~std::uint64_t{0});
    EXPECT_EQ(moved.estimated_bytes, 30U);
    EXPECT_FALSE(there_and_back(BackupMoved{"app", 1, 2, std::nullopt}).estimated_bytes);

    there_and_back(StoreAskedAgain{});
    there_and_back(SweepEnded{});

    const auto failed = there_and_back(WorkFailed{{"what", "next"}, "detail"});
    EXPECT_EQ(failed.problem.what, "what");
    EXPECT_EQ(failed.problem.next, "next");
    EXPECT_EQ(failed.detail, "detail");
}

TEST(EveryReport, OfARunComesThroughWithEachResult) {
    for (const auto result : health::run_results) {
        const auto ended = there_and_back(
            BackupEnded{result, full_backup(), health::Problem{"some failed", "mend them"}, "in detail"});
        EXPECT_EQ(ended.result, result);
        expect_same(*ended.backup, full_backup());
        EXPECT_EQ(ended.problem->what, "some failed");
        EXPECT_EQ(ended.problem->next, "mend them");
        EXPECT_EQ(ended.detail, "in detail");
    }
    const auto yielded = there_and_back(BackupEnded{health::RunResult::yielded,
                                                    std::nullopt,
                                                    health::Problem{"gave way", "later"},
                                                    {},
                                                    YieldedTo{"ALTER TABLE", "another time"}});
    EXPECT_EQ(yielded.yielded_to->name, "ALTER TABLE");
    EXPECT_EQ(yielded.yielded_to->cure, "another time");
    const auto bare = there_and_back(BackupEnded{});
    EXPECT_FALSE(bare.yielded_to);
    EXPECT_FALSE(bare.backup);
    EXPECT_FALSE(bare.problem);
}

TEST(EveryReport, OfASurveyComesThrough) {
    SurveyEnded survey;
    survey.store.last_good = full_backup();
    survey.store.last_good->state = health::BackupState::good;
    survey.store.newest_partial = full_backup();
    survey.store.recent = {full_backup(), *survey.store.last_good};
    survey.store.unfinished = {noon - 1h, noon - 26h};
    survey.store.backups = 12;
    survey.store.bytes = 1U << 31U;
    survey.store.hidden = {"20261101T120000Z-7f3a"};
    survey.store.meddled = {"x (somebody hid y)"};
    survey.store.doubt = health::DoubtFacts{"a", "b is gone", 3, "c", noon - 5h};
    survey.store.other_server = health::Problem{"two servers", "rename one"};
    survey.store.lineage_note = "not compared";
    survey.store.expiry = {noon + 9h, 7h, "forbidden"};
    survey.server = "7412345678901234567";
    survey.store.drills.last = health::DrillFacts{"20261101T120000Z-7f3a", noon, false, "restore", 3, 1, std::nullopt};
    survey.store.drills.unanswered = survey.store.drills.last;
    survey.store.drills.last_good = health::DrillFacts{"20261102T120000Z-7f3a", noon - 1h, true, "", 0, 0, 90'500ms};
    survey.store.drills.recipients = {{"age1x", noon - 1h}, {"age1y", std::nullopt}};
    survey.runs.good = {noon - 24h, noon};
    survey.runs.failed = {{noon - 2h, noon - 1h}, {noon - 1s, std::nullopt}};
    survey.newest_id = "20261125T120000Z-7f3a";
    survey.limited = health::Problem{"this key may not list", "allow it"};

    const auto got = there_and_back(survey);
    expect_same(*got.store.last_good, *survey.store.last_good);
    expect_same(*got.store.newest_partial, *survey.store.newest_partial);
    expect_same(*got.store.drills.last, *survey.store.drills.last);
    expect_same(*got.store.drills.last_good, *survey.store.drills.last_good);
    expect_same(*got.store.drills.unanswered, *survey.store.drills.unanswered);
    ASSERT_EQ(got.store.drills.recipients.size(), 2U);
    EXPECT_EQ(got.store.drills.recipients[0].recipient, "age1x");
    EXPECT_EQ(got.store.drills.recipients[0].opened, noon - 1h);
    EXPECT_FALSE(got.store.drills.recipients[1].opened);
    EXPECT_EQ(got.store.unfinished, survey.store.unfinished);
    ASSERT_EQ(got.store.recent.size(), 2U);
    expect_same(got.store.recent[1], *survey.store.last_good);
    EXPECT_EQ(got.store.backups, 12U);
    EXPECT_EQ(got.store.bytes, 1U << 31U);
    EXPECT_EQ(got.store.hidden, survey.store.hidden);
    EXPECT_EQ(got.store.meddled, survey.store.meddled);
    EXPECT_EQ(got.store.doubt->since, "a");
    EXPECT_EQ(got.store.doubt->reason, "b is gone");
    EXPECT_EQ(got.store.doubt->marked, 3U);
    EXPECT_EQ(got.store.doubt->newest, "c");
    EXPECT_EQ(got.store.doubt->newest_finished, noon - 5h);
    EXPECT_EQ(got.store.other_server->what, "two servers");
    EXPECT_EQ(got.store.lineage_note, "not compared");
    EXPECT_EQ(got.store.expiry.last_good_due, noon + 9h);
    EXPECT_EQ(got.store.expiry.warning, 7h);
    EXPECT_EQ(got.store.expiry.unknown, "forbidden");
    EXPECT_EQ(got.server, survey.server);
    EXPECT_EQ(got.runs.good, survey.runs.good);
    ASSERT_EQ(got.runs.failed.size(), 2U);
    EXPECT_EQ(got.runs.failed[0].started, noon - 2h);
    EXPECT_EQ(got.runs.failed[0].ended, noon - 1h);
    EXPECT_FALSE(got.runs.failed[1].ended);
    EXPECT_EQ(got.newest_id, survey.newest_id);
    EXPECT_EQ(got.limited->what, "this key may not list");

    const auto bare = there_and_back(SurveyEnded{});
    EXPECT_FALSE(bare.store.last_good);
    EXPECT_FALSE(bare.limited);
    EXPECT_TRUE(bare.runs.good.empty());
}

TEST(EveryReport, OfAPruneComesThrough) {
    const auto got = there_and_back(PruneEnded{3, 1U << 31U, health::Problem{"11 would go", "look"}, std::nullopt});
    EXPECT_EQ(got.backups, 3U);
    EXPECT_EQ(got.bytes, 1U << 31U);
    EXPECT_EQ(got.stopped->what, "11 would go");
    EXPECT_EQ(got.stopped->next, "look");
    EXPECT_FALSE(got.not_possible);
    EXPECT_EQ(there_and_back(PruneEnded{0, 0, {}, health::Problem{"may not", ""}}).not_possible->what, "may not");
}

TEST(TextThatIsNoUtf8, ComesThroughWithItsBadBytesReplaced) {
    const auto failed = there_and_back(WorkFailed{{"caf\xe9 \xff closed", "n\xc3\xa4mlich"}, "\x80"});
    EXPECT_EQ(failed.problem.what, "caf\xef\xbf\xbd \xef\xbf\xbd closed");
    EXPECT_EQ(failed.problem.next, "n\xc3\xa4mlich");
    EXPECT_EQ(failed.detail, "\xef\xbf\xbd");
}

TEST(ALineThatIsNoReport, IsRefusedAndNotQuoted) {
    for (const std::string line : {"", " ", "secret", "{", "[]", "7", "null", "{}", R"({"report":7})",
                                   R"({"report":"secret"})", R"({"report":null})", "{\"report\":\"backup_began\"",
                                   "\xff\xfe", R"({"report":"sweep_ended"} secret)", R"(["report","sweep_ended"])"}) {
        EXPECT_TRUE(is_refused(line)) << line;
    }
    EXPECT_TRUE(is_refused(std::string(1, '\0')));
    EXPECT_TRUE(is_refused(std::string(100'000, '[')));
}

// Takes each field away, and gives each a value of a wrong type.
TEST(AReportWithAFieldMissingOrWrong, IsRefused) {
    BackupEnded ended{health::RunResult::partial, full_backup(), health::Problem{"what", "next"}, "detail"};
    SurveyEnded survey;
    survey.store.last_good = full_backup();
    survey.runs.failed = {{noon, noon}};
    const std::vector<Report> reports = {BackupBegan{"id", 1}, BackupMoved{"app", 1, 2, 3}, ended, survey,
                                         WorkFailed{{"what", "next"}, "detail"}};
    for (const Report& report : reports) {
        const auto whole = nlohmann::json::parse(to_line(report)).flatten();
        for (const auto& [path, value] : whole.items()) {
            const nlohmann::json::json_pointer field(path);
            auto wrong = nlohmann::json::parse(to_line(report));
            wrong[field] = nlohmann::json::object({{"secret", true}});
            if (!value.is_array() || !value.empty()) {
                EXPECT_TRUE(is_refused(wrong.dump())) << path << " is an object";
            }
            if (field.back() != "0" && field.back() != "1") {
                auto missing = nlohmann::json::parse(to_line(report));
                missing[field.parent_pointer()].erase(field.back());
                EXPECT_TRUE(is_refused(missing.dump())) << path << " is missing";
            }
        }
    }
}

TEST(ANumberThatCannotBe, IsRefused) {
    const auto with = [](const std::string& path, const nlohmann::json& value) {
        auto json =
            nlohmann::json::parse(to_line(BackupEnded{health::RunResult::good, full_backup(), std::nullopt, {}}));
        json[nlohmann::json::json_pointer(path)] = value;
        return json.dump();
    };
    const auto results = health::run_results.size();
    ASSERT_TRUE(from_line(with("/result", results - 1)));
    for (const auto& value : {nlohmann::json(results), nlohmann::json(-1), nlohmann::json(1.5), nlohmann::json(true)}) {
        EXPECT_TRUE(is_refused(with("/result", value))) << value;
    }
    EXPECT_TRUE(is_refused(with("/backup/state", 5)));
    EXPECT_TRUE(is_refused(with("/backup/stored_bytes", -1)));
    EXPECT_TRUE(is_refused(with("/backup/stored_bytes", 0.5)));
    EXPECT_TRUE(is_refused(with("/backup/started", INT64_MAX))) << "beyond the end of the clock";
    EXPECT_TRUE(is_refused(with("/backup/started", INT64_MIN)));
}

}  // namespace
}  // namespace lifeboat::supervisor
