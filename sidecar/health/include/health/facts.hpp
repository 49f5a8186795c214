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

    friend bool operator==(const Problem&, const Problem&) = default;
};

// What of an error may be served: `detail` stays behind.
inline Problem problem_of(const Error& error) {
    return {error.what, error.next};
}

// The settings file, its environment, and the secret files.
struct SettingsFacts {
    std::vector<Problem> problems;  // why the newest settings are refused; empty: they are the ones in force
    bool in_force = false;          // there are settings to work with: the newest, or older ones that were valid
    // The newest are in force all the same, less the addresses of [notify] that `problems` are about.
    bool incomplete = false;
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

// One database of a backup.
struct DatabaseFacts {
    std::string name;
    std::uint64_t stored_bytes = 0;
    std::uint64_t dumped_bytes = 0;  // what pg_dump gave, before compression
    std::optional<std::uint64_t> tables = std::nullopt;
    std::optional<std::uint64_t> rows = std::nullopt;
};

struct BackupFacts {
    std::string id;
    TimePoint started;
    TimePoint finished;
    std::uint64_t stored_bytes = 0;
    std::optional<std::uint64_t> dumped_bytes = std::nullopt;  // what pg_dump gave, before compression
    std::optional<std::uint64_t> rows = std::nullopt;
    std::vector<std::string> databases = {};
    BackupState state = BackupState::good;
    std::vector<std::string> failed_databases = {};     // of a partial one; "" stands for the globals
    std::vector<DatabaseFacts> contents = {};           // of its databases, 2000 at most; only where StoreFacts says so
    std::optional<TimePoint> proven_at = std::nullopt;  // when a drill of it last passed; empty: none did
    std::size_t names_left_out = 0;                     // databases that are not among `databases`: see recent.hpp
    std::vector<std::string> marks = {};                // why an owner should look at it: reasons in words
};

// A marked backup that nobody accepted, and those after it (docs/lineage.md).
struct DoubtFacts {
    std::string since;         // id of the one that raised it
    std::string reason;        // its mark in words
    std::uint64_t marked = 0;  // backups since then, with it
    std::string newest;        // id of the newest of them
    TimePoint newest_finished;
};

// When the bucket's own rules take backups away.
struct ExpiryFacts {
    std::optional<TimePoint> last_good_due = std::nullopt;  // of the last good one; empty: never, or not known
    std::chrono::seconds warning{};                         // how long before that to warn
    std::string unknown = {};                               // why the rules are not known; empty: they are
};

// One drill: a backup that was restored for a trial, and compared.
struct DrillFacts {
    std::string backup;  // its id
    TimePoint stored;    // when the result reached the store, by the store's clock
    bool passed = false;
    std::string failed_step = {};  // where one that failed ended, if not at its end: "restore"
    std::uint64_t differences = 0;
    std::uint64_t checks_failed = 0;
    std::optional<std::chrono::milliseconds> restore_took = std::nullopt;
};

struct RecipientFacts {
    std::string recipient;                           // "age1…"
    std::optional<TimePoint> opened = std::nullopt;  // when its identity last opened a backup in a drill that passed
};

// What drills left in the store.
struct DrillsFacts {
    std::optional<DrillFacts> last = std::nullopt;       // however it ended
    std::optional<DrillFacts> last_good = std::nullopt;  // the newest that passed, of a backup that is trusted
    // The newest that failed, unless one passed after it, of the same backup or of a newer one: that an older backup
    // comes back says nothing about this one.
    std::optional<DrillFacts> unanswered = std::nullopt;
    std::vector<RecipientFacts> recipients = {};  // of the last good backup
};

// What the store held when it was last looked at (a survey).
struct StoreFacts {
    std::optional<TimePoint> surveyed =
        std::nullopt;                               // the last time that it could be read; empty: never since the start
    std::optional<Problem> problem = std::nullopt;  // why the last look failed; empty: it did not
    std::optional<TimePoint> problem_since = std::nullopt;  // the first failure since it could be read
    std::optional<Problem> limited = std::nullopt;        // what this key may not see, if anything: no fault by itself
    std::optional<BackupFacts> last_good = std::nullopt;  // with its contents
    std::optional<BackupFacts> newest_partial = std::nullopt;  // only if newer than last_good; with its contents
    std::vector<BackupFacts> recent = {};                      // of the last 30 days, newest first; see recent.hpp
    // When runs began that left data and no manifest, newest first: killed, or at work now. A few at most.
    std::vector<TimePoint> unfinished = {};
    std::uint64_t backups = 0;  // all that are stored, whatever their age and state
    std::uint64_t bytes = 0;
    std::vector<std::string> hidden = {};  // ids of backups that somebody hid or wrote over
    // What else is not as it was written, in words: data hidden or written over, manifests that are none of theirs.
    std::vector<std::string> meddled = {};
    std::optional<DoubtFacts> doubt = std::nullopt;
    std::optional<Problem> other_server = std::nullopt;  // another server makes backups under this instance's name
    std::string lineage_note = {};                       // what to know of the lineage although nothing is wrong
    ExpiryFacts expiry = {};
    DrillsFacts drills = {};
};

enum class Activity { backup, sweep, survey, prune };
inline constexpr std::array activities{Activity::backup, Activity::sweep, Activity::survey, Activity::prune};

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
    yielded,      // gave way to a statement that waited, to a shutdown or to a promotion; tried again later
};
inline constexpr std::array run_results{
    RunResult::good,       RunResult::partial,     RunResult::failed,  RunResult::not_ours, RunResult::lock_held,
    RunResult::not_needed, RunResult::interrupted, RunResult::crashed, RunResult::overrun,  RunResult::yielded};

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
    // Runs in a row that gave way, as a whole or in a part of a partial backup. Only good ones and those that are not
    // ours end the row.
    std::uint64_t consecutive_yields = 0;
    // What the latest of these gave way to: "ALTER TABLE", "the server's shutdown". Never a statement's text.
    std::string yielded_to = {};
    std::string yield_cure = {};  // what can be done about it
    RunCounts counts = {};
    // Those of the last 30 days that failed, crashed, took too long or gave way, newest first; see recent.hpp.
    std::vector<RunFacts> failures = {};
    std::uint64_t store_retries = 0;  // requests to the store that were tried again
};

