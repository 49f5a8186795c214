#include "chart.hpp"

#include "health/page_words.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string_view>

namespace lifeboat::health {

namespace {

constexpr std::int64_t column = 10;  // the picture's own units, stretched to whatever room there is
constexpr std::int64_t width = 6;
constexpr std::int64_t height = 100;

// 1, 2, 4, 6, 8, 10, 20, 40 … times `scale`: each of these has a round half.
std::uint64_t round_up(std::uint64_t most, std::uint64_t scale) {
    for (std::uint64_t power = scale;; power *= 10) {
        for (const std::uint64_t step : {1U, 2U, 4U, 6U, 8U}) {
            if (step * power >= most) {
                return step * power;
            }
        }
    }
}

constexpr std::uint64_t minute = 60;
constexpr std::uint64_t hour = 60 * minute;
constexpr std::uint64_t day = 24 * hour;

std::uint64_t round_time(std::uint64_t most) {
    for (const std::uint64_t end :
         {std::uint64_t{2}, std::uint64_t{10}, std::uint64_t{20}, std::uint64_t{40}, minute, 2 * minute, 4 * minute,
          6 * minute, 10 * minute, 20 * minute, 40 * minute, hour, 2 * hour, 4 * hour, 6 * hour, 12 * hour, day}) {
        if (end >= most) {
            return end;
        }
    }
    return round_up(most, 2 * day);
}

std::uint64_t unit_of(std::uint64_t bytes) {
    std::uint64_t unit = 1;
    while (bytes / unit >= 1024 && unit < std::uint64_t{1} << 50U) {
        unit *= 1024;
    }
    return unit;
}

std::string plain(double value) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%.3g", value);
    return text.data();
}

void add_bar(Html& page, std::size_t index, const Bar& bar, std::uint64_t end) {
    const auto share = static_cast<double>(bar.value) / static_cast<double>(end);
    // A small one is seen all the same.
    const auto tall = std::max<std::int64_t>(std::lround(share * height), 1);
    page.markup("<rect class=\"");
    if (bar.whole) {
        page.markup("bar");
    } else {
        page.markup("bar-other");
    }
    page.markup("\" x=\"").number(static_cast<std::int64_t>(index) * column + (column - width) / 2);
    page.markup("\" y=\"").number(height - tall).markup("\" width=\"").number(width);
    page.markup("\" height=\"").number(tall).markup("\"><title>").text(bar.title).markup("</title></rect>");
}

}  // namespace

std::uint64_t axis_end(Unit unit, std::uint64_t most) {
    most = std::max<std::uint64_t>(most, 1);
    if (unit == Unit::seconds) {
        return round_time(most);
    }
    const auto scale = unit_of(most);
    const auto end = round_up((most + scale - 1) / scale, 1) * scale;
    return std::max<std::uint64_t>(end < 1000 * scale ? end : 1024 * scale, 2);
}

std::string tick_text(Unit unit, std::uint64_t value) {
    if (value == 0) {
        return "0";
    }
    if (unit == Unit::seconds) {
        return took_text(std::chrono::seconds(value));
    }
    static constexpr std::array<std::string_view, 6> names{" B", " KiB", " MiB", " GiB", " TiB", " PiB"};
    std::size_t name = 0;
    for (auto scale = unit_of(value); scale > 1; scale /= 1024) {
        ++name;
    }
    return plain(static_cast<double>(value) / static_cast<double>(unit_of(value))) + std::string(names.at(name));
}

void add_chart(Html& page, Unit unit, const Bars& bars, const Days& days, const std::string& text) {
    std::uint64_t most = 0;
    for (const auto& bar : bars) {
        most = std::max(most, bar ? bar->value : 0);
    }
    const auto end = axis_end(unit, most);
    page.markup("<div class=\"plot\"><div class=\"ticks\" aria-hidden=\"true\">");
    for (const auto tick : {end, end / 2, std::uint64_t{0}}) {
        page.markup("<span>").text(tick_text(unit, tick)).markup("</span>");
    }
    page.markup("</div><svg viewBox=\"0 0 300 100\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"");
    page.text(text).markup("\"><path class=\"grid\" d=\"M0 0H300M0 50H300M0 100H300\"/>");
    for (std::size_t i = 0; i < bars.size(); ++i) {
        if (bars.at(i)) {
            add_bar(page, i, *bars.at(i), end);
        }
    }
    page.markup("</svg><div class=\"dates\" aria-hidden=\"true\">");
    for (const std::size_t shown : {std::size_t{0}, days.size() / 2, days.size() - 1}) {
        page.markup("<span>").text(day_text(days.at(shown).date)).markup("</span>");
    }
    page.markup("</div></div>");
}

}  // namespace lifeboat::health
