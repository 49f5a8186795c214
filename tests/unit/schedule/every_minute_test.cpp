// Due times against a walk over every minute of a year, with libc's idea of time zones and sets of numbers instead of
// texts. The two share no code.
#include <gmock/gmock.h>
#include <stdlib.h>

#include <algorithm>
#include <ctime>
#include <random>
#include <set>

#include "times.hpp"

namespace lifeboat::schedule {
namespace {

using namespace std::chrono_literals;

// One minute of real time, and what a clock on the wall shows.
struct Minute {
    std::time_t start;
    std::int64_t local;  // minutes, as if the clock showed UTC
};

struct Date {
    int minute, hour, day, month, weekday;
};

struct Sets {
    std::set<int> minutes, hours, days, months, weekdays;
    bool any_day = false;      // by a star
    bool any_weekday = false;  // by a star
};

class Walk {
public:
    Walk(const std::string& zone, int year) {
        setenv("TZ", zone.c_str(), 1);
        tzset();
        const std::string begin = std::to_string(year) + "-01-01", end = std::to_string(year + 1) + "-01-01";
        const auto last = std::chrono::system_clock::to_time_t(utc(end));
        for (auto time = std::chrono::system_clock::to_time_t(utc(begin)); time < last; time += 60) {
            std::tm local{};
            localtime_r(&time, &local);
            minutes_.push_back({time, timegm(&local) / 60});
        }
        unsetenv("TZ");
        tzset();
        for (std::int64_t local = minutes_.front().local; local <= minutes_.back().local; ++local) {
            const std::time_t seconds = local * 60;
            std::tm time{};
            gmtime_r(&seconds, &time);
            dates_.push_back({time.tm_min, time.tm_hour, time.tm_mday, time.tm_mon + 1, time.tm_wday});
        }
    }

    [[nodiscard]] std::vector<std::time_t> due(const Sets& sets) const {
        return sets.hours.size() == 24 ? by_the_clock(sets) : by_local_times(sets);
    }

    [[nodiscard]] std::time_t begin() const { return minutes_.front().start; }

private:
    [[nodiscard]] bool matches(const Sets& sets, std::int64_t local) const {
        const Date& date = dates_.at(static_cast<std::size_t>(local - minutes_.front().local));
        if (!sets.minutes.contains(date.minute) || !sets.hours.contains(date.hour) ||
            !sets.months.contains(date.month)) {
            return false;
        }
        const bool day = sets.days.contains(date.day);
        const bool weekday = sets.weekdays.contains(date.weekday);
        return sets.any_day || sets.any_weekday ? day && weekday : day || weekday;
    }

    [[nodiscard]] std::vector<std::time_t> by_the_clock(const Sets& sets) const {
        std::vector<std::time_t> result;
        for (const Minute& minute : minutes_) {
            if (matches(sets, minute.local)) {
                result.push_back(minute.start);
            }
        }
        return result;
    }

    // Each local minute when it, or one behind it, is first shown.
    [[nodiscard]] std::vector<std::time_t> by_local_times(const Sets& sets) const {
        std::vector<std::time_t> result;
        std::int64_t shown = minutes_.front().local - 1;
        for (const Minute& minute : minutes_) {
            bool due = false;
            for (; shown < minute.local; ++shown) {
                due = matches(sets, shown + 1) || due;
            }
            if (due) {
                result.push_back(minute.start);
            }
        }
        return result;
    }

    std::vector<Minute> minutes_;
    std::vector<Date> dates_;  // of all local minutes, also of those that no clock shows
};

// A field's set, and one of the many ways to write it.
class Writer {
public:
    explicit Writer(unsigned seed) : random_(seed) {}

    int number(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random_); }

    std::string field(std::set<int>& set, int low, int high) {
        switch (number(0, 4)) {
            case 0: return all(set, low, high, 1, "*");
            case 1: {
                const int step = number(1, high / 2 + 1);
                return all(set, low, high, step, "*/" + std::to_string(step));
            }
            default: return list(set, low, high);
        }
    }

    std::string list(std::set<int>& set, int low, int high) {
        std::string text;
        for (int items = number(1, 3); items > 0; --items) {
            const int first = number(low, high), last = number(first, high), step = number(1, 3);
            text += text.empty() ? "" : ",";
            if (number(0, 1) == 0) {
                set.insert(first);
                text += std::to_string(first);
            } else {
                text += all(
                    set, first, last, step,
                    std::to_string(first) + "-" + std::to_string(last) + (step > 1 ? "/" + std::to_string(step) : ""));
            }
        }
        return text;
    }

private:
    static std::string all(std::set<int>& set, int first, int last, int step, const std::string& text) {
        for (int value = first; value <= last; value += step) {
            set.insert(value);
        }
        return text;
    }

