// Time comes in through the door, so that tests can hold it.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace lifeboat::os {

using TimePoint = std::chrono::system_clock::time_point;

class Clock {
public:
    Clock() = default;
    Clock(const Clock&) = delete;
    Clock& operator=(const Clock&) = delete;
    virtual ~Clock() = default;
    [[nodiscard]] virtual TimePoint now() const = 0;
};

class SystemClock final : public Clock {
public:
    [[nodiscard]] TimePoint now() const override { return std::chrono::system_clock::now(); }
};

// "2026-11-22T02:17:00Z" (RFC 3339, UTC, whole seconds).
std::string utc_text(TimePoint time);

// What utc_text writes, read again, from 1970 to 2255; empty for anything else.
std::optional<TimePoint> utc_time(const std::string& text);

}  // namespace lifeboat::os
