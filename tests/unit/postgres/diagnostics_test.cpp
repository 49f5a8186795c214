#include "postgres/diagnostics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

namespace lifeboat::postgres {
namespace {

using testing::Each;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

TEST(FitForLogs, KeepsWhatTheProgramsSayOfThemselves) {
    for (const std::string line : {"pg_dump: error: connection to server at \"127.0.0.1\", port 5432 failed: FATAL:  "
                                   "role \"app\" does not exist",
                                   "pg_dump: warning: there are circular foreign-key constraints on this table:",
                                   "pg_restore: error: could not execute query: ERROR:  relation \"t\" already exists",
                                   "pg_dump: error: query failed: ERROR:  permission denied for table secret_plans",
                                   "HINT:  No function matches the given name and argument types.",
                                   "DETAIL:  There are 2 other sessions using the database."}) {
        EXPECT_EQ(fit_for_logs(line), line);
    }
}

TEST(FitForLogs, LeavesOutLineEnds) {
    EXPECT_EQ(fit_for_logs("pg_dump: error: no  \r\n"), "pg_dump: error: no");
}

struct Leak {
    std::string line;
    std::string rest;  // what may be shown
};

// Every line holds the word "hush" where a row's value stands.
TEST(FitForLogs, LeavesOutValuesOfRows) {
    for (const auto& [line, rest] : std::vector<Leak>{
             {"DETAIL:  Key (a)=(hush) already exists.", "DETAIL:  Key (a)=(…"},
             {"DETAIL:  Key (a, b)=(1, hush) is not present in table \"t\".", "DETAIL:  Key (a, b)=(…"},
             {"DETAIL:  Key (lower(name))=(hush) is duplicated.", "DETAIL:  Key (lower(name))=(…"},
             {"DETAIL:  Failing row contains (1, hush, null).", "DETAIL:  Failing row contains (…"},
             {"DETAIL:  Partition key of the failing row contains (a) = (hush).",
              "DETAIL:  Partition key of the failing row contains (…"},
             {"DETAIL:  Token \"hush\" is invalid.", "DETAIL:  Token …"},
             {"DETAIL:  Expected \":\", but found \"hush\".", "DETAIL:  Expected …"},
             {"CONTEXT:  COPY t, line 3, column b: \"hush\"", "CONTEXT:  COPY t, line 3, column b: …"},
             {"CONTEXT:  COPY t, line 3: \"1\thush\"", "CONTEXT:  COPY t, line 3: …"},
             {"CONTEXT:  JSON data, line 1: {\"name\": hush...", "CONTEXT:  JSON data, line 1: …"},
             {"CONTEXT:  SQL statement \"INSERT INTO t VALUES ('hush')\"", "CONTEXT:  SQL statement …"},
             {"ERROR:  invalid input syntax for type integer: \"hush\"",
              "ERROR:  invalid input syntax for type integer: \"…"},
             {"pg_restore: error: COPY failed for table \"t\": ERROR:  invalid input value for enum mood: \"hush\"",
              "pg_restore: error: COPY failed for table \"t\": ERROR:  invalid input value for enum mood: \"…"},
             {"ERROR:  value \"hush\" is out of range for type integer", "ERROR:  value \"…"},
             {"CONTEXT:  something with Key (a)=(hush: x) in it", "CONTEXT:  something with Key (a)=(…"},
             {"DETAIL:  Key (a)=(Command was: hush) already exists.", "DETAIL:  Key (a)=(…"},
             {"pg_dump: error: Key (a)=(Query was: hush) and more", "pg_dump: error: Key (a)=(…"},
             {"pg_dump: error: something with Key (a)=(hush) in it", "pg_dump: error: something with Key (a)=(…"}}) {
        EXPECT_EQ(fit_for_logs(line), rest);
        EXPECT_THAT(fit_for_logs(line), Not(HasSubstr("hush")));
    }
}

TEST(FitForLogs, LeavesOutStatementsBeyondTheirFirstWords) {
    for (const auto& [line, rest] : std::vector<Leak>{
             {"Command was: CREATE USER MAPPING FOR bob SERVER far OPTIONS (user 'bob', password 'hush');",
              "Command was: CREATE USER MAPPING FOR bob SERVER far OPTIONS  …"},
             {"Command was: ALTER ROLE app PASSWORD 'hush';", "Command was: ALTER ROLE app PASSWORD  …"},
             {"Command was: CREATE SUBSCRIPTION s CONNECTION $$password=hush$$",
              "Command was: CREATE SUBSCRIPTION s CONNECTION  …"},
             {"pg_dump: detail: Query was: SELECT 'hush'", "pg_dump: detail: Query was: SELECT  …"},
             {"STATEMENT:  ALTER ROLE app PASSWORD 'hush'", "STATEMENT:  ALTER ROLE app PASSWORD  …"},
             {"LINE 1: ALTER ROLE app PASSWORD 'hush'", ""}}) {
        EXPECT_EQ(fit_for_logs(line), rest);
    }
    EXPECT_EQ(fit_for_logs("Command was: " + std::string(80, 'x') + "hush"),
              "Command was: " + std::string(80, 'x') + " …");
}

TEST(FitForLogs, CutsALongLine) {
    EXPECT_THAT(fit_for_logs("pg_dump: error: " + std::string(5000, 'x')), SizeIs(400));
    EXPECT_LT(fit_for_logs(std::string(5000, 'x') + "Command was: SELECT 1").size(), 500U);
}

// What a child said that wrote `text` and ended.
std::vector<std::string> said(const std::string& text) {
    auto pipe = os::make_pipe();
    Diagnostics diagnostics(std::move(pipe->read_end));
    EXPECT_EQ(os::write_all(pipe->write_end.get(), std::as_bytes(std::span(text))), 0);
    pipe->write_end.reset();
    diagnostics.wait();
    return diagnostics.lines();
}

TEST(Diagnostics, KeepsEveryLineOfAShortReport) {
    EXPECT_THAT(said("pg_dump: error: one\nHINT:  two\nthree, without an end"),
                ElementsAre("pg_dump: error: one", "HINT:  two", "three, without an end"));
    EXPECT_THAT(said(""), SizeIs(0));
}

TEST(Diagnostics, LeavesOutTheFurtherLinesOfAStatement) {
    EXPECT_THAT(said("pg_restore: error: could not execute query: ERROR:  no\n"
                     "Command was: CREATE FUNCTION f() RETURNS text AS $$\n"
                     "  SELECT 'hush';\n"
                     "$$;\n"
                     "pg_restore: warning: errors ignored on restore: 1\n"),
                ElementsAre("pg_restore: error: could not execute query: ERROR:  no",
                            "Command was: CREATE FUNCTION f …", "pg_restore: warning: errors ignored on restore: 1"));
}

// Neither "Command was:" alone nor the statement as if it were words of the server.
TEST(Diagnostics, AStatementMayBeginWithAnEmptyLine) {
    EXPECT_THAT(
        said("pg_restore: error: could not execute query: ERROR:  no\n"
             "Command was: \n"
             "\n"
             "ALTER ROLE app PASSWORD 'hush';\n"
             "ALTER ROLE bob PASSWORD 'hush';\n"
             "pg_restore: warning: errors ignored on restore: 1\n"),
        ElementsAre("pg_restore: error: could not execute query: ERROR:  no", "Command was: ALTER ROLE app PASSWORD  …",
                    "pg_restore: warning: errors ignored on restore: 1"));
    EXPECT_THAT(said("QUERY:  \nSELECT 'hush'\n"), ElementsAre("QUERY:  SELECT  …"));
    EXPECT_THAT(said("Command was:\nHINT:  Look.\n"), ElementsAre("HINT:  Look."));
}

TEST(Diagnostics, LeavesOutTheFurtherLinesOfAValue) {
    EXPECT_THAT(
        said("pg_restore: error: COPY failed: ERROR:  duplicate key value violates unique constraint \"t_pkey\"\n"
             "DETAIL:  Key (a)=(first\n"
             "hush) already exists.\n"
             "CONTEXT:  COPY t, line 1: \"first\n"
             "hush\"\n"
             "HINT:  Look.\n"),
        ElementsAre("pg_restore: error: COPY failed: ERROR:  duplicate key value violates unique constraint \"t_pkey\"",
                    "DETAIL:  Key (a)=(…", "CONTEXT:  COPY t, line 1: …", "HINT:  Look."));
    EXPECT_THAT(said("ERROR:  invalid XML content\nDETAIL:  line 1: Start tag expected\nhush\n^\n"),
                ElementsAre("ERROR:  invalid XML content", "DETAIL:  line 1: Start tag expected"));
    EXPECT_THAT(said("ERROR:  syntax error\nLINE 1: ALTER ROLE app PASSWORD 'hush\n      ^\n"),
                ElementsAre("ERROR:  syntax error"));
}

TEST(Diagnostics, KeepsFirstAndLastLinesOfAFlood) {
    std::string flood = "pg_dump: error: the cause\n";
    while (flood.size() < 10'000'000) {
        flood += "pg_dump: warning: and another thing\n";
    }
    flood += "pg_dump: error: the end\n";
    const auto lines = said(flood);
    EXPECT_EQ(lines.front(), "pg_dump: error: the cause");
    EXPECT_EQ(lines.back(), "pg_dump: error: the end");
    const auto size = std::accumulate(lines.begin(), lines.end(), std::size_t{0},
                                      [](std::size_t sum, const std::string& line) { return sum + line.size(); });
    EXPECT_LE(size, 8192U);
    EXPECT_GT(size, 7000U);
}

TEST(Diagnostics, TakesALineWithoutEnd) {
    const auto lines = said("Command was: SELECT " + std::string(10'000'000, 'x') + "\npg_dump: error: the end\n");
    EXPECT_THAT(lines, SizeIs(2));
    EXPECT_THAT(lines, Each(SizeIs(testing::Lt(500))));
    EXPECT_EQ(lines.back(), "pg_dump: error: the end");
}

TEST(Diagnostics, SumsUpWithErrorsFirst) {
    auto pipe = os::make_pipe();
    Diagnostics diagnostics(std::move(pipe->read_end));
    const std::string text = "pg_dump: warning: minor\npg_dump: error: major\nHINT:  help\n";
    ASSERT_EQ(os::write_all(pipe->write_end.get(), std::as_bytes(std::span(text))), 0);
    pipe->write_end.reset();
    diagnostics.wait();
    EXPECT_EQ(diagnostics.summary(), "pg_dump: error: major; pg_dump: warning: minor; HINT:  help");
}

}  // namespace
}  // namespace lifeboat::postgres
