#include "iso_time.hpp"

#include <algorithm>

namespace lifeboat::s3 {
namespace {

using std::chrono::minutes;
using std::chrono::nanoseconds;
using std::chrono::seconds;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

// Takes what it reads from the front; once something did not fit, all that follows does not either.
class Scanner {
public:
    explicit Scanner(std::string_view text) : rest_(text) {}

    int number(std::size_t digits) {
        if (rest_.size() < digits || !std::all_of(rest_.begin(), rest_.begin() + static_cast<long>(digits), is_digit)) {
            fits_ = false;
            return 0;
        }
        int value = 0;
        for (const char c : rest_.substr(0, digits)) {
            value = value * 10 + (c - '0');
        }
        rest_.remove_prefix(digits);
        return value;
    }

    bool next_is(char c) const { return rest_.starts_with(c); }

    bool skip_if(char c) {
        const bool there = next_is(c);
        rest_.remove_prefix(there ? 1 : 0);
        return there;
    }

    void skip(char c) { fits_ = skip_if(c) && fits_; }

    // Of any length; what is finer than the clock is dropped.
    nanoseconds fraction() {
        nanoseconds value{0};
        nanoseconds unit = std::chrono::milliseconds(100);
        fits_ = fits_ && !rest_.empty() && is_digit(rest_.front());
        for (; !rest_.empty() && is_digit(rest_.front()); rest_.remove_prefix(1)) {
            value += unit * (rest_.front() - '0');
            unit /= 10;
        }
        return value;
    }

    bool fits() const { return fits_; }
    bool all_read() const { return fits_ && rest_.empty(); }

private:
    std::string_view rest_;
    bool fits_ = true;
};

std::optional<std::chrono::sys_days> scan_day(Scanner& scanner) {
    const int year = scanner.number(4);
    scanner.skip('-');
    const int month = scanner.number(2);
    scanner.skip('-');
    const int day = scanner.number(2);
    const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                           std::chrono::day(static_cast<unsigned>(day))};
    if (!scanner.fits() || !date.ok() || year < 1970 || year > 2261) {
        return std::nullopt;
    }
    return std::chrono::sys_days(date);
}

std::optional<nanoseconds> scan_time_of_day(Scanner& scanner) {
    const int hour = scanner.number(2);
    scanner.skip(':');
    const int minute = scanner.number(2);
    scanner.skip(':');
    const int second = scanner.number(2);
    const nanoseconds fraction = scanner.skip_if('.') ? scanner.fraction() : nanoseconds(0);
    if (!scanner.fits() || hour > 23 || minute > 59 || second > 60) {  // 60: a leap second, which this clock skips
        return std::nullopt;
    }
    return std::chrono::hours(hour) + minutes(minute) + seconds(second) + fraction;
}

// How far the written time is ahead of UTC.
std::optional<minutes> scan_offset(Scanner& scanner) {
    if (scanner.skip_if('Z')) {
        return minutes(0);
    }
    const int sign = scanner.next_is('-') ? -1 : 1;
    scanner.skip(sign < 0 ? '-' : '+');
    const int hours = scanner.number(2);
    scanner.skip(':');
    const int rest = scanner.number(2);
    if (!scanner.fits() || hours > 23 || rest > 59) {
        return std::nullopt;
    }
    return sign * (std::chrono::hours(hours) + minutes(rest));
}

}  // namespace

std::optional<std::chrono::system_clock::time_point> parse_iso_time(std::string_view text) {
    Scanner scanner(text);
    const auto day = scan_day(scanner);
    scanner.skip('T');
    const auto time = day ? scan_time_of_day(scanner) : std::nullopt;
    const auto offset = time ? scan_offset(scanner) : std::nullopt;
    if (!offset || !scanner.all_read()) {
        return std::nullopt;
    }
    const std::chrono::system_clock::time_point point = *day + *time - *offset;
    if (point.time_since_epoch() < nanoseconds(0)) {
        return std::nullopt;
    }
    return point;
}

}  // namespace lifeboat::s3
