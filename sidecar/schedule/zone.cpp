#include "schedule/zone.hpp"

#include <date/tz.h>

#include <algorithm>
#include <array>
#include <exception>
#include <fstream>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <system_error>

#include "result/in_quotes.hpp"
#include "wrong.hpp"

namespace lifeboat::schedule {
namespace {

using std::chrono::local_seconds;
using std::chrono::seconds;
using std::chrono::sys_days;
using std::chrono::sys_seconds;

constexpr std::array<std::string_view, 14> names_of_utc = {
    "UTC",           "Etc/UTC", "UCT",     "Etc/UCT", "Zulu",     "Etc/Zulu",  "Universal",
    "Etc/Universal", "GMT",     "Etc/GMT", "GMT0",    "Etc/GMT0", "Greenwich", "Etc/Greenwich"};

// Far beyond what is asked for, and near enough to be added to.
constexpr sys_seconds beginning = sys_days(std::chrono::year(-9999) / 1 / 1);
constexpr sys_seconds ending = sys_days(std::chrono::year(9999) / 1 / 1);

bool fits_in_a_name(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_+-/").find(c) != std::string_view::npos;
}

std::optional<std::string> read_whole(const std::filesystem::path& file) {
    std::ifstream stream(file, std::ios::binary);
    std::string content((std::istreambuf_iterator<char>(stream)), {});
    return stream ? std::optional(std::move(content)) : std::nullopt;
}

// The rule for the time after the last transition stands on the last line, "CET-1CEST,M3.5.0,M10.5.0/3"; a comma in it
// means that clocks still change.
bool clocks_still_change(std::string_view file) {
    file.remove_suffix(file.ends_with('\n') ? 1 : 0);
    const std::size_t line = file.rfind('\n');
    return line != std::string_view::npos && file.substr(line).find(',') != std::string_view::npos;
}

// The library reads transitions and not the rule behind them, so a file that leaves transitions to its rule would be
// read as a zone without summer time.
bool lacks_transitions(const date::time_zone& zone, std::string_view file) {
    constexpr date::sys_seconds late = date::sys_days(date::year(2035) / 1 / 1);
    const bool none_follows = zone.get_info(late).end > late + date::years(100);
    return none_follows && clocks_still_change(file);
}

Error no_zone(std::string_view name) {
    return wrong(in_quotes(name) + " is no known time zone", R"(write an IANA name, such as "UTC" or "Europe/Berlin")");
}

Error unreadable_zone(std::string_view name, const std::filesystem::path& file, const std::string& why) {
    return {ErrorKind::corrupt, "the time zone " + in_quotes(name) + " in " + file.string() + " cannot be used: " + why,
            "install the package tzdata anew, or write timezone = \"UTC\""};
}

// What is asked of a file before the library sees it, because the library ends the process over a bad one.
Result<std::string> read_zone_file(std::string_view name, const std::filesystem::path& zoneinfo) {
    std::error_code ignored;
    const std::filesystem::path file = zoneinfo / name;
    if (!std::filesystem::is_directory(zoneinfo, ignored)) {
        return Error{ErrorKind::not_found,
                     "the time zone " + in_quotes(name) + " is not known: this machine has no time zone database in " +
                         zoneinfo.string(),
                     "install the package tzdata, or write timezone = \"UTC\""};
    }
    if (!std::filesystem::is_regular_file(file, ignored)) {
        return no_zone(name);
    }
    auto content = read_whole(file);
    if (!content) {
        return unreadable_zone(name, file, "it cannot be read");
    }
    constexpr std::size_t header = 44;
    if (content->size() < header || !content->starts_with("TZif")) {
        return no_zone(name);  // a list that lies among the zones
    }
    // The first form, of the 1990s, has neither 64 bits nor a rule.
    return (*content)[4] >= '2' ? Result<std::string>(std::move(*content))
                                : unreadable_zone(name, file, "it is not in a form of after 2005");
}

const date::time_zone* locate(std::string_view name) try {
    return date::locate_zone(name);
} catch (const std::runtime_error&) {
    return nullptr;
}

Result<const date::time_zone*> load(std::string_view name, const std::filesystem::path& file,
                                    std::string_view content) try {
    const date::time_zone* const zone = locate(name);
    if (zone == nullptr) {
        return no_zone(name);  // such as right/UTC, which counts leap seconds
    }
    if (lacks_transitions(*zone, content)) {
        return unreadable_zone(name, file, "it does not list when clocks change");
    }
    return zone;
} catch (const std::exception& failure) {
    return unreadable_zone(name, file, failure.what());
}

}  // namespace

Zone Zone::utc() {
    return {"UTC", nullptr};
}

Status Zone::check_name(std::string_view name) {
    const bool spelt = !name.empty() && std::all_of(name.begin(), name.end(), fits_in_a_name) && name.front() != '/' &&
                       name.back() != '/';
    if (!spelt) {
        return wrong(in_quotes(name) + " is no time zone", R"(write a name such as "UTC" or "Europe/Berlin")");
    }
    return done();
}

Result<Zone> Zone::find(std::string_view name, const std::filesystem::path& zoneinfo) {
    if (auto spelt = check_name(name); !spelt) {
        return spelt.error();
    }
    if (std::find(names_of_utc.begin(), names_of_utc.end(), name) != names_of_utc.end()) {
        return Zone(std::string(name), nullptr);
    }
    const auto content = read_zone_file(name, zoneinfo);
    if (!content) {
        return content.error();
    }
    const auto zone = load(name, zoneinfo / name, *content);
    return zone ? Result<Zone>(Zone(std::string(name), *zone)) : zone.error();
}

Period Zone::at(sys_seconds time) const {
    if (zone_ == nullptr) {
        return {beginning, ending, seconds::zero()};
    }
    const date::sys_info info = zone_->get_info(time);
    return {info.begin, info.end, info.offset};
}

sys_seconds Zone::first_instant(local_seconds local) const {
    const seconds count = local.time_since_epoch();
    return zone_ == nullptr ? sys_seconds(count) : zone_->to_sys(date::local_seconds(count), date::choose::earliest);
}

}  // namespace lifeboat::schedule
