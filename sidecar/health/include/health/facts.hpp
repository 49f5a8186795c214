// What the supervisor knows, at one moment: everything that the endpoints say is told from this and the time.
//
// The supervisor fills in a Facts, publishes it (board.hpp) and never changes it again; whoever reads it needs no lock.
// Whatever stands here may be served on the pod's address. Names of databases may; never a secret, a row, the name of
// a table, or an Error's `detail`.
#pragma once

#include "os/clock.hpp"
#include "result/result.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lifeboat::health {

using os::TimePoint;

// Something wrong, in words, and the one thing to do about it (may be empty).
struct Problem {
    std::string what;
    std::string next = {};
};

// What of an error may be served: `detail` stays behind.
inline Problem problem_of(const Error& error) {
    return {error.what, error.next};
}

// The settings file, its environment, and the secret files.
struct SettingsFacts {
    std::vector<Problem> problems;  // why the newest settings are refused; empty: they are the ones in force
    bool in_force = false;          // there are settings to work with: the newest, or older ones that were valid
    std::uint64_t reloads_applied = 0;
    std::uint64_t reloads_refused = 0;
    std::optional<TimePoint> last_applied = std::nullopt;  // also the first load
    std::optional<TimePoint> last_refused = std::nullopt;
};

// Whether backups of this server are this sidecar's to make (`postgres.role`).
enum class Turn {
    unknown,  // not asked yet, or the server did not answer
    ours,
    not_ours,  // a standby, whose primary has a sidecar of its own: idle, and in order
};
inline constexpr std::array turns{Turn::unknown, Turn::ours, Turn::not_ours};

struct TurnFacts {
    Turn turn = Turn::unknown;
    std::string because = {};  // "the server is a standby, and role is \"primary\""
};

struct ScheduleFacts {
    std::optional<TimePoint> due = std::nullopt;    // the time that the schedule names; empty: not known
    std::optional<TimePoint> start = std::nullopt;  // when the next run begins: with jitter, or after a retry's pause
    std::string because = {};                       // "schedule", "no backup yet", "retry 3 after a failure"
    // A last good backup that finished longer ago than this is overdue. Empty without settings.
    std::optional<std::chrono::seconds> overdue_after = std::nullopt;
    // Runs since the last good backup that did not end well, with those that the store alone knows of.
    std::size_t failed_attempts = 0;
};

// As in `lifeboat list` (catalogue/catalogue.hpp).
enum class BackupState { good, marked, partial, hidden, expired };

struct BackupFacts {
    std::string id;
    TimePoint started;
    TimePoint finished;
    std::uint64_t stored_bytes = 0;
    std::optional<std::uint64_t> dumped_bytes = std::nullopt;  // what pg_dump gave, before compression
    std::optional<std::uint64_t> rows = std::nullopt;
    std::vector<std::string> databases = {};
    BackupState state = BackupState::good;
    std::vector<std::string> failed_databases = {};  // of a partial one; "" stands for the globals
};

// What the store held when it was last looked at (a survey).
struct StoreFacts {
    std::optional<TimePoint> surveyed =
        std::nullopt;                               // the last time that it could be read; empty: never since the start
    std::optional<Problem> problem = std::nullopt;  // why the last look failed; empty: it did not
    std::optional<TimePoint> problem_since = std::nullopt;  // the first failure since it could be read
    std::optional<Problem> limited = std::nullopt;  // what this key may not see, if anything: no fault by itself
    std::optional<BackupFacts> last_good = std::nullopt;
    std::optional<BackupFacts> newest_partial = std::nullopt;  // only if newer than last_good
    std::vector<BackupFacts> recent = {};                      // of the last 30 days, newest first
    std::uint64_t backups = 0;                                 // all that are stored, whatever their age and state
    std::uint64_t bytes = 0;
    std::vector<std::string> hidden = {};  // ids of backups that somebody hid or wrote over
};

enum class Activity { backup, sweep, survey };
inline constexpr std::array activities{Activity::backup, Activity::sweep, Activity::survey};

// The child that is at work now.
struct RunningFacts {
    Activity activity = Activity::backup;
    std::string id = {};  // of the backup; empty where there is none
    TimePoint since;
    std::string part = {};                                        // "app", "globals"; empty: none yet
    std::uint64_t dumped_bytes = 0;                               // of this part before compression, so far
    std::uint64_t stored_bytes = 0;                               // of this part, so far
    std::optional<std::uint64_t> estimated_bytes = std::nullopt;  // of dumped_bytes in the end; a guess
};

// How a backup run ended.
enum class RunResult {
    good,
    partial,  // some databases failed, and the others are kept
    failed,
    not_ours,     // not this server's turn: nothing to do
    lock_held,    // another run was at work on this server
    not_needed,   // another run had made the backup meanwhile
    interrupted,  // by a stop, a drain or a shutdown
    crashed,      // the child died
    overrun,      // ended because it took longer than `schedule.max_duration`
};
inline constexpr std::array run_results{RunResult::good,        RunResult::partial,   RunResult::failed,
                                        RunResult::not_ours,    RunResult::lock_held, RunResult::not_needed,
                                        RunResult::interrupted, RunResult::crashed,   RunResult::overrun};

struct RunFacts {
    RunResult result = RunResult::good;
    TimePoint started;
    TimePoint ended;
    std::string id = {};                            // empty if the run did not get that far
    std::optional<Problem> problem = std::nullopt;  // why it was not good
};

// How many runs ended in each way since the start.
class RunCounts {
public:
    void add(RunResult result) noexcept { ++counts_[static_cast<std::size_t>(result)]; }
    [[nodiscard]] std::uint64_t of(RunResult result) const noexcept {
        return counts_[static_cast<std::size_t>(result)];
    }

private:
    std::array<std::uint64_t, run_results.size()> counts_{};
};

struct RunsFacts {
    std::optional<RunFacts> last = std::nullopt;  // of this process; empty: none yet
    // Runs in a row that were failed, crashed or overrun, up to now. Good and partial ones end the row, and those that
    // are not ours; the other results do not count.
    std::uint64_t consecutive_failures = 0;
    RunCounts counts = {};
    std::uint64_t store_retries = 0;  // requests to the store that were tried again
};

struct DrainFacts {
    TimePoint since;
    TimePoint until;
};

// One of the two addresses that the endpoints are served on.
struct ListenerFacts {
    std::string address = {};  // "[::]:9847": as bound, or as asked for while it is not; empty: not yet
    std::optional<Problem> problem = std::nullopt;  // why it is not bound; empty: it is
};

struct ListenersFacts {
    ListenerFacts pod;
    ListenerFacts page;
};

struct Facts {
    std::string instance = {};  // empty: not known yet
    std::string version = {};   // of Lifeboat
    TimePoint started;          // when the supervisor started
    SettingsFacts settings = {};
    TurnFacts turn = {};
    ScheduleFacts schedule = {};
    StoreFacts store = {};
    std::optional<RunningFacts> running = std::nullopt;
    RunsFacts runs = {};
    std::optional<DrainFacts> drained = std::nullopt;
    ListenersFacts listeners = {};
};

}  // namespace lifeboat::health
