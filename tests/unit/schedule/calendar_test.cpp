#include "schedule/calendar.hpp"

#include <gmock/gmock.h>

#include "times.hpp"

namespace lifeboat::schedule {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

TEST(DueTimes, FollowTheFields) {
    EXPECT_THAT(due_times(calendar("17 2 * * *"), "2026-11-25 12:00", 3),
                ElementsAre("2026-11-26T02:17:00Z", "2026-11-27T02:17:00Z", "2026-11-28T02:17:00Z"));
    EXPECT_THAT(
        due_times(calendar("*/25 8,20 * * *"), "2026-12-31 20:00", 4),
        ElementsAre("2026-12-31T20:25:00Z", "2026-12-31T20:50:00Z", "2027-01-01T08:00:00Z", "2027-01-01T08:25:00Z"));
    EXPECT_THAT(due_times(calendar("@weekly"), "2026-11-25", 2),
                ElementsAre("2026-11-29T00:00:00Z", "2026-12-06T00:00:00Z"));
    EXPECT_THAT(due_times(calendar("0 0 31 * *"), "2026-11-25", 3),
                ElementsAre("2026-12-31T00:00:00Z", "2027-01-31T00:00:00Z", "2027-03-31T00:00:00Z"));
    EXPECT_THAT(due_times(calendar("@hourly"), "2026-12-31 22:30", 2),
                ElementsAre("2026-12-31T23:00:00Z", "2027-01-01T00:00:00Z"));
}

TEST(DueTimes, OfALeapDayAreFourOrEightYearsApart) {
    EXPECT_THAT(due_times(calendar("0 12 29 2 *"), "2088-03-01", 3),
                ElementsAre("2092-02-29T12:00:00Z", "2096-02-29T12:00:00Z", "2104-02-29T12:00:00Z"));
}

TEST(DueTimes, AreLocal) {
    EXPECT_THAT(due_times(calendar("17 2 * * *", "America/New_York"), "2026-01-10", 1),
                ElementsAre("2026-01-10T07:17:00Z"));
    EXPECT_THAT(due_times(calendar("0 5 * * *", "Asia/Kathmandu"), "2026-01-10", 1),  // 05:45 ahead
                ElementsAre("2026-01-10T23:15:00Z"));
    EXPECT_THAT(due_times(calendar("10 * * * *", "Asia/Kathmandu"), "2026-01-10", 2),
                ElementsAre("2026-01-10T00:25:00Z", "2026-01-10T01:25:00Z"));
    EXPECT_THAT(due_times(calendar("0 0 1 * *", "Pacific/Kiritimati"), "2026-01-10", 1),  // 14 h ahead
                ElementsAre("2026-01-31T10:00:00Z"));
}

TEST(TheNext, IsStrictlyAfter) {
    const Calendar daily = calendar("17 2 * * *");
    const TimePoint due = utc("2026-11-25 02:17");
    EXPECT_EQ(daily.next_after(due - 1s), due);
    EXPECT_EQ(daily.next_after(due - 1ns), due);
    EXPECT_EQ(daily.next_after(due), due + 24h);
    EXPECT_EQ(daily.next_after(due + 1ns), due + 24h);
    const Calendar hourly = calendar("17 * * * *");
    EXPECT_EQ(hourly.next_after(due - 1ns), due);
    EXPECT_EQ(hourly.next_after(due), due + 1h);
    EXPECT_EQ(hourly.next_after(due + 500ms), due + 1h);
}

TEST(Intervals, AreDueAtWholeMultiplesSinceTheEpoch) {
    EXPECT_THAT(due_times(calendar("@every 6h"), "2026-11-25 05:59:59Z", 3),
                ElementsAre("2026-11-25T06:00:00Z", "2026-11-25T12:00:00Z", "2026-11-25T18:00:00Z"));
    EXPECT_THAT(due_times(calendar("@every 7m"), "1970-01-01", 2),
                ElementsAre("1970-01-01T00:07:00Z", "1970-01-01T00:14:00Z"));
    const Calendar seconds = calendar("@every 1s");
    const TimePoint whole = utc("2026-11-25");
    EXPECT_EQ(seconds.next_after(whole), whole + 1s);
    EXPECT_EQ(seconds.next_after(whole + 1ms), whole + 1s);
    EXPECT_EQ(seconds.next_after(whole - 1ms), whole);
}

TEST(Intervals, HoldBeforeTheEpochToo) {
    EXPECT_THAT(due_times(calendar("@every 1h"), "1969-12-31 22:30:00", 3),
                ElementsAre("1969-12-31T23:00:00Z", "1970-01-01T00:00:00Z", "1970-01-01T01:00:00Z"));
    EXPECT_THAT(due_times(calendar("@every 1h"), "1969-12-31 22:00:00", 1), ElementsAre("1969-12-31T23:00:00Z"));
}

TEST(Intervals, KnowNoZone) {
    EXPECT_EQ(due_times(calendar("@every 6h", "Asia/Kathmandu"), "2026-11-25", 3),
              due_times(calendar("@every 6h"), "2026-11-25", 3));
}

TEST(ACalendar, TellsWhichTextIsWrong) {
    EXPECT_THAT(Calendar::make("17 25 * * *", "UTC").error().what, testing::HasSubstr("the hour '25'"));
    EXPECT_THAT(Calendar::make("17 2 * * *", "Mars/Olympus").error().what, testing::HasSubstr("'Mars/Olympus'"));
}

TEST(TheLast, LiesBetweenItsTwoEnds) {
    const Calendar daily = calendar("17 2 * * *");
    const TimePoint due = utc("2026-11-25 02:17");
    EXPECT_EQ(daily.last_within(due - 100h, due + 5h), due);
    EXPECT_EQ(daily.last_within(due - 100h, due), due);
    EXPECT_EQ(daily.last_within(due - 100h, due - 1ns), due - 24h);
    EXPECT_EQ(daily.last_within(due - 1ns, due), due);
    EXPECT_EQ(daily.last_within(due, due + 23h), std::nullopt);
    EXPECT_EQ(daily.last_within(due, due), std::nullopt);
    EXPECT_EQ(daily.last_within(due + 5h, due), std::nullopt);
    EXPECT_EQ(daily.last_within(due - 24h * 20'000, due + 1h), due);
}

TEST(TheLast, IsTheOneWithoutAnotherBehindIt) {
    for (const std::string cron : {"* * * * *", "*/7 3-5 * * *", "@every 13s", "0 0 29 2 *", "30 2 * * *"}) {
        const Calendar each = calendar(cron, "Europe/Berlin");
        for (TimePoint until = utc("2026-10-24"); until < utc("2026-10-27"); until += 17min + 3s) {
            const auto last = each.last_within(utc("2019-01-01"), until);
            ASSERT_TRUE(last) << cron;
            ASSERT_LE(*last, until) << cron;
            ASSERT_GT(each.next_after(*last), until) << cron << " " << text_of(until);
            ASSERT_EQ(each.next_after(*last - 1s), *last) << cron;  // it is due
        }
    }
}

TEST(TheLongestGap, IsExact) {
    const auto gap = [](const std::string& cron, const std::string& zone = "UTC") {
        return calendar(cron, zone).longest_gap(utc("2026-11-25 12:00"));
    };
    EXPECT_EQ(gap("17 2 * * *"), 24h);
    EXPECT_EQ(gap("17 2 * * *", "Europe/Berlin"), 25h);
    EXPECT_EQ(gap("17 2 * * *", "Asia/Tokyo"), 24h);
    EXPECT_EQ(gap("@hourly"), 1h);
    EXPECT_EQ(gap("@hourly", "Europe/Berlin"), 1h);
    EXPECT_EQ(gap("17 * * * *", "Australia/Lord_Howe"), 90min);  // back by half an hour
    EXPECT_EQ(gap("* * * * *", "Australia/Lord_Howe"), 1min);
    EXPECT_EQ(gap("0 8,12,18 * * *"), 14h);
    EXPECT_EQ(gap("*/20 9-11 * * *"), 24h - 2h - 40min);
    EXPECT_EQ(gap("0 */6 * * *", "America/New_York"), 7h);
    EXPECT_EQ(gap("0 2 * * 1-5"), 72h);
    EXPECT_EQ(gap("0 2 * * 1-5", "Europe/Berlin"), 73h);  // from Friday over the Sunday to Monday
    EXPECT_EQ(gap("0 12 * * 6", "Europe/Berlin"), 7 * 24h + 1h);
    EXPECT_EQ(gap("@weekly"), 7 * 24h);
    EXPECT_EQ(gap("@monthly"), 31 * 24h);
    EXPECT_EQ(gap("0 0 31 * *"), 61 * 24h);
    EXPECT_EQ(gap("@yearly"), 366 * 24h);
    EXPECT_EQ(gap("0 3 * 12 *"), (365 - 30) * 24h + 24h);
    EXPECT_EQ(gap("0 0 29 2 *"), (4 * 365 + 1) * 24h);
    EXPECT_EQ(gap("0 0 29 2 */7"), (28 * 365 + 7) * 24h);
    EXPECT_EQ(gap("@every 1s"), 1s);
    EXPECT_EQ(gap("@every 9d"), 9 * 24h);
}

TEST(TheLongestGap, IsWhatDueTimesShow) {
    for (const std::string zone : {"UTC", "Europe/Berlin", "Australia/Lord_Howe", "America/New_York", "Africa/Cairo"}) {
        for (const std::string cron : {"30 2 * * *", "15 */5 * * *", "0 22 1,15 * *", "5,35 0-3,23 * * 0",
                                       "20 * * 3,10 *", "0 1,2,3 * * *", "7 * 25 * 0"}) {
            const Calendar each = calendar(cron, zone);
            TimePoint due = each.next_after(utc("2026-01-01"));
            std::chrono::seconds longest = 0s;
            for (const TimePoint end = due + std::chrono::years(9); due < end;) {
                const TimePoint next = each.next_after(due);
                longest = std::max(longest, std::chrono::floor<std::chrono::seconds>(next - due));
                due = next;
            }
            EXPECT_EQ(each.longest_gap(utc("2026-01-01")), longest) << cron << " " << zone;
        }
    }
}

TEST(Overdue, IsAfterTheGapTheJitterAndTheLeeway) {
    EXPECT_EQ(overdue_after(24h, 5min), 24h + 5min + 115min + 12s);  // 8 % of a day
    EXPECT_EQ(overdue_after(1h, 5min), 75min);                       // ten minutes are more than 8 %
    EXPECT_EQ(overdue_after(125min, 0s), 135min);
    EXPECT_EQ(overdue_after(1s, 500ms), 10min + 1500ms);
}

}  // namespace
}  // namespace lifeboat::schedule