    std::mt19937 random_;
};

struct Sample {
    std::string text;
    Sets sets;
};

Sample sample(Writer& writer) {
    Sample result;
    // Few minutes, so that the walk and not the counting takes the time.
    std::string minutes, hours, days, months, weekdays;
    minutes =
        writer.number(0, 9) == 0 ? writer.field(result.sets.minutes, 0, 59) : writer.list(result.sets.minutes, 0, 59);
    hours = writer.field(result.sets.hours, 0, 23);
    days = writer.field(result.sets.days, 1, 31);
    months = writer.field(result.sets.months, 1, 12);
    weekdays = writer.field(result.sets.weekdays, 0, 6);
    result.sets.any_day = days.starts_with('*');
    result.sets.any_weekday = weekdays.starts_with('*');
    result.text = minutes + " " + hours + " " + days + " " + months + " " + weekdays;
    return result;
}

std::vector<std::time_t> walked_by_next_after(const Calendar& calendar, std::time_t begin, std::time_t end) {
    std::vector<std::time_t> result;
    TimePoint due = std::chrono::system_clock::from_time_t(begin) - 1s;
    for (;;) {
        const TimePoint next = calendar.next_after(due);
        if (next <= due) {
            ADD_FAILURE() << "not ascending at " << text_of(due);
            return result;
        }
        due = next;
        const std::time_t time = std::chrono::system_clock::to_time_t(due);
        if (time >= end) {
            return result;
        }
        result.push_back(time);
    }
}

struct Year {
    std::string zone;
    int year;
};

void PrintTo(const Year& shown, std::ostream* out) {
    *out << shown.zone << " " << shown.year;
}

class EveryMinute : public testing::TestWithParam<Year> {};

TEST_P(EveryMinute, OfAYearThatMatchesIsDueOnce) {
    const auto [zone, year] = GetParam();
    const Walk walk(zone, year);
    const std::time_t end = std::chrono::system_clock::to_time_t(utc(std::to_string(year + 1) + "-01-01"));
    Writer writer(20261125);
    std::size_t due = 0;
    for (int count = 0; count < 25; ++count) {
        const Sample each = sample(writer);
        const auto cron = Cron::parse(each.text);
        if (!cron) {
            ASSERT_THAT(cron.error().what, testing::HasSubstr("would never be due")) << each.text;
            ASSERT_TRUE(walk.due(each.sets).empty()) << each.text;
            continue;
        }
        const auto expected = walk.due(each.sets);
        const auto found = walked_by_next_after(Calendar(*cron, calendar("@daily", zone).zone()), walk.begin(), end);
        const auto [left, right] = std::mismatch(expected.begin(), expected.end(), found.begin(), found.end());
        ASSERT_EQ(expected.size(), found.size()) << each.text;
        ASSERT_TRUE(left == expected.end() && right == found.end())
            << each.text << " differs at " << text_of(std::chrono::system_clock::from_time_t(*left)) << " and "
            << text_of(std::chrono::system_clock::from_time_t(*right));
        due += found.size();
    }
    EXPECT_GT(due, 5000U);
}

TEST_P(EveryMinute, FindsTheNextFromAnywhere) {
    const auto [zone, year] = GetParam();
    const Walk walk(zone, year);
    Writer writer(7);
    for (int count = 0; count < 10; ++count) {
        const Sample each = sample(writer);
        const auto cron = Cron::parse(each.text);
        const auto expected = walk.due(each.sets);
        if (!cron || expected.empty()) {
            continue;
        }
        const Calendar here(*cron, calendar("@daily", zone).zone());
        for (int tries = 0; tries < 1000; ++tries) {
            const std::time_t from =
                writer.number(static_cast<int>(walk.begin()), static_cast<int>(expected.back()) - 1);
            const auto next = std::upper_bound(expected.begin(), expected.end(), from);
            const auto found = here.next_after(std::chrono::system_clock::from_time_t(from) + 999ms);
            ASSERT_EQ(text_of(found), text_of(std::chrono::system_clock::from_time_t(*next)))
                << each.text << " from " << text_of(std::chrono::system_clock::from_time_t(from));
        }
    }
}

// Beside those with a rule of their own: clocks that change at midnight (Beirut, Havana), for Ramadan (Casablanca), by
// the date line (Apia), in a leap year (Santiago), with five minutes in their offset (Kathmandu).
INSTANTIATE_TEST_SUITE_P(Zones, EveryMinute,
                         testing::Values(Year{"UTC", 2026}, Year{"Europe/Berlin", 2026}, Year{"America/New_York", 2027},
                                         Year{"Australia/Lord_Howe", 2026}, Year{"Pacific/Apia", 2011},
                                         Year{"Asia/Beirut", 2026}, Year{"America/Havana", 2026},
                                         Year{"Africa/Casablanca", 2026}, Year{"America/Santiago", 2028},
                                         Year{"Asia/Kathmandu", 2026}, Year{"Pacific/Kwajalein", 1993}));

}  // namespace
}  // namespace lifeboat::schedule
