#include "health/page_words.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>

namespace lifeboat::health {

namespace {

using std::chrono::floor;
using std::chrono::seconds;
using std::chrono::sys_days;

constexpr std::array months{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

struct Unit {
    seconds length;
    std::string_view name;   // "min"
    std::string_view words;  // "minute"
};

constexpr std::array units{Unit{std::chrono::hours(24), "d", "day"}, Unit{std::chrono::hours(1), "h", "hour"},
                           Unit{std::chrono::minutes(1), "min", "minute"}, Unit{seconds(1), "s", "second"}};

std::string with(seconds::rep count, std::string_view name) {
    return std::to_string(count) + " " + std::string(name);
}

int year_of(sys_days day) {
    return static_cast<int>(std::chrono::year_month_day(day).year());
}

// As people call it who know what day it is.
std::string day_near(os::TimePoint then, os::TimePoint now) {
    const auto day = floor<std::chrono::days>(then);
    const auto today = floor<std::chrono::days>(now);
    switch ((day - today).count()) {
        case -1: return "yesterday";
        case 0: return "today";
        case 1: return "tomorrow";
        default: return day_text(day) + (year_of(day) == year_of(today) ? "" : " " + std::to_string(year_of(day)));
    }
}

}  // namespace

std::string grouped(std::uint64_t number) {
    std::string text = std::to_string(number);
    for (std::size_t i = text.size(); i > 3; i -= 3) {
        text.insert(i - 3, 1, ',');
    }
    return text;
}

std::string bytes_text(std::uint64_t bytes) {
    static constexpr std::array names{"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    auto value = static_cast<double>(bytes);
    std::size_t unit = 0;
    // 1023.95 KiB would be written as 1024.0 KiB.
    while (value >= (unit == 0 ? 1024 : 1023.95) && unit + 1 < names.size()) {
        value /= 1024;
        ++unit;
    }
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f %s" : "%.1f %s", value, names.at(unit));
    return text.data();
}

std::string took_text(seconds duration) {
    duration = std::max(duration, seconds::zero());
    for (std::size_t i = 0; i + 1 < units.size(); ++i) {
        const auto count = duration / units.at(i).length;
        if (count > 0) {
            const auto rest = duration % units.at(i).length / units.at(i + 1).length;
            return with(count, units.at(i).name) + (rest > 0 ? " " + with(rest, units.at(i + 1).name) : "");
        }
    }
    return with(duration.count(), "s");
}

std::string span_text(seconds duration) {
    for (const auto& unit : units) {
        // Up to two days hours are plainer.
        const auto least = unit.length == std::chrono::hours(24) ? 2 : 1;
        const auto count = duration / unit.length;
        if (count >= least && unit.length >= std::chrono::minutes(1)) {
            return with(count, unit.words) + (count == 1 ? "" : "s");
        }
    }
    return "a moment";
}

std::string ago_text(os::TimePoint then, os::TimePoint now) {
    const auto age = floor<seconds>(now - then);
    return age < std::chrono::minutes(1) ? "just now" : span_text(age) + " ago";
}

std::string until_text(os::TimePoint then, os::TimePoint now) {
    const auto left = std::chrono::ceil<seconds>(then - now);
    return left <= seconds::zero() ? "now" : "in " + span_text(left);
}

std::string day_text(sys_days day) {
    const std::chrono::year_month_day date(day);
    return std::to_string(static_cast<unsigned>(date.day())) + " " + months.at(static_cast<unsigned>(date.month()) - 1);
}

std::string clock_text(os::TimePoint time) {
    const std::chrono::hh_mm_ss clock(floor<std::chrono::minutes>(time - floor<std::chrono::days>(time)));
    std::array<char, 16> text{};
    std::snprintf(text.data(), text.size(), "%02d:%02d UTC", static_cast<int>(clock.hours().count()),
                  static_cast<int>(clock.minutes().count()));
    return text.data();
}

std::string date_text(os::TimePoint time) {
    const auto day = floor<std::chrono::days>(time);
    return day_text(day) + " " + std::to_string(year_of(day)) + ", " + clock_text(time);
}

std::string short_text(os::TimePoint then, os::TimePoint now) {
    return day_near(then, now) + ", " + clock_text(then).substr(0, 5);
}

std::string moment_text(os::TimePoint then, os::TimePoint now) {
    return day_near(then, now) + " at " + clock_text(then);
}

}  // namespace lifeboat::health
