#include "schedule/cron.hpp"

#include <gmock/gmock.h>

namespace lifeboat::schedule {
namespace {

using std::chrono::local_days;
using std::chrono::year_month_day;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

Cron parsed(const std::string& text) {
    auto cron = Cron::parse(text);
    EXPECT_TRUE(cron.ok()) << text << ": " << cron.error().what;
    return std::move(*cron);
}

std::string refusal(const std::string& text) {
    const auto cron = Cron::parse(text);
    if (cron) {
        return "taken: " + text;
    }
    EXPECT_EQ(cron.error().kind, ErrorKind::usage);
    return cron.error().what + " | " + cron.error().next;
}

// Minutes of the first hour that matches.
std::vector<int> minutes_of(const std::string& field) {
    std::vector<int> result;
    const Cron cron = parsed(field + " 0 * * *");
    for (const auto time : cron.times_of_day()) {
        result.push_back(static_cast<int>(time.count()));
    }
    return result;
}

std::vector<int> hours_of(const std::string& field) {
    std::vector<int> result;
    const Cron cron = parsed("0 " + field + " * * *");
    for (const auto time : cron.times_of_day()) {
        result.push_back(static_cast<int>(time.count() / 60));
    }
    return result;
}

// The days of the month that match, of November 2026, which begins on a Sunday.
std::vector<int> november_days(const std::string& cron) {
    std::vector<int> result;
    for (int day = 1; day <= 30; ++day) {
        if (parsed(cron).matches_day(std::chrono::year(2026) / 11 / day)) {
            result.push_back(day);
        }
    }
    return result;
}

std::vector<int> months_of(const std::string& field) {
    std::vector<int> result;
    for (int month = 1; month <= 12; ++month) {
        if (parsed("0 0 1 " + field + " *").matches_day(std::chrono::year(2026) / month / 1)) {
            result.push_back(month);
        }
    }
    return result;
}

std::vector<int> weekdays_of(const std::string& field) {
    std::vector<int> result;
    for (int day = 0; day < 7; ++day) {
        if (parsed("0 0 * * " + field).matches_day(std::chrono::year(2026) / 11 / (1 + day))) {  // the 1st is a Sunday
            result.push_back(day);
        }
    }
    return result;
}

TEST(Fields, TakeNumbersRangesStepsAndLists) {
    EXPECT_THAT(minutes_of("17"), ElementsAre(17));
    EXPECT_THAT(minutes_of("*"), SizeIs(60));
    EXPECT_THAT(minutes_of("*/20"), ElementsAre(0, 20, 40));
    EXPECT_THAT(minutes_of("*/40"), ElementsAre(0, 40));
    EXPECT_THAT(minutes_of("10-50/10"), ElementsAre(10, 20, 30, 40, 50));
    EXPECT_THAT(minutes_of("10-49/10"), ElementsAre(10, 20, 30, 40));
    EXPECT_THAT(minutes_of("58-59,5,3-4,5"), ElementsAre(3, 4, 5, 58, 59));
    EXPECT_THAT(minutes_of("07"), ElementsAre(7));
    EXPECT_THAT(hours_of("0-23/6"), ElementsAre(0, 6, 12, 18));
    EXPECT_THAT(hours_of("23"), ElementsAre(23));
}

TEST(Fields, TakeNamesInAnyCase) {
    EXPECT_THAT(months_of("JAN,mar-May,Dec"), ElementsAre(1, 3, 4, 5, 12));
    EXPECT_THAT(months_of("jan-dec/5"), ElementsAre(1, 6, 11));
    EXPECT_THAT(weekdays_of("mon,WED-fri"), ElementsAre(1, 3, 4, 5));
}

TEST(Sunday, IsZeroAndSeven) {
    EXPECT_THAT(weekdays_of("0"), ElementsAre(0));
    EXPECT_THAT(weekdays_of("7"), ElementsAre(0));
    EXPECT_THAT(weekdays_of("sun"), ElementsAre(0));
    EXPECT_THAT(weekdays_of("5-7"), ElementsAre(0, 5, 6));
    EXPECT_THAT(weekdays_of("fri-sun"), ElementsAre(0, 5, 6));
    EXPECT_THAT(weekdays_of("sun-tue"), ElementsAre(0, 1, 2));
    EXPECT_THAT(weekdays_of("0-7"), SizeIs(7));
}

TEST(Days, MatchByEitherFieldWhereBothAreRestricted) {
    EXPECT_THAT(november_days("0 0 13 * fri"), ElementsAre(6, 13, 20, 27));
    EXPECT_THAT(november_days("0 0 2,3 * fri"), ElementsAre(2, 3, 6, 13, 20, 27));
    EXPECT_THAT(november_days("0 0 1-7 * 7"), ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 15, 22, 29));
    EXPECT_THAT(november_days("0 0 2 * *"), ElementsAre(2));
    EXPECT_THAT(november_days("0 0 * * 1"), ElementsAre(2, 9, 16, 23, 30));
    EXPECT_THAT(november_days("0 0 2 10 fri"), SizeIs(0));  // another month, whatever the day
}

TEST(Days, MatchByBothFieldsWhereOneBeginsWithAStar) {
    EXPECT_THAT(november_days("0 0 */2 * sun"), ElementsAre(1, 15, 29));
    EXPECT_THAT(november_days("0 0 1-15 * */6"), ElementsAre(1, 7, 8, 14, 15));  // Sundays and Saturdays
}

TEST(TheHour, IsOpenWhereAllOfThemMatch) {
    for (const std::string open : {"*", "*/1", "0-23", "0-11,12-23"}) {
        EXPECT_TRUE(parsed("0 " + open + " * * *").every_hour()) << open;
    }
    for (const std::string fixed : {"2", "*/2", "1-23"}) {
        EXPECT_FALSE(parsed("* " + fixed + " * * *").every_hour()) << fixed;
    }
}

TEST(NamedSchedules, StandForFields) {
    const std::vector<std::pair<std::string, std::string>> names = {
        {"@hourly", "0 * * * *"},  {"@daily", "0 0 * * *"},  {"@midnight", "0 0 * * *"}, {"@weekly", "0 0 * * 0"},
        {"@monthly", "0 0 1 * *"}, {"@yearly", "0 0 1 1 *"}, {"@annually", "0 0 1 1 *"}, {"@Daily", "0 0 * * *"}};
    for (const auto& [name, fields] : names) {
        const Cron named = parsed(name);
        const Cron spelt = parsed(fields);
        EXPECT_EQ(named.times_of_day(), spelt.times_of_day()) << name;
        const auto start = local_days(year_month_day(std::chrono::year(2026) / 1 / 1));
        for (auto day = start; day < start + std::chrono::days(800); day += std::chrono::days(1)) {
            ASSERT_EQ(named.matches_day(year_month_day(day)), spelt.matches_day(year_month_day(day))) << name;
        }
        EXPECT_EQ(named.text(), name);
    }
}

TEST(Intervals, AreWholeSeconds) {
    using namespace std::chrono_literals;
    EXPECT_EQ(parsed("@every 1s").interval(), 1s);
    EXPECT_EQ(parsed("@every   1h30m").interval(), 90min);
    EXPECT_EQ(parsed("@EVERY 7d").interval(), 168h);
    EXPECT_EQ(parsed("@every 2000ms").interval(), 2s);
    EXPECT_EQ(parsed("@daily").interval(), std::nullopt);
    EXPECT_EQ(parsed("17 2 * * *").interval(), std::nullopt);
}

TEST(Intervals, AreRefusedByWhatIsWrong) {
    EXPECT_THAT(refusal("@every"), HasSubstr("lacks its duration"));
    EXPECT_THAT(refusal("@every 5"), AllOf(HasSubstr("'5' has no unit"), HasSubstr("@every")));
    EXPECT_THAT(refusal("@every soon"), HasSubstr("'soon' is no duration"));
    EXPECT_THAT(refusal("@every 0"), HasSubstr("at least one"));
    EXPECT_THAT(refusal("@every 999ms"), HasSubstr("whole seconds"));
    EXPECT_THAT(refusal("@every 1s500ms"), HasSubstr("whole seconds"));
    EXPECT_THAT(refusal("@every -5m"), HasSubstr("no duration"));
    EXPECT_THAT(refusal("@every 101d 5h"), HasSubstr("no duration"));
    EXPECT_THAT(refusal("@every 99999d"), HasSubstr("more than 100 years"));
}

TEST(Blanks, AreOfNoMatter) {
    EXPECT_EQ(parsed("  17\t2  * * *\n").text(), "17\t2  * * *");
    EXPECT_THAT(parsed("  17\t2  * * *\n").times_of_day(), ElementsAre(std::chrono::minutes(137)));
    EXPECT_EQ(parsed(" @daily ").text(), "@daily");
}

TEST(Errors, NameTheFieldAndWhatIsAllowed) {
    EXPECT_THAT(refusal("60 2 * * *"), AllOf(HasSubstr("'60 2 * * *': the minute '60' is not 0 to 59"),
                                             HasSubstr("write 0 to 59"), HasSubstr("*/5")));
    EXPECT_THAT(refusal("17 24 * * *"), HasSubstr("the hour '24' is not 0 to 23"));
    EXPECT_THAT(refusal("17 2 0 * *"), HasSubstr("the day of the month '0' is not 1 to 31"));
    EXPECT_THAT(refusal("17 2 32 * *"), HasSubstr("the day of the month '32'"));
    EXPECT_THAT(refusal("17 2 * 13 *"), AllOf(HasSubstr("the month '13' is not 1 to 12"), HasSubstr("jan to dec")));
    EXPECT_THAT(refusal("17 2 * * 8"),
                AllOf(HasSubstr("the day of the week '8' is not 0 to 7"), HasSubstr("sun to sat")));
    EXPECT_THAT(refusal("17 2 * mon *"), HasSubstr("the month 'mon'"));
    EXPECT_THAT(refusal("17 2 * * monday"), HasSubstr("the day of the week 'monday'"));
    EXPECT_THAT(refusal("17 2 * * ?"), AllOf(HasSubstr("'?'"), HasSubstr("* for any")));
    EXPECT_THAT(refusal("17 2 L * *"), HasSubstr("the day of the month 'L'"));
    EXPECT_THAT(refusal("-1 2 * * *"), HasSubstr("the minute '-1'"));
    EXPECT_THAT(refusal("+1 2 * * *"), HasSubstr("the minute '+1'"));
    EXPECT_THAT(refusal("1- 2 * * *"), HasSubstr("the minute '1-'"));
    EXPECT_THAT(refusal("1-2-3 2 * * *"), HasSubstr("the minute '1-2-3'"));
    EXPECT_THAT(refusal("1,,2 2 * * *"), HasSubstr("the minute ''"));
    EXPECT_THAT(refusal(", 2 * * *"), HasSubstr("the minute ''"));
    EXPECT_THAT(refusal("** 2 * * *"), HasSubstr("the minute '**'"));
    EXPECT_THAT(refusal("1.5 2 * * *"), HasSubstr("the minute '1.5'"));
    EXPECT_THAT(refusal("99999999999999999999 2 * * *"), HasSubstr("the minute '99999999999999999999'"));
}

TEST(Errors, SayHowToWriteARangeAcrossTheEnd) {
    EXPECT_THAT(refusal("0 22-4 * * *"),
                AllOf(HasSubstr("the hour '22-4' ends before it begins"), HasSubstr("22-23,0-4")));
    EXPECT_THAT(refusal("0 0 * nov-feb *"), HasSubstr("11-12,1-2"));
    EXPECT_THAT(refusal("0 0 * * sat-mon"), HasSubstr("6-7,0-1"));
}

TEST(Errors, SayWhatAStepIs) {
    EXPECT_THAT(refusal("*/0 2 * * *"), HasSubstr("the step '0' of the minute is not 1 to 59"));
    EXPECT_THAT(refusal("*/90 * * * *"), AllOf(HasSubstr("the step '90'"), HasSubstr("@every 90m")));
    EXPECT_THAT(refusal("*/ * * * *"), HasSubstr("the step ''"));
    EXPECT_THAT(refusal("*/-5 * * * *"), HasSubstr("the step '-5'"));
    EXPECT_THAT(refusal("*/5/5 * * * *"), HasSubstr("the step '5/5'"));
    EXPECT_THAT(refusal("5/10 * * * *"), AllOf(HasSubstr("a step without a range"), HasSubstr("5-59/10")));
}

TEST(Errors, CountTheFields) {
    EXPECT_THAT(refusal(""), HasSubstr("has 0 fields, not five"));
    EXPECT_THAT(refusal("*"), HasSubstr("has 1 field, not five"));
    EXPECT_THAT(refusal("17 2 * *"), HasSubstr("has 4 fields"));
    EXPECT_THAT(refusal("0 17 2 * * *"), AllOf(HasSubstr("has 6 fields"), HasSubstr("no seconds")));
    EXPECT_THAT(refusal("CRON_TZ=Europe/Berlin 17 2 * * *"), HasSubstr("schedule.timezone"));
}

TEST(Errors, KnowTheNames) {
    EXPECT_THAT(refusal("@never"), AllOf(HasSubstr("'@never' is no named schedule"), HasSubstr("@daily")));
    EXPECT_THAT(refusal("@reboot"), HasSubstr("no named schedule"));
    EXPECT_THAT(refusal("@daily 5"), HasSubstr("no named schedule"));
    EXPECT_THAT(refusal("@"), HasSubstr("no named schedule"));
    EXPECT_THAT(refusal("@ daily"), HasSubstr("no named schedule"));
}

TEST(Errors, ShowNothingThatATerminalObeys) {
    EXPECT_THAT(refusal("\x1b[31m 2 * * *"), HasSubstr("'?[31m'"));
    EXPECT_LT(refusal(std::string(100'000, '*') + " * * * *").size(), 600U);
}

TEST(ASchedule, ThatNoDayMatchesIsRefused) {
    EXPECT_THAT(refusal("0 0 30 2 *"), HasSubstr("would never be due"));
    EXPECT_THAT(refusal("0 0 31 4,6,9,11 *"), HasSubstr("would never be due"));
    parsed("0 0 29 2 *");
    parsed("0 0 30 2 mon");  // Mondays in February
    parsed("0 0 31 1-4 *");
}

TEST(ALeapDay, OnADayOfTheWeekIsFoundHoweverFar) {
    // Sundays only, by the star: 2004, 2032, 2060, 2088, and after the missing leap day of 2100 not before 2128.
    const Cron cron = parsed("0 0 29 2 */7");
    const auto first = [&](int year) {
        return year_month_day(cron.first_matching_day(local_days(std::chrono::year(year) / 1 / 1)));
    };
    EXPECT_EQ(first(2005), std::chrono::year(2032) / 2 / 29);
    EXPECT_EQ(first(2089), std::chrono::year(2128) / 2 / 29);
}

TEST(TheFirstMatchingDay, MayBeTheDayItself) {
    const Cron cron = parsed("0 0 5 * *");
    const local_days fifth(std::chrono::year(2026) / 11 / 5);
    EXPECT_EQ(cron.first_matching_day(fifth), fifth);
    EXPECT_EQ(cron.first_matching_day(fifth + std::chrono::days(1)), local_days(std::chrono::year(2026) / 12 / 5));
}

}  // namespace
}  // namespace lifeboat::schedule
