#include "health/words.hpp"

#include <algorithm>

namespace lifeboat::health {

namespace {

std::string two_units(std::chrono::seconds::rep large, char large_unit, std::chrono::seconds::rep small,
                      char small_unit) {
    std::string text = std::to_string(large) + large_unit;
    if (small > 0) {
        text += " " + std::to_string(small) + small_unit;
    }
    return text;
}

}  // namespace

std::string duration_text(std::chrono::seconds duration) {
    const auto seconds = duration.count();
    const auto minutes = seconds / 60;
    const auto hours = minutes / 60;
    if (hours >= 48) {
        return two_units(hours / 24, 'd', hours % 24, 'h');
    }
    if (hours >= 1) {
        return two_units(hours, 'h', minutes % 60, 'm');
    }
    return minutes >= 1 ? std::to_string(minutes) + "m" : std::to_string(seconds) + "s";
}

std::string counted(std::size_t number, std::string_view thing) {
    return std::to_string(number) + " " + std::string(thing) + (number == 1 ? "" : "s");
}

std::string some_of(const std::vector<std::string>& names) {
    constexpr std::size_t most = 5;
    std::string text;
    for (std::size_t i = 0; i < std::min(names.size(), most); ++i) {
        text += (i == 0 ? "" : ", ") + names[i];
    }
    if (names.size() > most) {
        text += " and " + std::to_string(names.size() - most) + " more";
    }
    return text;
}

std::string shortened(std::string text, std::size_t limit) {
    if (text.size() <= limit) {
        return text;
    }
    std::size_t end = limit - 3;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) {
        --end;  // within a character
    }
    text.resize(end);
    return text + "...";
}

}  // namespace lifeboat::health
