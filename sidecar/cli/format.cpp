#include "format.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

namespace lifeboat::cli {
namespace {

// Characters rather than bytes, for UTF-8: everything but continuation bytes begins one.
std::size_t width(const std::string& text) {
    return static_cast<std::size_t>(std::count_if(
        text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

std::string line(const std::vector<std::string>& cells, const std::vector<std::size_t>& widths) {
    std::string text;
    for (std::size_t i = 0; i < cells.size(); ++i) {
        text += cells[i];
        if (i + 1 < cells.size()) {
            text.append(widths[i] - width(cells[i]) + 2, ' ');
        }
    }
    while (!text.empty() && text.back() == ' ') {
        text.pop_back();
    }
    return text + "\n";
}

}  // namespace

std::string human_bytes(std::uint64_t bytes) {
    static constexpr std::array units = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    auto value = static_cast<double>(bytes);
    std::size_t unit = 0;
    // 1023.95 KiB would be written as 1024.0 KiB.
    while (value >= (unit == 0 ? 1024 : 1023.95) && unit + 1 < units.size()) {
        value /= 1024;
        ++unit;
    }
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f %s" : "%.1f %s", value, units.at(unit));
    return text.data();
}

std::string human_duration(std::chrono::seconds duration) {
    const auto total = std::max<std::int64_t>(0, duration.count());
    std::array<char, 32> text{};
    if (total < 60) {
        std::snprintf(text.data(), text.size(), "%llds", static_cast<long long>(total));
    } else if (total < 3600) {
        std::snprintf(text.data(), text.size(), "%lldm %02llds", static_cast<long long>(total / 60),
                      static_cast<long long>(total % 60));
    } else {
        std::snprintf(text.data(), text.size(), "%lldh %02lldm", static_cast<long long>(total / 3600),
                      static_cast<long long>(total / 60 % 60));
    }
    return text.data();
}

std::string human_age(std::chrono::seconds age) {
    const auto seconds = std::max<std::int64_t>(0, age.count());
    const auto minutes = seconds / 60;
    const auto hours = minutes / 60;
    const auto two = [](std::int64_t large, const char* large_unit, std::int64_t small, const char* small_unit) {
        const std::string text = std::to_string(large) + large_unit;
        return small == 0 ? text : text + " " + std::to_string(small) + small_unit;
    };
    if (hours >= 48) {
        return two(hours / 24, "d", hours % 24, "h");
    }
    if (hours >= 1) {
        return two(hours, "h", minutes % 60, "m");
    }
    return minutes >= 1 ? std::to_string(minutes) + "m" : std::to_string(seconds) + "s";
}

namespace {

std::string printable_but(const std::string& text, char kept) {
    std::string shown;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        const auto next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0U;
        // U+0080 to U+009F are control characters too: some terminals take U+009B for the start of a command.
        const bool second_set = byte == 0xC2 && next >= 0x80 && next < 0xA0;
        const bool control = byte < 0x20 || byte == 0x7F || second_set;
        shown += control && text[i] != kept ? '?' : text[i];
        i += second_set ? 1 : 0;
    }
    return shown;
}

}  // namespace

std::string joined(const std::vector<std::string>& texts) {
    std::string all;
    for (const auto& text : texts) {
        all += (all.empty() ? "" : ", ") + text;
    }
    return all;
}

std::string printable(const std::string& text) {
    return printable_but(text, ' ');
}

std::string printable_lines(const std::string& text) {
    return printable_but(text, '\n');
}

std::string field_line(const std::string& name, const std::string& value) {
    return name + std::string(name.size() < 14 ? 14 - name.size() : 1, ' ') + printable(value) + "\n";
}

std::string table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows) {
    std::vector<std::vector<std::string>> all = {header};
    all.insert(all.end(), rows.begin(), rows.end());
    std::vector<std::size_t> widths(header.size(), 0);
    for (auto& row : all) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            row[i] = printable(row[i]);
            widths[i] = std::max(widths[i], width(row[i]));
        }
    }
    std::string text;
    for (const auto& row : all) {
        text += line(row, widths);
    }
    return text;
}

}  // namespace lifeboat::cli
