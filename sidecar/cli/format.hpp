// Numbers and tables for people.
#pragma once

#include "os/clock.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace lifeboat::cli {

std::string human_bytes(std::uint64_t bytes);               // "431 B", "12.3 MiB"
std::string human_duration(std::chrono::seconds duration);  // "0s", "4m 12s", "2h 03m"

// An age, or the time until something: "45s", "12m", "3h 5m", "2d 3h". Of a negative one: "0s".
std::string human_age(std::chrono::seconds age);

// Columns two spaces apart, as wide as their widest cell; the last is never padded. Control characters are
// shown as "?": names come from other people's databases.
std::string table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows);

// A name and a value in two columns, as one line. Control characters of the value are shown as "?".
std::string field_line(const std::string& name, const std::string& value);

// One after the other: "a, b".
std::string joined(const std::vector<std::string>& texts);

// A name fit for a terminal: control characters become "?".
std::string printable(const std::string& text);

// The same for a text of several lines: line breaks stay.
std::string printable_lines(const std::string& text);

}  // namespace lifeboat::cli
