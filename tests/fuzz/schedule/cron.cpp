// Feeds any bytes to the parser of schedules, and walks through what is due by those that it takes.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "schedule/calendar.hpp"

namespace {

using namespace lifeboat::schedule;

void walk(const Calendar& calendar) {
    TimePoint due = std::chrono::sys_days(std::chrono::year(2026) / 3 / 28);
    const TimePoint end = std::chrono::sys_days(std::chrono::year(2200) / 1 / 1);
    for (int steps = 0; steps < 20 && due < end; ++steps) {
        const TimePoint next = calendar.next_after(due);
        if (next <= due || calendar.last_within(due, next) != next) {
            std::abort();
        }
        due = next;
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const Zone lord_howe = Zone::find("Australia/Lord_Howe").value();
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    auto cron = Cron::parse(text);
    if (!cron) {
        return cron.error().what.empty() || cron.error().next.empty() ? std::abort(), 1 : 0;
    }
    walk(Calendar(*cron, Zone::utc()));
    walk(Calendar(*cron, lord_howe));
    // As it was written it means the same again.
    if (const auto again = Cron::parse(cron->text()); !again || again->times_of_day() != cron->times_of_day()) {
        std::abort();
    }
    return 0;
}
