#include "health/page_words.hpp"

#include "support/sample_facts.hpp"

#include <gtest/gtest.h>

namespace lifeboat::health {
namespace {

using namespace std::chrono_literals;
using test::noon;

TEST(PageWords, GroupDigitsByThousands) {
    EXPECT_EQ(grouped(0), "0");
    EXPECT_EQ(grouped(999), "999");
    EXPECT_EQ(grouped(1000), "1,000");
    EXPECT_EQ(grouped(1234567), "1,234,567");
}

TEST(PageWords, SayBytesInTheLargestUnit) {
    EXPECT_EQ(bytes_text(0), "0 B");
    EXPECT_EQ(bytes_text(1023), "1023 B");
    EXPECT_EQ(bytes_text(1536), "1.5 KiB");
    EXPECT_EQ(bytes_text(1048575), "1.0 MiB") << "not 1024.0 KiB";
}

TEST(PageWords, SayHowLongSomethingTookInTwoUnits) {
    EXPECT_EQ(took_text(0s), "0 s");
    EXPECT_EQ(took_text(45s), "45 s");
    EXPECT_EQ(took_text(243s), "4 min 3 s");
    EXPECT_EQ(took_text(240s), "4 min");
    EXPECT_EQ(took_text(65min), "1 h 5 min");
    EXPECT_EQ(took_text(28h), "1 d 4 h");
    EXPECT_EQ(took_text(-5s), "0 s") << "a clock was set back";
}

TEST(PageWords, SayAgesInOneUnit) {
    EXPECT_EQ(ago_text(noon - 59s, noon), "just now");
    EXPECT_EQ(ago_text(noon - 60s, noon), "1 minute ago");
    EXPECT_EQ(ago_text(noon - 119min, noon), "1 hour ago");
    EXPECT_EQ(ago_text(noon - 47h, noon), "47 hours ago");
    EXPECT_EQ(ago_text(noon - 48h, noon), "2 days ago");
    EXPECT_EQ(ago_text(noon + 1h, noon), "just now") << "another clock is ahead";
    EXPECT_EQ(until_text(noon + 14h, noon), "in 14 hours");
    EXPECT_EQ(until_text(noon + 30s, noon), "in a moment");
    EXPECT_EQ(until_text(noon, noon), "now");
}

TEST(PageWords, CallDaysAsPeopleDo) {
    EXPECT_EQ(moment_text(noon - 12h, noon), "today at 00:00 UTC");
    EXPECT_EQ(moment_text(noon - 12h - 1s, noon), "yesterday at 23:59 UTC");
    EXPECT_EQ(moment_text(noon + 12h, noon), "tomorrow at 00:00 UTC");
    EXPECT_EQ(moment_text(noon - 48h, noon), "20 Nov at 12:00 UTC");
    EXPECT_EQ(moment_text(noon - 400 * 24h, noon), "18 Oct 2025 at 12:00 UTC");
    EXPECT_EQ(short_text(noon - 48h, noon), "20 Nov, 12:00");
    EXPECT_EQ(date_text(noon), "22 Nov 2026, 12:00 UTC");
}

}  // namespace
}  // namespace lifeboat::health
