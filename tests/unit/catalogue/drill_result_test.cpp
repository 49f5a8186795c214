#include "catalogue/drill_result.hpp"

#include "samples.hpp"
#include "support/memory_store.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace lifeboat::catalogue {
namespace {

using Json = nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* recipient = "age1ev2jgjuc2rz98p5uz6wfvm9har4thhe39h97x3r8f0arhn6kt4yquw2f52";

Result<DrillResult> parse(const std::string& json) {
    return parse_drill_result(json, app(), some_id());
}

Json sample() {
    return Json::parse(to_json(failed_drill()));
}

TEST(DrillResult, ComesBackFromItsOwnJson) {
    auto result = failed_drill();
    result.failed_step = "compare";
    result.recipients = {recipient};
    result.checks_failed = 3;
    const auto again = parse(to_json(result));
    ASSERT_TRUE(again) << again.error().what;
    EXPECT_EQ(again->backup, some_id());
    EXPECT_EQ(again->instance, "app");
    EXPECT_EQ(again->started, result.started);
    EXPECT_EQ(again->finished, result.finished);
    EXPECT_EQ(again->lifeboat, "0.1.0");
    EXPECT_EQ(again->server, "15.20");
    EXPECT_FALSE(again->passed);
    EXPECT_EQ(again->failed_step, "compare");
    EXPECT_EQ(again->differences, result.differences);
    EXPECT_EQ(again->difference_count(), 21U);
    EXPECT_EQ(again->checks_passed, 2U);
    EXPECT_EQ(again->checks_failed, 3U);
    EXPECT_EQ(again->fetch, std::chrono::milliseconds(1250));
    EXPECT_EQ(again->restore, std::chrono::milliseconds(61'500));
    EXPECT_EQ(again->compare, std::chrono::milliseconds(0));
    EXPECT_THAT(again->recipients, ElementsAre(recipient));
    EXPECT_EQ(again->bytes, 1234U);
    EXPECT_TRUE(parse(to_json(passed_drill()))->passed);
}

// Whoever reads it with other tools finds this in docs/drill.md.
TEST(DrillResult, HasTheFieldsThatAreDocumented) {
    const auto json = Json::parse(to_json(failed_drill()));
    EXPECT_EQ(json, Json::parse(R"({
        "format": "lifeboat-drill/1", "backup": "20261122T021700Z-7f3a", "instance": "app",
        "started": "2026-11-23T04:00:00Z", "finished": "2026-11-23T04:02:00Z", "outcome": "failed",
        "writer": {"lifeboat": "0.1.0"}, "server": {"version": "15.20"}, "bytes": 1234,
        "differences": {"entry": 20, "rows": 1}, "checks": {"passed": 2, "failed": 0},
        "seconds": {"fetch": 1.25, "restore": 61.5, "compare": 0.0}})"));
}

TEST(DrillResult, LeavesOutWhatWasNotReached) {
    DrillResult result{some_id(), "app", at(2026, 11, 23), at(2026, 11, 23), "0.1.0", ""};
    result.failed_step = "fetch";
    const auto json = Json::parse(to_json(result));
    EXPECT_FALSE(json.contains("server"));
    EXPECT_EQ(json["seconds"], Json::object());
    const auto again = parse(to_json(result));
    ASSERT_TRUE(again) << again.error().what;
    EXPECT_FALSE(again->restore);
    EXPECT_EQ(again->failed_step, "fetch");
}

TEST(DrillResult, NamesEachRecipientThatOpenedTheBackup) {
    auto result = passed_drill();
    result.recipients = {"age1one", "age1two"};
    const auto again = parse(to_json(result));
    ASSERT_TRUE(again) << again.error().what;
    EXPECT_TRUE(again->was_opened_by("age1one") && again->was_opened_by("age1two"));
    EXPECT_FALSE(again->was_opened_by("age1"));
    // As the first drills wrote it.
    auto json = sample();
    json["recipient"] = "age1one";
    EXPECT_THAT(parse(json.dump())->recipients, ElementsAre("age1one"));
}

TEST(DrillResult, IgnoresFieldsThatItDoesNotKnow) {
    auto json = sample();
    json["weather"] = {{"sun", true}};
    json["seconds"]["tea"] = 300;
    EXPECT_TRUE(parse(json.dump()));
}

TEST(DrillResult, IsRefusedWhenItIsOfAnother) {
    auto json = sample();
    json["backup"] = "20261122T021700Z-ffff";
    EXPECT_THAT(parse(json.dump()).error().what, HasSubstr("another backup"));
    json = sample();
    json["instance"] = "other";
    EXPECT_THAT(parse(json.dump()).error().what, HasSubstr("another instance"));
    json = sample();
    json["format"] = "lifeboat-drill/2";
    const auto error = parse(json.dump()).error();
    EXPECT_EQ(error.kind, ErrorKind::corrupt);
    EXPECT_THAT(error.what, HasSubstr("lifeboat-drill/1"));
}

TEST(DrillResult, CannotHavePassedWithSomethingWrong) {
    for (const char* wrong : {R"({"differences": {"rows": 1}})", R"({"checks": {"passed": 0, "failed": 1}})",
                              R"({"failed_step": "fetch"})"}) {
        auto json = Json::parse(to_json(passed_drill()));
        json.update(Json::parse(wrong));
        const auto result = parse(json.dump());
        ASSERT_FALSE(result) << wrong;
        EXPECT_THAT(result.error().what, HasSubstr("passed"));
    }
}

// They are shown on terminals and served to programs.
TEST(DrillResult, RefusesTextsThatCouldDoHarm) {
    for (const char* wrong : {R"({"writer": {"lifeboat": "1\u001b[2J"}})", R"({"server": {"version": "ü"}})",
                              R"({"failed_step": "Fetch it"})", R"({"recipients": ["age1x", "somebody"]})",
                              R"({"recipients": ["age1x\n"]})", R"({"recipients": ["age1"]})",
                              R"({"recipient": "somebody"})", R"({"differences": {"rows\n": 1}})"}) {
        auto json = sample();
        json.update(Json::parse(wrong));
        EXPECT_FALSE(parse(json.dump())) << wrong;
    }
    auto json = sample();
    json["server"]["version"] = std::string(201, 'x');
    EXPECT_FALSE(parse(json.dump()));
}

TEST(DrillResult, IsWrittenSoThatItCanBeRead) {
    auto result = passed_drill();
    result.server = "15.20 (Ünï\n" + std::string(300, 'x');
    const auto again = parse(to_json(result));
    ASSERT_TRUE(again) << again.error().what;
    EXPECT_EQ(again->server.substr(0, 8), "15.20 (?");
}

TEST(DrillResult, NamesTheFieldThatIsWrong) {
    for (const char* name : {"started", "finished", "outcome", "writer", "bytes", "differences", "checks", "seconds",
                             "backup", "format"}) {
        auto json = sample();
        json.erase(name);
        const auto missing = parse(json.dump());
        ASSERT_FALSE(missing) << name;
        json[name] = -1;
        const auto wrong = parse(json.dump());
        ASSERT_FALSE(wrong) << name;
    }
    auto json = sample();
    json["bytes"] = "many";
    EXPECT_THAT(parse(json.dump()).error().what, HasSubstr("'bytes'"));
}

TEST(DrillResult, RefusesTimesThatAreNone) {
    for (const char* time : {"-1", "1e300", "true", "\"1\"", "null"}) {
        auto json = sample();
        json["seconds"]["restore"] = Json::parse(time);
        EXPECT_FALSE(parse(json.dump())) << time;
    }
}

TEST(DrillResult, IsStoredUnderTheTimeOfItsStart) {
    test::MemoryStore store;
    ASSERT_TRUE(store_drill_result(store, app(), passed_drill()));
    const auto json = store::get(store, app().drill_result(some_id(), at(2026, 11, 23, 4)), "", largest_drill_result);
    ASSERT_TRUE(json);
    EXPECT_EQ(*json, to_json(passed_drill()));
    const auto again = store_drill_result(store, app(), failed_drill());
    ASSERT_FALSE(again) << "a result is never given other bytes";
    EXPECT_EQ(again.error().kind, ErrorKind::exists);
}

}  // namespace
}  // namespace lifeboat::catalogue
