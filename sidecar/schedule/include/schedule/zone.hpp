// Time zones of the IANA database, as this machine has it in /usr/share/zoneinfo.
#pragma once

#include "result/result.hpp"

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>

namespace date {
class time_zone;
}

namespace lifeboat::schedule {

// A stretch of time in which a zone's clocks run through: local time is UTC plus `offset`. Between the end of one and
// the begin of the next, clocks are put forward (a gap: local times that do not exist) or back (local times that come
// twice); or only the zone's name or rules change.
struct Period {
    std::chrono::sys_seconds begin;
    std::chrono::sys_seconds end;  // the first second of the next one
    std::chrono::seconds offset;
};

inline const std::filesystem::path system_zoneinfo = "/usr/share/zoneinfo";

// A value, cheap to copy. Safe to use from several threads. What is read of the database once is kept for the life of
// the process.
class Zone {
public:
    // Needs no database, as do "UTC", "Etc/UTC" and their other names below.
    static Zone utc();

    // Errors:
    //   usage      it cannot be a zone's name, or the database has no such zone
    //   not_found  there is no database on this machine; UTC works all the same
    //   corrupt    the database's file is not in the form that is understood (TZif with all its transitions: what
    //              Debian's tzdata has; the "slim" form lacks them and would be silently off by an hour)
    // `zoneinfo` is where it is looked up beforehand, for tests; what is then used is the system's.
    static Result<Zone> find(std::string_view name, const std::filesystem::path& zoneinfo = system_zoneinfo);

    // Whether it can be a zone's name at all, wherever it is looked up: "Europe/Berlin", but not "../etc/passwd".
    static Status check_name(std::string_view name);

    [[nodiscard]] const std::string& name() const noexcept { return name_; }

    // The period that holds `time`. The database says nothing about the rules after 2037: from then on the last
    // offset stays.
    [[nodiscard]] Period at(std::chrono::sys_seconds time) const;

    // When the zone's clocks show `local` for the first time. The end of the gap if they never do.
    [[nodiscard]] std::chrono::sys_seconds first_instant(std::chrono::local_seconds local) const;

private:
    Zone(std::string name, const date::time_zone* zone) : name_(std::move(name)), zone_(zone) {}

    std::string name_;
    const date::time_zone* zone_;  // none: UTC. Lives as long as the process
};

}  // namespace lifeboat::schedule
