#include "os/clock.hpp"

#include <array>
#include <ctime>

namespace lifeboat::os {

std::string utc_text(TimePoint time) {
    const std::time_t seconds = std::chrono::system_clock::to_time_t(std::chrono::floor<std::chrono::seconds>(time));
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    std::array<char, 64> text{};
    const std::size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
    return {text.data(), length};
}

std::optional<TimePoint> utc_time(const std::string& text) {
    std::tm parts{};
    const char* end = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts);
    if (end == nullptr || end != text.c_str() + text.size()) {
        return std::nullopt;
    }
    constexpr std::time_t last = 9'000'000'000;  // the clock counts nanoseconds and ends in 2262
    const std::time_t seconds = ::timegm(&parts);
    if (seconds < 0 || seconds > last) {
        return std::nullopt;
    }
    return std::chrono::system_clock::from_time_t(seconds);
}

}  // namespace lifeboat::os
