#include "days.hpp"

#include <algorithm>

namespace lifeboat::health {

namespace {

using std::chrono::floor;

// Null where it is not one of the last 30.
Day* day_of(Days& days, TimePoint time) {
    const auto index = (floor<std::chrono::days>(time) - days.front().date).count();
    return index < 0 || index >= static_cast<std::int64_t>(days.size()) ? nullptr
                                                                        : &days.at(static_cast<std::size_t>(index));
}

void add(Day& day, const BackupFacts& backup) {
    ++day.backups;
    const auto mark = mark_of(backup);
    if (mark > day.mark || (mark == day.mark && day.backup != nullptr && backup.finished > day.backup->finished)) {
        day.mark = mark;
        day.backup = &backup;
    }
}

void add_failure(Day& day) {
    ++day.failed;
    day.mark = std::max(day.mark, DayMark::failed);
}

// The one that this process is at work on has no manifest yet either, and those that it saw fail are counted already.
bool is_known(const Facts& facts, TimePoint began) {
    const auto& running = facts.running;
    if (running && running->activity == Activity::backup && began >= floor<std::chrono::seconds>(running->since)) {
        return true;
    }
    return std::any_of(facts.runs.failures.begin(), facts.runs.failures.end(), [began](const RunFacts& run) {
        return began >= floor<std::chrono::seconds>(run.started) && began <= run.ended;
    });
}

}  // namespace

std::string_view name_of(DayMark mark) {
    switch (mark) {
        case DayMark::none: return "none";
        case DayMark::failed: return "failed";
        case DayMark::expired: return "expired";
        case DayMark::hidden: return "hidden";
        case DayMark::partial: return "partial";
        case DayMark::marked: return "marked";
        case DayMark::good: return "good";
        case DayMark::proven: return "proven";
    }
    return "";
}

DayMark mark_of(const BackupFacts& backup) {
    switch (backup.state) {
        case BackupState::good: return backup.proven_at ? DayMark::proven : DayMark::good;
        case BackupState::marked: return DayMark::marked;
        case BackupState::partial: return DayMark::partial;
        case BackupState::hidden: return DayMark::hidden;
        case BackupState::expired: break;
    }
    return DayMark::expired;
}

Days days_of(const Facts& facts, TimePoint now) {
    Days days;
    const auto first = floor<std::chrono::days>(now) - std::chrono::days(days.size() - 1);
    for (std::size_t i = 0; i < days.size(); ++i) {
        days.at(i).date = first + std::chrono::days(i);
    }
    for (const auto& run : facts.runs.failures) {
        if (auto* day = day_of(days, run.ended)) {
            add_failure(*day);
            day->failure = day->failure == nullptr ? &run : day->failure;
        }
    }
    for (const auto began : facts.store.unfinished) {
        auto* day = day_of(days, began);
        if (day != nullptr && !is_known(facts, began)) {
            add_failure(*day);
        }
    }
    for (const auto& backup : facts.store.recent) {
        if (auto* day = day_of(days, backup.finished)) {
            add(*day, backup);
        }
    }
    return days;
}

}  // namespace lifeboat::health
