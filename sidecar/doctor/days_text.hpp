// "1 day", "30 days".
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace lifeboat::doctor {

inline std::string days_text(std::uint64_t days) {
    return std::to_string(days) + (days == 1 ? " day" : " days");
}

inline std::string days_text(std::chrono::milliseconds time) {
    return days_text(static_cast<std::uint64_t>(std::chrono::floor<std::chrono::days>(time).count()));
}

}  // namespace lifeboat::doctor
