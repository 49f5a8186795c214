// What is due when clocks are put forward or back, written down by hand from when they were or will be.
#include <gmock/gmock.h>

#include "times.hpp"

namespace lifeboat::schedule {
namespace {

using testing::ElementsAre;

struct Case {
    std::string cron;
    std::string zone;
    std::string from;
    std::vector<std::string> due;
};

void PrintTo(const Case& shown, std::ostream* out) {
    *out << shown.cron << " in " << shown.zone << " from " << shown.from;
}

class ClockChanges : public testing::TestWithParam<Case> {};

TEST_P(ClockChanges, LoseAndDoubleNoRun) {
    const Case& given = GetParam();
    EXPECT_EQ(due_times(calendar(given.cron, given.zone), given.from, static_cast<int>(given.due.size())), given.due);
}

// 29 March 2026, 01:00Z: 02:00 becomes 03:00.
const std::vector<Case> berlin_forward = {
    {"30 2 * * *",
     "Europe/Berlin",
     "2026-03-28",
     {"2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"}},
    {"0 2 * * *", "Europe/Berlin", "2026-03-28 12:00", {"2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"}},
    {"59 2 * * *", "Europe/Berlin", "2026-03-28 12:00", {"2026-03-29T01:00:00Z", "2026-03-30T00:59:00Z"}},
    {"59 1 * * *", "Europe/Berlin", "2026-03-28 12:00", {"2026-03-29T00:59:00Z", "2026-03-29T23:59:00Z"}},
    {"0 3 * * *", "Europe/Berlin", "2026-03-28 12:00", {"2026-03-29T01:00:00Z", "2026-03-30T01:00:00Z"}},
    // Several in the gap, and one at its end: once.
    {"*/20 2 * * *", "Europe/Berlin", "2026-03-28 12:00", {"2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"}},
    {"30 1-4 * * *",
     "Europe/Berlin",
     "2026-03-28 12:00",
     {"2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z", "2026-03-29T02:30:00Z",
      "2026-03-29T23:30:00Z"}},
    // Only on the day of the change.
    {"30 2 29 3 *", "Europe/Berlin", "2026-01-01", {"2026-03-29T01:00:00Z", "2027-03-29T00:30:00Z"}},
    // By real time: an hour that the clock skips is none.
    {"17 * * * *",
     "Europe/Berlin",
     "2026-03-28 23:30",
     {"2026-03-29T00:17:00Z", "2026-03-29T01:17:00Z", "2026-03-29T02:17:00Z"}},
    {"@hourly",
     "Europe/Berlin",
     "2026-03-28 23:30",
     {"2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z"}},
    {"*/30 * * * *",
     "Europe/Berlin",
     "2026-03-29 00:00",
     {"2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z"}},
};
INSTANTIATE_TEST_SUITE_P(BerlinForward, ClockChanges, testing::ValuesIn(berlin_forward));

// 25 October 2026, 01:00Z: 03:00 becomes 02:00.
const std::vector<Case> berlin_back = {
    {"30 2 * * *",
     "Europe/Berlin",
     "2026-10-24",
     {"2026-10-24T00:30:00Z", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"}},
    {"30 2 * * *", "Europe/Berlin", "2026-10-25 00:30", {"2026-10-26T01:30:00Z"}},
    {"30 2 * * *", "Europe/Berlin", "2026-10-25 01:10", {"2026-10-26T01:30:00Z"}},
    {"30 2 * * *", "Europe/Berlin", "2026-10-25 01:30", {"2026-10-26T01:30:00Z"}},
    {"0 3 * * *", "Europe/Berlin", "2026-10-24 12:00", {"2026-10-25T02:00:00Z", "2026-10-26T02:00:00Z"}},
    {"0 2 * * *", "Europe/Berlin", "2026-10-24 12:00", {"2026-10-25T00:00:00Z", "2026-10-26T01:00:00Z"}},
    {"*/30 2,3 * * *",
     "Europe/Berlin",
     "2026-10-24 12:00",
     {"2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z", "2026-10-25T02:00:00Z", "2026-10-25T02:30:00Z",
      "2026-10-26T01:00:00Z"}},
    {"17 * * * *",
     "Europe/Berlin",
     "2026-10-24 23:30",
     {"2026-10-25T00:17:00Z", "2026-10-25T01:17:00Z", "2026-10-25T02:17:00Z"}},
    {"@hourly",
     "Europe/Berlin",
     "2026-10-24 23:30",
     {"2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"}},
    {"@daily", "Europe/Berlin", "2026-10-24 12:00", {"2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"}},
};
INSTANTIATE_TEST_SUITE_P(BerlinBack, ClockChanges, testing::ValuesIn(berlin_back));

// 8 March 2026, 07:00Z: 02:00 becomes 03:00. 1 November 2026, 06:00Z: 02:00 becomes 01:00.
const std::vector<Case> new_york = {
    {"17 2 * * *", "America/New_York", "2026-03-07 12:00", {"2026-03-08T07:00:00Z", "2026-03-09T06:17:00Z"}},
    {"17 1 * * *", "America/New_York", "2026-03-07 12:00", {"2026-03-08T06:17:00Z", "2026-03-09T05:17:00Z"}},
    {"17 1 * * *", "America/New_York", "2026-10-31 12:00", {"2026-11-01T05:17:00Z", "2026-11-02T06:17:00Z"}},
    {"17 2 * * *", "America/New_York", "2026-10-31 12:00", {"2026-11-01T07:17:00Z", "2026-11-02T07:17:00Z"}},
    {"17 * * * *",
     "America/New_York",
     "2026-11-01 05:00",
     {"2026-11-01T05:17:00Z", "2026-11-01T06:17:00Z", "2026-11-01T07:17:00Z"}},
};
INSTANTIATE_TEST_SUITE_P(NewYork, ClockChanges, testing::ValuesIn(new_york));

// Half an hour: 4 October 2026 (local), 15:30Z of the 3rd: 02:00 becomes 02:30. 5 April 2026 (local), 15:00Z of the
// 4th: 02:00 becomes 01:30.
const std::vector<Case> lord_howe = {
    {"@hourly",
     "Australia/Lord_Howe",
     "2026-04-04 13:30",
     {"2026-04-04T14:00:00Z", "2026-04-04T15:30:00Z", "2026-04-04T16:30:00Z"}},
    {"15 2 * * *", "Australia/Lord_Howe", "2026-10-03", {"2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z"}},
    {"45 2 * * *", "Australia/Lord_Howe", "2026-10-03", {"2026-10-03T15:45:00Z", "2026-10-04T15:45:00Z"}},
    {"45 1 * * *", "Australia/Lord_Howe", "2026-04-04", {"2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z"}},
    {"15 1 * * *", "Australia/Lord_Howe", "2026-04-04", {"2026-04-04T14:15:00Z", "2026-04-05T14:45:00Z"}},
    {"45 * * * *",
     "Australia/Lord_Howe",
     "2026-04-04 14:00",
     {"2026-04-04T14:45:00Z", "2026-04-04T15:15:00Z", "2026-04-04T16:15:00Z"}},
    {"15 * * * *",
     "Australia/Lord_Howe",
     "2026-10-03 14:00",
     {"2026-10-03T14:45:00Z", "2026-10-03T16:15:00Z", "2026-10-03T17:15:00Z"}},
};
INSTANTIATE_TEST_SUITE_P(LordHowe, ClockChanges, testing::ValuesIn(lord_howe));

// Samoa went over the date line: after the end of 29 December 2011, at 10:00Z of the 30th, the 31st began.
const std::vector<Case> apia = {
    {"@daily",
     "Pacific/Apia",
     "2011-12-29 00:00",
     {"2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"}},
    {"30 12 * * *",
     "Pacific/Apia",
     "2011-12-29 12:00",
     {"2011-12-29T22:30:00Z", "2011-12-30T10:00:00Z", "2011-12-30T22:30:00Z", "2011-12-31T22:30:00Z"}},
    {"30 12 30 12 *", "Pacific/Apia", "2011-06-01", {"2011-12-30T10:00:00Z", "2012-12-29T22:30:00Z"}},
    {"30 12 31 12 *", "Pacific/Apia", "2011-06-01", {"2011-12-30T22:30:00Z", "2012-12-30T22:30:00Z"}},
    {"17 * * * *", "Pacific/Apia", "2011-12-30 08:30", {"2011-12-30T09:17:00Z", "2011-12-30T10:17:00Z"}},
};
INSTANTIATE_TEST_SUITE_P(Apia, ClockChanges, testing::ValuesIn(apia));

// Clocks that change at midnight: Beirut to 01:00 on 29 March 2026 (22:00Z of the 28th), back from 00:00 to 23:00 on 25
// October (21:00Z of the 24th).
const std::vector<Case> beirut = {
    {"@daily",
     "Asia/Beirut",
     "2026-03-27 12:00",
     {"2026-03-27T22:00:00Z", "2026-03-28T22:00:00Z", "2026-03-29T21:00:00Z"}},
    {"30 0 * * *", "Asia/Beirut", "2026-03-28 12:00", {"2026-03-28T22:00:00Z", "2026-03-29T21:30:00Z"}},
    {"30 0 29 3 *", "Asia/Beirut", "2026-01-01", {"2026-03-28T22:00:00Z"}},
    {"30 23 * * *", "Asia/Beirut", "2026-10-24 12:00", {"2026-10-24T20:30:00Z", "2026-10-25T21:30:00Z"}},
    {"@daily", "Asia/Beirut", "2026-10-24 12:00", {"2026-10-24T22:00:00Z", "2026-10-25T22:00:00Z"}},
};
INSTANTIATE_TEST_SUITE_P(Beirut, ClockChanges, testing::ValuesIn(beirut));

}  // namespace
}  // namespace lifeboat::schedule
