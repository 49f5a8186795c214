#include "format.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace lifeboat::cli {
namespace {

using std::chrono_literals::operator""h;
using std::chrono_literals::operator""min;
using std::chrono_literals::operator""s;

TEST(HumanAge, HasTheTwoLargestUnitsAndDaysAfterTwo) {
    EXPECT_EQ(human_age(-3s), "0s");
    EXPECT_EQ(human_age(59s), "59s");
    EXPECT_EQ(human_age(12min + 30s), "12m");
    EXPECT_EQ(human_age(3h + 5min), "3h 5m");
    EXPECT_EQ(human_age(26h), "26h");
    EXPECT_EQ(human_age(51h), "2d 3h");
    EXPECT_EQ(human_age(48h), "2d");
}

TEST(HumanBytes, HasOneDecimalFromKibibytesOn) {
    EXPECT_EQ(human_bytes(0), "0 B");
    EXPECT_EQ(human_bytes(431), "431 B");
    EXPECT_EQ(human_bytes(1023), "1023 B");
    EXPECT_EQ(human_bytes(1024), "1.0 KiB");
    EXPECT_EQ(human_bytes(12'897'485), "12.3 MiB");
    EXPECT_EQ(human_bytes(std::uint64_t{5} << 40U), "5.0 TiB");
    EXPECT_EQ(human_bytes(std::numeric_limits<std::uint64_t>::max()), "16384.0 PiB");
}

TEST(HumanBytes, TakesTheNextUnitRatherThanRoundTo1024) {
    EXPECT_EQ(human_bytes((std::uint64_t{1} << 20U) - 1), "1.0 MiB");
    EXPECT_EQ(human_bytes((std::uint64_t{1} << 30U) - 1), "1.0 GiB");
    EXPECT_EQ(human_bytes(std::uint64_t{1023} << 10U), "1023.0 KiB");
}

TEST(HumanDuration, HasTheTwoUnitsThatMatter) {
    EXPECT_EQ(human_duration(0s), "0s");
    EXPECT_EQ(human_duration(59s), "59s");
    EXPECT_EQ(human_duration(60s), "1m 00s");
    EXPECT_EQ(human_duration(4min + 12s), "4m 12s");
    EXPECT_EQ(human_duration(59min + 59s), "59m 59s");
    EXPECT_EQ(human_duration(2h + 3min + 59s), "2h 03m");
    EXPECT_EQ(human_duration(100h), "100h 00m");
}

TEST(HumanDuration, IsZeroForAClockThatWentBack) {
    EXPECT_EQ(human_duration(-5s), "0s");
}

TEST(Table, AlignsColumnsTwoSpacesApart) {
    EXPECT_EQ(table({"ID", "STATE", "SIZE"}, {{"1", "good", "12 B"}, {"1234", "x", "3 B"}}),
              "ID    STATE  SIZE\n"
              "1     good   12 B\n"
              "1234  x      3 B\n");
}

TEST(Table, CountsCharactersRatherThanBytes) {
    EXPECT_EQ(table({"NAME", "N"}, {{"Übüng", "1"}, {"abcde", "2"}}),
              "NAME   N\n"
              "Übüng  1\n"
              "abcde  2\n");
}

TEST(Table, LeavesNoSpacesAtTheEndOfALine) {
    EXPECT_EQ(table({"A", "B"}, {{"long cell", ""}, {"x", "y"}}),
              "A          B\n"
              "long cell\n"
              "x          y\n");
}

TEST(Table, ShowsControlCharactersHarmlessly) {
    EXPECT_EQ(table({"NAME"}, {{"a\x1b[31m\nb"}}), "NAME\na?[31m?b\n");
}

TEST(Printable, ReplacesControlCharactersAndNothingElse) {
    EXPECT_EQ(printable(std::string("\0\t\r\n\x1b\x7f", 6)), "??????");
    EXPECT_EQ(printable("a\xc2\x9b"
                        "31m \xc2\x80\xc2\x9f"),
              "a?31m ??");  // the second set of control characters
    EXPECT_EQ(printable("Ünï \"quoted\" \xc2\xa0 日本 ~"), "Ünï \"quoted\" \xc2\xa0 日本 ~");
    EXPECT_EQ(printable("\xc2"), "\xc2");
}

TEST(Printable, KeepsLineBreaksWhereThereMayBeSeveralLines) {
    EXPECT_EQ(printable_lines("one\n  two\x1b[31m\r"), "one\n  two?[31m?");
}

}  // namespace
}  // namespace lifeboat::cli
