#include "examination.hpp"

#include <nlohmann/json.hpp>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lifeboat::cli {
namespace {

using testing::HasSubstr;
using testing::Not;

Examination sick() {
    return {{{"Server",
              {doctor::passed("server", "PostgreSQL 17"),
               {"database app", doctor::Outcome::fail, "1 table cannot be read", "GRANT it", "public.people"}}},
             {"Store", {doctor::unknown("versioning", "not seen", "look")}}},
            {doctor::passed("read", "no row"), doctor::warned("delete", "everything", "take the right away")}};
}

TEST(Examination, IsUnhealthyWhenSomethingFailsAndNotByAWarning) {
    EXPECT_FALSE(sick().healthy());
    EXPECT_TRUE((Examination{{{"A", {doctor::warned("a", "", "")}}}, {}}).healthy());
    EXPECT_TRUE((Examination{{{"A", {doctor::unknown("a", "")}}}, {doctor::warned("b", "", "")}}).healthy());
}

TEST(Examination, InWordsHasALineForEachCheckAndItsCure) {
    EXPECT_EQ(words_of(sick(), {}),
              "Server\n"
              "  pass     server        PostgreSQL 17\n"
              "  fail     database app  1 table cannot be read (public.people)\n"
              "                         next: GRANT it\n"
              "\n"
              "Store\n"
              "  unknown  versioning  not seen\n"
              "                       next: look\n"
              "\n"
              "What could a thief of this pod's secrets do?\n"
              "  no       read    no row\n"
              "  yes      delete  everything\n"
              "                   next: take the right away\n"
              "\n"
              "1 pass, 1 fail, 1 unknown: see the lines that say fail\n");
}

TEST(Examination, InWordsFitsTheTerminal) {
    const Examination wordy{{{"A",
                              {doctor::warned("place", std::string(300, 'x') + " " + std::string(50, 'y'),
                                              "do this and that and something else and then rest for a while")}}},
                            {}};
    const auto words = words_of(wordy, {70, false});
    EXPECT_THAT(words, HasSubstr("\n                  " + std::string(50, 'y')));
    EXPECT_THAT(words, HasSubstr("next: do this and that and something else and then\n                        rest"));
}

TEST(Examination, InWordsHasColoursForTerminalsAlone) {
    EXPECT_THAT(words_of(sick(), {std::nullopt, true}), HasSubstr("\x1b[1;31mfail   \x1b[0m"));
    EXPECT_THAT(words_of(sick(), {}), Not(HasSubstr("\x1b")));
}

TEST(Examination, ShowsNoControlCharactersOfForeignNames) {
    const Examination evil{{{"A", {doctor::failed("database \x1b[2J", "a\nb", "c\td")}}}, {}};
    EXPECT_THAT(words_of(evil, {}), Not(HasSubstr("\x1b")));
    EXPECT_THAT(words_of(evil, {}), HasSubstr("a?b"));
}

TEST(Examination, InJsonHasEveryFinding) {
    const auto json = nlohmann::json::parse(json_of(sick()));
    EXPECT_EQ(json["healthy"], false);
    EXPECT_EQ(json["checks"].size(), 3U);
    EXPECT_EQ(json["checks"][1]["check"], "database app");
    EXPECT_EQ(json["checks"][1]["outcome"], "fail");
    EXPECT_EQ(json["checks"][1]["cure"], "GRANT it");
    EXPECT_EQ(json["checks"][1]["detail"], "public.people");
    EXPECT_FALSE(json["checks"][0].contains("cure"));
    EXPECT_EQ(json["thief"][1]["could"], "delete");
    EXPECT_EQ(json["thief"][1]["outcome"], "warn");
}

}  // namespace
}  // namespace lifeboat::cli
