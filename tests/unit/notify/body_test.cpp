#include "body.hpp"

#include "support/sample_facts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace lifeboat::notify {
namespace {

using health::ReasonCode;
using namespace std::chrono_literals;
using nlohmann::json;
using test::noon;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

health::Facts failing_facts() {
    auto facts = test::sample_facts();
    facts.runs.consecutive_failures = 1;
    facts.runs.last = health::RunFacts{health::RunResult::failed, noon - 3s, noon, "20261122T115957Z-0bad",
                                       health::Problem{"the server refused the password", "set postgres.password"}};
    return facts;
}

const HealthNews failure{Event::failure, {ReasonCode::failing}, {}, noon};

TEST(Body, OfAFailureSaysWhatIsWrongAndWhatToDo) {
    const auto body = json::parse(health_body(failure, failing_facts(), noon));
    EXPECT_EQ(body["event"], "failure");
    EXPECT_EQ(body["instance"], "basketball-api");
    EXPECT_EQ(body["time"], "2026-11-22T12:00:00Z");
    EXPECT_EQ(body["healthy"], false);
    EXPECT_EQ(body["reasons"].size(), 1U);
    EXPECT_EQ(body["reasons"][0]["code"], "failing");
    EXPECT_THAT(body["reasons"][0]["message"].get<std::string>(), HasSubstr("the server refused the password"));
    EXPECT_EQ(body["reasons"][0]["next"], "set postgres.password");
    EXPECT_EQ(body["appeared"], json({"failing"}));
    EXPECT_EQ(body["gone"], json::array());
    EXPECT_EQ(body["since"], "2026-11-22T12:00:00Z");
    EXPECT_EQ(body["run"]["id"], "20261122T115957Z-0bad");
    EXPECT_EQ(body["run"]["result"], "failed");
    EXPECT_EQ(body["run"]["seconds"], 3.0);
    EXPECT_FALSE(body["run"].contains("bytes")) << "it made no backup";
    EXPECT_EQ(body["last_good_backup"], "2026-11-22T02:00:00Z");
    EXPECT_EQ(body["version"], "1.2.3");
    EXPECT_THAT(body["text"].get<std::string>(),
                AllOf(HasSubstr("basketball-api: backups are not in order"), HasSubstr("refused the password"),
                      HasSubstr("Next: set postgres.password"), HasSubstr("20261122T015600Z-7f3a")));
}

TEST(Body, OfASuccessSaysHowMuchWasStored) {
    const auto body = json::parse(success_body(test::sample_facts(), noon));
    EXPECT_EQ(body["event"], "success");
    EXPECT_EQ(body["healthy"], true);
    EXPECT_EQ(body["run"]["result"], "good");
    EXPECT_EQ(body["run"]["state"], "good");
    EXPECT_EQ(body["run"]["databases"], 2);
    EXPECT_EQ(body["run"]["bytes"], 1000);
    EXPECT_EQ(body["run"]["dumped_bytes"], 5000);
    EXPECT_EQ(body["run"]["rows"], nullptr) << "not known, and not 0";
    EXPECT_EQ(body["text"], "basketball-api: backup 20261122T015600Z-7f3a is stored: 2 databases, 1000 B in 4 min");
}

TEST(Body, OfARunOfAnotherPlaceSaysWhatIsKnown) {
    auto facts = test::sample_facts();
    facts.store.recent.clear();  // the settings lead to another store since it began
    const auto body = json::parse(success_body(facts, noon));
    EXPECT_EQ(body["run"]["id"], "20261122T015600Z-7f3a");
    EXPECT_EQ(body["text"], "basketball-api: backup 20261122T015600Z-7f3a is stored");
}

TEST(Body, CallsNobodyByTheNameOfADatabase) {
    auto facts = failing_facts();
    facts.runs.last->problem->what = "database <!channel> & <@U1> cannot be read";
    const auto body = json::parse(health_body(failure, facts, noon));
    EXPECT_THAT(body["text"].get<std::string>(),
                AllOf(HasSubstr("&lt;!channel&gt; &amp; &lt;@U1&gt;"), Not(HasSubstr("<"))));
    EXPECT_EQ(body["run"]["problem"], "database <!channel> & <@U1> cannot be read") << "as it is, for programs";
}

TEST(Body, IsJsonWhateverTheEncodingOfAName) {
    auto facts = failing_facts();
    facts.runs.last->problem->what = "database \xe9t\xe9";
    EXPECT_EQ(json::parse(health_body(failure, facts, noon))["run"]["problem"], "database \xef\xbf\xbdt\xef\xbf\xbd");
}

std::string text_of(const std::string& problem) {
    auto facts = failing_facts();
    facts.runs.last->problem->what = problem;
    return json::parse(health_body(failure, facts, noon))["text"].get<std::string>();
}

TEST(Body, HasATextThatChatsTakeWhole) {
    EXPECT_LE(text_of(std::string(100'000, 'x')).size(), 1900U);
    EXPECT_LE(text_of(std::string(1'000, '&')).size(), 1900U) << "as it is sent, which is five times as long";
    auto facts = failing_facts();
    facts.runs.last->problem->what = std::string(100'000, 'x');
    EXPECT_LE(run_text(facts).size(), 10'000U);
}

TEST(Body, CutsNoEscapeAndNoCharacter) {
    for (std::size_t before = 0; before < 8; ++before) {
        for (const auto& [plain, sent] :
             {std::pair("&", "&amp;"), std::pair("<", "&lt;"), std::pair("\xe2\x82\xac", "\xe2\x82\xac")}) {
            std::string problem(before, 'x');
            for (int i = 0; i < 2'000; ++i) {
                problem += plain;
            }
            const auto text = text_of(problem);
            ASSERT_TRUE(text.ends_with("..."));
            EXPECT_TRUE(text.ends_with(std::string(sent) + "...")) << text.substr(text.size() - 12);
            EXPECT_GT(text.size(), 1'890U) << "and no more is cut than has to be";
        }
    }
}

TEST(Body, NamesThePodThatSaysIt) {
    auto facts = failing_facts();
    EXPECT_EQ(json::parse(health_body(failure, facts, noon))["pod"], nullptr) << "not known";
    facts.host = "vessel-1";
    EXPECT_EQ(json::parse(health_body(failure, facts, noon))["pod"], "vessel-1");
    EXPECT_EQ(json::parse(success_body(facts, noon))["pod"], "vessel-1");
}

TEST(Body, OfAPingSaysHowTheRunEnded) {
    EXPECT_EQ(run_text(failing_facts()),
              "basketball-api: backup 20261122T115957Z-0bad failed after 3 s: the server refused the password\n"
              "Next: set postgres.password");
}

TEST(Body, OfARecoverySaysHowLongItTook) {
    const HealthNews news{Event::recovery, {}, {ReasonCode::failing}, noon - 2h};
    const auto body = json::parse(health_body(news, test::sample_facts(), noon));
    EXPECT_EQ(body["event"], "recovery");
    EXPECT_EQ(body["gone"], json({"failing"}));
    EXPECT_THAT(body["text"].get<std::string>(), HasSubstr("backups are in order again, after 2 h"));
}

}  // namespace
}  // namespace lifeboat::notify
