#include "max_delete.hpp"

#include <algorithm>
#include <chrono>

#include "schedule/cron.hpp"

namespace lifeboat::config {
namespace {

using namespace std::chrono_literals;
using std::chrono::hours;

// By what the schedule says and not by the dates ahead: the same settings must mean the same whenever they are loaded.
std::uint64_t most_within(const schedule::Cron& cron, hours day) {
    if (const auto interval = cron.interval()) {
        const std::chrono::seconds length = day;
        return static_cast<std::uint64_t>((length + *interval - 1s) / *interval);
    }
    const std::uint64_t usual = cron.times_of_day().size();
    // Each hour has as many, and one that the clock shows twice has them twice. Fixed times never come twice.
    return cron.every_hour() ? usual / 24 * static_cast<std::uint64_t>(day.count()) : usual;
}

std::uint64_t most_within(std::string_view cron, hours day) {
    const auto parsed = schedule::Cron::parse(cron);
    return parsed ? most_within(*parsed, day) : 0;
}

// Else keep_last goes on with what keep_days lets go of, and then they fall due one by one.
bool keep_days_decides(const Retention& keep, std::uint64_t in_a_day) {
    const std::uint64_t days = std::uint64_t{keep.keep_days} + 1;  // today is one, too
    return keep.keep_days > 0 && keep.keep_last < days * in_a_day;
}

}  // namespace

std::uint64_t backups_in_a_day(std::string_view cron) {
    return most_within(cron, 24h);
}

unsigned max_delete_by(std::string_view cron) {
    // The rules for weeks, months and years can each let go of one on that day, and one may have been made by hand.
    constexpr std::uint64_t beside_them = 4;
    constexpr hours longest_day = 25h;  // where the clocks go back
    const std::uint64_t falling_due = most_within(cron, longest_day) + beside_them;
    return std::max(Retention{}.max_delete, static_cast<unsigned>(falling_due));
}

std::optional<std::string> warning_of_max_delete(const Settings& settings) {
    const Retention& keep = settings.retention;
    const std::uint64_t made = backups_in_a_day(settings.schedule.cron);
    if (keep.max_delete >= made || !keep_days_decides(keep, made)) {
        return std::nullopt;
    }
    return "retention.max_delete is " + std::to_string(keep.max_delete) + ", and schedule.cron makes up to " +
           std::to_string(made) + (made == 1 ? " backup" : " backups") +
           " a day, which retention.keep_days lets go of together: none would ever go; raise it to " +
           std::to_string(max_delete_by(settings.schedule.cron)) + ", or take it away and it follows the schedule";
}

}  // namespace lifeboat::config
