#include "os/clock.hpp"
#include "os/random.hpp"

#include <gtest/gtest.h>

#include <set>

namespace lifeboat::os {
namespace {

using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;

TEST(UtcText, WritesWholeSecondsInRfc3339) {
    EXPECT_EQ(utc_text(TimePoint{}), "1970-01-01T00:00:00Z");
    EXPECT_EQ(utc_text(TimePoint{} + 951782399s), "2000-02-28T23:59:59Z");
    EXPECT_EQ(utc_text(TimePoint{} + 1795313820s), "2026-11-22T02:17:00Z");
}

TEST(UtcText, RoundsDownOnBothSidesOfTheEpoch) {
    EXPECT_EQ(utc_text(TimePoint{} + 999ms), "1970-01-01T00:00:00Z");
    EXPECT_EQ(utc_text(TimePoint{} - 1ms), "1969-12-31T23:59:59Z");
}

TEST(UtcTime, ReadsWhatUtcTextWritesAndNothingElse) {
    EXPECT_EQ(utc_time("2026-11-22T02:17:00Z"), TimePoint{} + 1795313820s);
    EXPECT_EQ(utc_time("1970-01-01T00:00:00Z"), TimePoint{});
    for (const std::string text : {"", "2026-11-22", "2026-11-22T02:17:00", "2026-11-22T02:17:00+01:00",
                                   "2026-11-22T02:17:00Z ", "1969-12-31T23:59:59Z", "9999-01-01T00:00:00Z"}) {
        EXPECT_EQ(utc_time(text), std::nullopt) << text;
    }
    EXPECT_EQ(utc_time(std::string("2026-11-22T02:17:00Z\0", 21)), std::nullopt);
}

TEST(RandomHex, HasTwoLowerCaseDigitsForEachByte) {
    const auto text = random_hex(100);
    EXPECT_EQ(text.size(), 200U);
    EXPECT_EQ(text.find_first_not_of("0123456789abcdef"), std::string::npos);
    EXPECT_EQ(random_hex(0), "");
}

TEST(RandomHex, DoesNotRepeatItself) {
    std::set<std::string> seen;
    for (int i = 0; i < 1000; ++i) {
        seen.insert(random_hex(8));
    }
    EXPECT_EQ(seen.size(), 1000U);
}

}  // namespace
}  // namespace lifeboat::os
