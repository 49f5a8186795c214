#include "schedule/duration.hpp"

#include "result/in_quotes.hpp"
#include "wrong.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>

namespace lifeboat::schedule {
namespace {

using std::chrono::milliseconds;

struct Unit {
    std::string_view name;
    std::int64_t milliseconds;
};

constexpr std::array<Unit, 5> units = {{{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};
constexpr std::int64_t longest = std::int64_t{36'500} * 86'400'000;  // 100 years

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

std::optional<std::uint64_t> take_number(std::string_view& text) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc()) {
        return std::nullopt;
    }
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return number;
}

// Up to the next digit, so that "ms" is not taken for "m".
std::string_view take_unit(std::string_view& text) {
    const auto end = std::find_if(text.begin(), text.end(), is_digit);
    const std::string_view unit = text.substr(0, static_cast<std::size_t>(end - text.begin()));
    text.remove_prefix(unit.size());
    return unit;
}

Error no_duration(std::string_view text) {
    std::string_view rest = text;
    if (take_number(rest) && rest.empty()) {
        return wrong(in_quotes(text) + " has no unit", "add one of d, h, m, s, ms, such as \"30s\"");
    }
    return wrong(in_quotes(text) + " is no duration", R"(write it like "30s", "5m", "7d" or "1h30m")");
}

}  // namespace

Result<milliseconds> parse_duration(std::string_view text) {
    if (text == "0") {
        return milliseconds::zero();
    }
    std::int64_t total = 0;
    std::string_view rest = text;
    const auto* allowed = units.begin();  // units only get smaller
    do {
        const auto number = take_number(rest);
        const std::string_view name = take_unit(rest);
        const auto* unit = std::find_if(allowed, units.end(), [name](const Unit& each) { return each.name == name; });
        if (!number || unit == units.end()) {
            return no_duration(text);
        }
        if (*number > static_cast<std::uint64_t>((longest - total) / unit->milliseconds)) {
            return wrong(in_quotes(text) + " is more than 100 years", "write a shorter duration");
        }
        total += static_cast<std::int64_t>(*number) * unit->milliseconds;
        allowed = unit + 1;
    } while (!rest.empty());
    return milliseconds(total);
}

std::string write_duration(milliseconds duration) {
    std::int64_t rest = duration.count();
    std::string text;
    for (const Unit& unit : units) {
        if (rest >= unit.milliseconds) {
            text += std::to_string(rest / unit.milliseconds);
            text += unit.name;
            rest %= unit.milliseconds;
        }
    }
    return text.empty() ? "0s" : text;
}

}  // namespace lifeboat::schedule