// Deleting what no rule of [retention] keeps, since the start.
struct PruneFacts {
    std::uint64_t backups = 0;                      // that were deleted
    std::uint64_t bytes = 0;                        // of these
    std::optional<TimePoint> last = std::nullopt;   // when one last ended by itself, whatever it deleted
    std::optional<Problem> stopped = std::nullopt;  // why the last deleted nothing until somebody looks; empty: it did
};

// Where [notify] tells of backups.
enum class Hook { on_failure, on_success, ping };
inline constexpr std::array hooks{Hook::on_failure, Hook::on_success, Hook::ping};

// What became of one hook's messages since the start. That some were not delivered is no reason in any verdict: the
// backups are as they are.
struct HookFacts {
    std::uint64_t delivered = 0;
    std::uint64_t failed = 0;  // given up
};

// One for each of hooks, in their order.
using NotifyFacts = std::array<HookFacts, hooks.size()>;

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

// What [kubernetes] has written through the cluster's API.
enum class ReportObject { configmap, event, condition };
inline constexpr std::array report_objects{ReportObject::configmap, ReportObject::event, ReportObject::condition};

// What became of one request.
enum class ReportResult {
    written,
    denied,       // the token, or what its account may do, does not suffice
    missing,      // the object is not there
    conflict,     // somebody else was writing it
    throttled,    // the API server wants to be asked later
    refused,      // the API server does not want it as it is
    unavailable,  // the API server has a fault of its own
    unreachable,  // no connection, no trust, no reply in time; or nothing to connect with
};
inline constexpr std::array report_results{ReportResult::written,     ReportResult::denied,     ReportResult::missing,
                                           ReportResult::conflict,    ReportResult::throttled,  ReportResult::refused,
                                           ReportResult::unavailable, ReportResult::unreachable};

struct ReportFacts {
    bool wanted = false;
    std::optional<TimePoint> written = std::nullopt;  // the last time; empty: never since the start
    std::optional<Problem> problem = std::nullopt;    // why what is known now is not there; empty: it is
    std::array<std::uint64_t, report_results.size()> counts{};

    friend bool operator==(const ReportFacts&, const ReportFacts&) = default;
};

// One for each of report_objects, in their order. No reason in any verdict: a backup needs none of it.
using KubernetesFacts = std::array<ReportFacts, report_objects.size()>;

struct Facts {
    std::string instance = {};  // empty: not known yet
    std::string version = {};   // of Lifeboat
    std::string host = {};      // the name of the machine, which in Kubernetes is the pod's
    TimePoint started;          // when the supervisor started
    SettingsFacts settings = {};
    TurnFacts turn = {};
    ScheduleFacts schedule = {};
    StoreFacts store = {};
    std::optional<std::chrono::seconds> drill_within = std::nullopt;  // `drill.require_within`; empty: off
    std::optional<RunningFacts> running = std::nullopt;
    RunsFacts runs = {};
    PruneFacts prune = {};
    NotifyFacts notify = {};
    std::optional<DrainFacts> drained = std::nullopt;
    ListenersFacts listeners = {};
    KubernetesFacts kubernetes = {};
};

}  // namespace lifeboat::health
