#include "drill/report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace lifeboat::drill {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

Report sample() {
    Report report;
    report.id = "20261126T022029Z-2032";
    report.instance = "vessel";
    report.server_version = "15.18";
    report.databases = {{"app", true, proof::Totals{2, 30, 400, 1, 0}}, {"odd\nname", false, {}}};
    report.stages = {{"restore", "app", std::chrono::milliseconds(1240)}};
    report.restore_took = std::chrono::milliseconds(1240);
    return report;
}

TEST(DrillReport, SaysProvenWhereNothingIsWrong) {
    const auto text = to_text(sample(), 10);
    EXPECT_THAT(text, StartsWith("drill of backup 20261126T022029Z-2032 of instance vessel: PROVEN\n"));
    EXPECT_THAT(text, HasSubstr("database 'app': 2 tables, 30 rows, 1 sequence, 0 large objects; restored in 1.2 s"));
    EXPECT_THAT(text, HasSubstr("database 'odd?name': NOT RESTORED"));
}

TEST(DrillReport, NamesWhatIsWrongAndCountsTheRest) {
    auto report = sample();
    for (const char* name : {"a", "b", "c"}) {
        report.findings.push_back({"rows", "app", name, std::string("table ") + name + ": 1 row"});
    }
    const auto text = to_text(report, 2);
    EXPECT_THAT(text, HasSubstr("3 things are WRONG"));
    EXPECT_THAT(text, HasSubstr("WRONG database 'app': table b: 1 row"));
    EXPECT_THAT(text, Not(HasSubstr("table c")));
    EXPECT_THAT(text, HasSubstr("and 1 more"));
}

TEST(DrillReport, IsLoudAboutNewerBackupsThatAreDamaged) {
    auto report = sample();
    report.passed_over = {"a newer backup, 20261126T030000Z-2033, is passed over: its manifest is no JSON"};
    const auto text = to_text(report, 10);
    EXPECT_THAT(text, HasSubstr("PROVEN; it is NOT THE NEWEST\n  WRONG a newer backup, 20261126T030000Z-2033,"));
    const auto json = nlohmann::json::parse(to_json(report));
    EXPECT_EQ(json.at("proven"), true) << "this one is";
    EXPECT_EQ(json.at("passed_over"), report.passed_over);
}

TEST(DrillReport, NotesWhatIsWrittenInOtherWords) {
    auto report = sample();
    report.respelled = {{"app", {"VIEW public.v"}}, {"big", {"INDEX public.a", "INDEX public.b", "INDEX public.c"}}};
    const auto text = to_text(report, 2);
    EXPECT_THAT(text, HasSubstr("note: database 'app': 1 definition is written in another way"));
    EXPECT_THAT(text, HasSubstr("note: database 'big': 3 definitions are written in another way"));
    EXPECT_THAT(text, HasSubstr("(INDEX public.a, INDEX public.b, … and 1 more, which --report FILE has)"));
    const auto json = nlohmann::json::parse(to_json(report));
    EXPECT_THAT(json.at("notes").at(1).get<std::string>(),
                HasSubstr("(INDEX public.a, INDEX public.b, INDEX public.c)"));
}

TEST(DrillReport, IsJsonWhateverTheNamesAre) {
    auto report = sample();
    report.findings.push_back({"table", "app", "\xFF", "table \xFF: only in the backup"});
    const auto json = nlohmann::json::parse(to_json(report));
    EXPECT_EQ(json.at("format"), "lifeboat-drill-report/1");
    EXPECT_EQ(json.at("proven"), false);
    EXPECT_EQ(json.at("databases").at(0).at("rows"), 30);
    EXPECT_EQ(json.at("restore_seconds"), 1.24);
}

}  // namespace
}  // namespace lifeboat::drill
