#include "catalogue/backup_id.hpp"

#include "os/random.hpp"

#include <algorithm>
#include <array>
#include <ctime>

namespace lifeboat::catalogue {
namespace {

constexpr std::string_view shape = "ddddddddTddddddZ-xxxx";  // d: a digit, x: a lower-case hex digit

bool fits(char shape_character, char c) {
    const bool digit = c >= '0' && c <= '9';
    if (shape_character == 'd') {
        return digit;
    }
    if (shape_character == 'x') {
        return digit || (c >= 'a' && c <= 'f');
    }
    return c == shape_character;
}

}  // namespace

BackupId BackupId::make(os::TimePoint started) {
    const std::time_t seconds = std::chrono::system_clock::to_time_t(std::chrono::floor<std::chrono::seconds>(started));
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    std::array<char, 32> text{};
    const std::size_t length = std::strftime(text.data(), text.size(), "%Y%m%dT%H%M%SZ-", &parts);
    return BackupId(std::string(text.data(), length) + os::random_hex(2));
}

Result<BackupId> BackupId::parse(std::string_view text) {
    if (text.size() != shape.size() || !std::equal(shape.begin(), shape.end(), text.begin(), fits)) {
        return Error{ErrorKind::usage, "'" + std::string(text.substr(0, 64)) + "' is no backup id",
                     "ids look like 20261122T021700Z-7f3a; `lifeboat list` shows them"};
    }
    return BackupId(std::string(text));
}

os::TimePoint BackupId::started() const {
    const auto number = [this](std::size_t at, std::size_t length) { return std::stoi(text_.substr(at, length)); };
    std::tm parts{};
    parts.tm_year = number(0, 4) - 1900;
    parts.tm_mon = number(4, 2) - 1;
    parts.tm_mday = number(6, 2);
    parts.tm_hour = number(9, 2);
    parts.tm_min = number(11, 2);
    parts.tm_sec = number(13, 2);
    return std::chrono::system_clock::from_time_t(::timegm(&parts));  // an impossible date is one some days later
}

}  // namespace lifeboat::catalogue
