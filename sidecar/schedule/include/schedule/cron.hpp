// What a schedule says, without a clock or a place: which minutes of which days.
#pragma once

#include "result/result.hpp"

#include <bitset>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lifeboat::schedule {

// A schedule as people write it:
//
//   17 2 * * *       five fields: minute 0-59, hour 0-23, day of the month 1-31, month 1-12, day of the week 0-7
//   */15 8-18 * * mon-fri
//   @daily           @hourly, @daily, @midnight, @weekly (Sunday), @monthly, @yearly, @annually: at 00:00, or minute 0
//   @every 6h        at whole multiples of a duration since 1970-01-01T00:00:00Z; whole seconds, from 1s to 100 years
//
// A field is `*`, a number, a range `10-50`, either with a step `*/5` or `10-50/10`, or several of these with commas.
// Months and days of the week also go by the first three letters of their English names, in any case, also in ranges.
// Both 0 and 7 are Sunday; a range of days of the week may end with Sunday, as in `fri-sun`.
//
// Where both the day of the month and the day of the week are restricted, a day matches if *either* matches, as in
// Vixie cron. As there, a field that begins with `*` (also `*/2`) does not count as restricted: then both must match.
//
// A value. Safe to read from several threads.
class Cron {
public:
    // Errors are of kind usage and name the field, what was found there and what is allowed. One that never matches a
    // day, such as the 30th of February, is an error. Takes any bytes.
    static Result<Cron> parse(std::string_view text);

    // As it was written, without blanks around it.
    [[nodiscard]] const std::string& text() const noexcept { return text_; }

    // Of @every; empty for all others, and only they have what stands below.
    [[nodiscard]] std::optional<std::chrono::seconds> interval() const noexcept { return interval_; }

    [[nodiscard]] bool matches_day(std::chrono::year_month_day day) const;
    // The first matching day that is not before `day`. There is one within 40 years.
    [[nodiscard]] std::chrono::local_days first_matching_day(std::chrono::local_days day) const;
    // Which minutes of a matching day, counted from its 00:00; ascending, never empty.
    [[nodiscard]] const std::vector<std::chrono::minutes>& times_of_day() const noexcept { return times_of_day_; }
    // Whether the hour is left open: `*`, or anything that comes to all 24.
    [[nodiscard]] bool every_hour() const noexcept { return every_hour_; }

private:
    Cron() = default;

    static Result<Cron> parse_named(std::string_view text);
    static Result<Cron> parse_interval(std::string_view duration);
    static Result<Cron> parse_fields(std::string_view fields);

    [[nodiscard]] std::optional<std::chrono::local_days> find_day(std::chrono::local_days from) const;

    std::string text_;
    std::optional<std::chrono::seconds> interval_;
    std::vector<std::chrono::minutes> times_of_day_;
    std::bitset<32> days_;     // of the month, from 1
    std::bitset<13> months_;   // from 1
    std::bitset<7> weekdays_;  // from Sunday, 0
    bool either_day_ = false;  // both kinds of days are restricted, so one of them suffices
    bool every_hour_ = false;
};

}  // namespace lifeboat::schedule
