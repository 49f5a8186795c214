#include "schedule/cron.hpp"

#include "result/in_quotes.hpp"
#include "schedule/duration.hpp"
#include "wrong.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <span>
#include <utility>

namespace lifeboat::schedule {
namespace {

using std::chrono::days;
using std::chrono::local_days;
using std::chrono::year_month_day;

constexpr std::array<std::string_view, 12> month_names = {"jan", "feb", "mar", "apr", "may", "jun",
                                                          "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> weekday_names = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

struct Field {
    std::string_view name;
    int low;
    int high;
    std::string_view example;                 // of a range, a step and a list
    std::span<const std::string_view> names;  // the first stands for `low`
    std::string_view names_example;
};

constexpr std::size_t weekday_field = 4;
const std::array<Field, 5> fields = {{{"minute", 0, 59, "10-50, */5 or 0,30", {}, {}},
                                      {"hour", 0, 23, "8-18, */6 or 2,14", {}, {}},
                                      {"day of the month", 1, 31, "1-7, */2 or 1,15", {}, {}},
                                      {"month", 1, 12, "1-6, */3 or 1,7", month_names, "jan to dec"},
                                      {"day of the week", 0, 7, "1-5, */2 or 1,4", weekday_names, "sun to sat"}}};

struct NamedSchedule {
    std::string_view name;
    std::string_view fields;
};
constexpr std::array<NamedSchedule, 7> named_schedules = {{{"@hourly", "0 * * * *"},
                                                           {"@daily", "0 0 * * *"},
                                                           {"@midnight", "0 0 * * *"},
                                                           {"@weekly", "0 0 * * 0"},
                                                           {"@monthly", "0 0 1 * *"},
                                                           {"@yearly", "0 0 1 1 *"},
                                                           {"@annually", "0 0 1 1 *"}}};

constexpr std::string_view blanks = " \t\r\n";

std::string_view trimmed(std::string_view text) {
    const std::size_t first = text.find_first_not_of(blanks);
    return first == std::string_view::npos ? std::string_view()
                                           : text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::string in_lower_case(std::string_view text) {
    std::string lower(text);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return lower;
}

std::vector<std::string_view> split(std::string_view text, std::string_view separators) {
    std::vector<std::string_view> pieces;
    for (;;) {
        const std::size_t end = text.find_first_of(separators);
        pieces.push_back(text.substr(0, end));
        if (end == std::string_view::npos) {
            return pieces;
        }
        text.remove_prefix(end + 1);
    }
}

std::vector<std::string_view> words(std::string_view text) {
    std::vector<std::string_view> pieces = split(text, blanks);
    std::erase_if(pieces, [](std::string_view piece) { return piece.empty(); });
    return pieces;
}

std::string allowed_in(const Field& field) {
    std::string text = "write " + std::to_string(field.low) + " to " + std::to_string(field.high);
    if (!field.names.empty()) {
        text += ", or " + std::string(field.names_example);
    }
    return text + ", such as " + std::string(field.example) + ", or * for any";
}

// "the hour '25' is not 0 to 23"
Error bad_value(const Field& field, std::string_view found) {
    return wrong("the " + std::string(field.name) + " " + in_quotes(found) + " is not " + std::to_string(field.low) +
                     " to " + std::to_string(field.high),
                 allowed_in(field));
}

std::optional<int> whole_number(std::string_view text) {
    int number = 0;
    const char* const end = text.data() + text.size();
    const bool digits = !text.empty() && text.front() != '-';
    const auto [stop, error] = std::from_chars(text.data(), end, number);
    return digits && error == std::errc() && stop == end ? std::optional(number) : std::nullopt;
}

std::optional<int> value_of(const Field& field, std::string_view text) {
    const auto name = std::find(field.names.begin(), field.names.end(), in_lower_case(text));
    const std::optional<int> value = name != field.names.end()
                                         ? std::optional(field.low + static_cast<int>(name - field.names.begin()))
                                         : whole_number(text);
    return value && *value >= field.low && *value <= field.high ? value : std::nullopt;
}

struct Range {
    int first;
    int last;
    bool single;
};

Error range_runs_backwards(const Field& field, std::string_view text, const Range& range) {
    return wrong("the " + std::string(field.name) + " " + in_quotes(text) + " ends before it begins",
                 "write the smaller one first; for a range across the end, two: " + std::to_string(range.first) + "-" +
                     std::to_string(field.high) + "," + std::to_string(field.low) + "-" + std::to_string(range.last));
}

Result<Range> parse_range(const Field& field, std::string_view text) {
    if (text == "*") {
        return Range{field.low, field.high, false};
    }
    const std::size_t dash = text.find('-');
    const auto first = value_of(field, text.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : value_of(field, text.substr(dash + 1));
    if (!first || !last) {
        return bad_value(field, text);
    }
    Range range{*first, *last, dash == std::string_view::npos};
    if (&field == &fields[weekday_field] && range.last == 0 && range.first > 0) {
        range.last = 7;  // fri-sun
    }
    return range.first <= range.last ? Result<Range>(range) : range_runs_backwards(field, text, range);
}

Result<int> parse_step(const Field& field, std::string_view text) {
    const auto step = whole_number(text);
    if (step && *step > 0 && *step <= field.high) {
        return *step;
    }
    const std::string most = std::to_string(field.high);
    // 90 minutes by */90 is a common wish, and a field starts anew with each hour.
    return wrong("the step " + in_quotes(text) + " of the " + std::string(field.name) + " is not 1 to " + most,
                 "write a step that fits; for any other distance use @every, such as \"@every 90m\"");
}

using Values = std::bitset<60>;

Status add_item(const Field& field, std::string_view item, Values& values) {
    const std::size_t slash = item.find('/');
    const auto range = parse_range(field, item.substr(0, slash));
    if (!range) {
        return range.error();
    }
    int step = 1;
    if (slash != std::string_view::npos) {
        if (range->single) {
            const std::string from(item.substr(0, slash));
            return wrong("the " + std::string(field.name) + " " + in_quotes(item) + " has a step without a range",
                         "write " + from + "-" + std::to_string(field.high) + std::string(item.substr(slash)) +
                             ", or */… to start at " + std::to_string(field.low));
        }
        const auto given = parse_step(field, item.substr(slash + 1));
        if (!given) {
            return given.error();
        }
        step = *given;
    }
    for (int value = range->first; value <= range->last; value += step) {
        values.set(static_cast<std::size_t>(value));
    }
    return done();
}

Result<Values> parse_field(const Field& field, std::string_view text) {
    Values values;
    for (const std::string_view item : split(text, ",")) {
        if (auto added = add_item(field, item, values); !added) {
            return added.error();
        }
    }
    return values;
}

Error wrong_number_of_fields(std::string_view text, std::size_t count) {
    if (text.find('=') < text.find_first_of(blanks)) {
        return wrong(in_quotes(text) + " sets a variable in front of the schedule",
                     "write the time zone in schedule.timezone, and five fields here");
    }
    return wrong(in_quotes(text) + " has " + std::to_string(count) + (count == 1 ? " field" : " fields") + ", not five",
                 "write minute, hour, day of month, month and day of week, such as \"17 2 * * *\"" +
                     std::string(count > 5 ? ": no seconds, no year" : ""));
}

Error no_named_schedule(std::string_view text) {
    return wrong(in_quotes(text) + " is no named schedule",
                 "write @hourly, @daily, @weekly, @monthly or @yearly, \"@every 6h\", or five fields");
}

template <std::size_t size>
std::bitset<size> first_of(const Values& values) {
    std::bitset<size> result;
    for (std::size_t value = 0; value < size; ++value) {
        result[value] = values[value];
    }
    return result;
}

std::vector<std::chrono::minutes> times(const Values& minutes, const Values& hours) {
    std::vector<std::chrono::minutes> result;
    for (int minute = 0; minute < 24 * 60; ++minute) {
        if (hours[static_cast<std::size_t>(minute / 60)] && minutes[static_cast<std::size_t>(minute % 60)]) {
            result.emplace_back(minute);
        }
    }
    return result;
}

year_month_day first_of_next_month(year_month_day day) {
    const auto next = day.year() / day.month() + std::chrono::months(1);
    return next / std::chrono::day(1);
}

}  // namespace

Result<Cron> Cron::parse(std::string_view text) {
    const std::string_view whole = trimmed(text);
    auto cron = whole.starts_with('@') ? parse_named(whole) : parse_fields(whole);
    if (cron) {
        cron->text_ = whole;
    }
    return cron;
}

Result<Cron> Cron::parse_named(std::string_view text) {
    const std::size_t blank = text.find_first_of(blanks);
    const std::string name = in_lower_case(text.substr(0, blank));
    if (name == "@every") {
        return parse_interval(blank == std::string_view::npos ? "" : trimmed(text.substr(blank)));
    }
    const auto* const found = std::find_if(named_schedules.begin(), named_schedules.end(),
                                           [&](const NamedSchedule& each) { return each.name == name; });
    if (blank != std::string_view::npos || found == named_schedules.end()) {
        return no_named_schedule(text);
    }
    return parse_fields(found->fields);
}

Result<Cron> Cron::parse_interval(std::string_view duration) {
    if (duration.empty()) {
        return wrong("@every lacks its duration", "write it like \"@every 6h\" or \"@every 1h30m\"");
    }
    const auto parsed = parse_duration(duration);
    if (!parsed) {
        return in_context("@every", parsed.error());
    }
    const auto interval = std::chrono::floor<std::chrono::seconds>(*parsed);
    if (interval != *parsed || interval < std::chrono::seconds(1)) {
        return wrong("@every takes whole seconds, at least one, not " + in_quotes(duration),
                     "write it like \"@every 1s\" or \"@every 6h\"");
    }
    Cron cron;
    cron.interval_ = interval;
    return cron;
}

Result<Cron> Cron::parse_fields(std::string_view text) {
    const std::vector<std::string_view> given = words(text);
    if (given.size() != fields.size()) {
        return wrong_number_of_fields(text, given.size());
    }
    std::array<Values, fields.size()> values;
    for (std::size_t at = 0; at < fields.size(); ++at) {
        auto parsed = parse_field(fields[at], given[at]);
        if (!parsed) {
            return in_context(in_quotes(text), parsed.error());
        }
        values[at] = *parsed;
    }
    const auto& [minutes, hours, month_days, months, weekdays] = values;
    Cron cron;
    cron.times_of_day_ = times(minutes, hours);
    cron.every_hour_ = first_of<24>(hours).all();
    cron.days_ = first_of<32>(month_days);
    cron.months_ = first_of<13>(months);
    cron.weekdays_ = first_of<7>(weekdays);
    cron.weekdays_[0] = weekdays[0] || weekdays[7];
    cron.either_day_ = !given[2].starts_with('*') && !given[4].starts_with('*');
    if (!cron.find_day(local_days(year_month_day(std::chrono::year(2000) / 1 / 1)))) {
        return wrong(in_quotes(text) + " names a day that no month has: it would never be due",
                     "correct the day of the month or the month; for the end of each month take \"0 0 1 * *\"");
    }
    return cron;
}

bool Cron::matches_day(year_month_day day) const {
    if (!months_[static_cast<unsigned>(day.month())]) {
        return false;
    }
    const bool in_month = days_[static_cast<unsigned>(day.day())];
    const bool in_week = weekdays_[std::chrono::weekday(local_days(day)).c_encoding()];
    return either_day_ ? in_month || in_week : in_month && in_week;
}

std::optional<local_days> Cron::find_day(local_days day) const {
    // The 29th of February on a given day of the week comes round after 40 years at the latest, in 2100 and the like.
    const local_days end = day + std::chrono::years(41) / days(1) * days(1);
    while (day < end) {
        const year_month_day date(day);
        if (matches_day(date)) {
            return day;
        }
        const bool in_this_month = months_[static_cast<unsigned>(date.month())];
        day = in_this_month ? day + days(1) : local_days(first_of_next_month(date));
    }
    return std::nullopt;
}

local_days Cron::first_matching_day(local_days day) const {
    return find_day(day).value_or(day);  // parse() has seen that there is one
}

}  // namespace lifeboat::schedule
