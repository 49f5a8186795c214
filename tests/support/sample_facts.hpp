// What a sidecar knows whose backups are in order, for tests to break.
#pragma once

#include "health/facts.hpp"
#include "os/clock.hpp"

#include <atomic>
#include <chrono>
#include <string>

namespace lifeboat::test {

// 2026-11-22T12:00:00Z
inline constexpr os::TimePoint noon = std::chrono::sys_days(std::chrono::year(2026) / 11 / 22) + std::chrono::hours(12);

class ManualClock final : public os::Clock {
public:
    [[nodiscard]] os::TimePoint now() const override { return now_.load(); }
    void set(os::TimePoint now) { now_ = now; }

private:
    std::atomic<os::TimePoint> now_{noon};
};

inline health::BackupFacts sample_backup(const std::string& id, os::TimePoint started) {
    health::BackupFacts backup;
    backup.id = id;
    backup.started = started;
    backup.finished = started + std::chrono::minutes(4);
    backup.stored_bytes = 1000;
    backup.dumped_bytes = 5000;
    backup.databases = {"app", "postgres"};
    return backup;
}

// One that passed, and that took a minute and a half to restore.
inline health::DrillFacts sample_drill(os::TimePoint stored) {
    health::DrillFacts drill;
    drill.backup = "20261121T015600Z-00aa";
    drill.stored = stored;
    drill.passed = true;
    drill.restore_took = std::chrono::milliseconds(90'500);
    return drill;
}

// At noon: the last good backup ended ten hours ago, the next is due in fourteen.
inline health::Facts sample_facts() {
    using namespace std::chrono_literals;
    health::Facts facts;
    facts.instance = "basketball-api";
    facts.version = "1.2.3";
    facts.started = noon - 48h;
    facts.settings.in_force = true;
    facts.settings.last_applied = noon - 48h;
    facts.turn.turn = health::Turn::ours;
    facts.schedule.due = noon + 14h;
    facts.schedule.start = noon + 14h + 2min;
    facts.schedule.because = "schedule";
    facts.schedule.overdue_after = 26h;
    facts.store.surveyed = noon - 9h;
    facts.store.last_good = sample_backup("20261122T015600Z-7f3a", noon - 10h - 4min);
    facts.store.recent = {*facts.store.last_good, sample_backup("20261121T015600Z-00aa", noon - 34h - 4min)};
    facts.store.backups = 2;
    facts.store.bytes = 2000;
    facts.runs.last = health::RunFacts{health::RunResult::good, noon - 10h - 4min, noon - 10h, "20261122T015600Z-7f3a"};
    facts.runs.counts.add(health::RunResult::good);
    facts.listeners.pod.address = "[::]:9847";
    facts.listeners.page.address = "127.0.0.1:9848";
    return facts;
}

}  // namespace lifeboat::test
