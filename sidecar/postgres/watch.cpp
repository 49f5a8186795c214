#include "postgres/watch.hpp"

#include "look_pace.hpp"
#include "postgres/statement_kind.hpp"
#include "postgres/wait_ledger.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace lifeboat::postgres {
namespace {

using std::chrono::milliseconds;
using Steady = std::chrono::steady_clock;

// The server ends a look that takes longer; one that it does not answer at all within the second is of a lost
// connection.
constexpr const char* limit_looks = "SET statement_timeout = '5s'";
constexpr const char* unlimit_looks = "SET statement_timeout = 0";
constexpr milliseconds patience{30'000};

constexpr milliseconds longest_ping{2'000};

// Both functions are what the views of the same meaning are made of, without the catalogs that those join: a lock on
// one of these, which somebody may hold, would stop the watch. `waitstart` is there from PostgreSQL 14 on.
std::string waiters_query(int major) {
    const std::string since = major >= 14 ? "w.waitstart" : "NULL::timestamptz";
    return "WITH locks AS (SELECT * FROM pg_catalog.pg_lock_status()), "
           "ours AS (SELECT pid FROM pg_catalog.pg_stat_get_activity(NULL) WHERE application_name = $1), "
           "waiters AS (SELECT * FROM locks WHERE NOT granted AND ((locktype = 'relation' AND mode = "
           "'AccessExclusiveLock') OR locktype = 'virtualxid')) "
           "SELECT w.locktype, w.locktype || ' ' || coalesce(w.database::text || '.' || w.relation::text, "
           "w.virtualxid), w.pid::text || '@' || coalesce(" +
           since + "::text, ''), coalesce(extract(epoch FROM pg_catalog.clock_timestamp() - " + since +
           ") * 1000, 0)::bigint, a.query "
           "FROM waiters w JOIN locks h ON h.granted AND h.locktype = w.locktype "
           "AND h.database IS NOT DISTINCT FROM w.database AND h.relation IS NOT DISTINCT FROM w.relation "
           "AND h.virtualxid IS NOT DISTINCT FROM w.virtualxid AND h.pid <> w.pid JOIN ours ON ours.pid = h.pid "
           "LEFT JOIN pg_catalog.pg_stat_get_activity(NULL) a ON a.pid = w.pid";
}

constexpr const char* end_sessions =
    "SELECT count(pg_catalog.pg_terminate_backend(pid)) FROM pg_catalog.pg_stat_get_activity(NULL) "
    "WHERE application_name = $1";
constexpr const char* count_sessions =
    "SELECT count(*) FROM pg_catalog.pg_stat_get_activity(NULL) WHERE application_name = $1";

struct Waiter {
    LockWait wait;
    bool for_a_table = false;
    std::string query;
};

Waiter waiter_in(Row row) {
    Waiter waiter;
    waiter.for_a_table = row.at(0) == "relation";
    waiter.wait.what = row.at(1).value_or("");
    waiter.wait.who = row.at(2).value_or("");
    const std::string waited = row.at(3).value_or("0");
    std::int64_t count = 0;
    std::from_chars(waited.data(), waited.data() + waited.size(), count);
    waiter.wait.waited = milliseconds(std::max<std::int64_t>(count, 0));
    waiter.query = row.at(4).value_or("");
    return waiter;
}

struct Seen {
    bool promoted = false;
    std::vector<Waiter> waiters;
};

Result<Seen> look_at(Connection& control, const LockWatch::Options& options) {
    Seen seen;
    if (options.in_recovery) {
        auto still = control.value("SELECT pg_catalog.pg_is_in_recovery()");
        if (!still) {
            return std::move(still).error();
        }
        seen.promoted = *still == "f";
    }
    if (options.yield_to && !seen.promoted) {
        auto rows = control.query(waiters_query(control.major()), {options.session});
        if (!rows) {
            return std::move(rows).error();
        }
        for (auto& row : *rows) {
            seen.waiters.push_back(waiter_in(std::move(row)));
        }
    }
    return seen;
}

// The text of other roles' statements is for members of pg_read_all_stats; the lock alone tells this much.
std::string kind_of(const Waiter& waiter) {
    if (const auto kind = statement_kind(waiter.query)) {
        return *kind;
    }
    return waiter.for_a_table ? "a statement that needs a table for itself (ALTER TABLE, DROP, TRUNCATE, VACUUM FULL …)"
                              : "a statement that waits for old snapshots (CREATE INDEX CONCURRENTLY …)";
}

bool sleep_for(milliseconds length, std::mutex& mutex, std::condition_variable_any& wake, const std::stop_token& stop) {
    std::unique_lock lock(mutex);
    wake.wait_for(lock, stop, length, [] { return false; });
    return !stop.stop_requested();
}

}  // namespace

// What the looks so far have found.
class LockWatch::Looks {
public:
    explicit Looks(const Options& options) : options_(options), pace_(options.look_every, options.yield_to) {}

    // Before somebody has waited for too long by more than a little.
    [[nodiscard]] milliseconds next_in() const { return next_in_; }

    void failed() { next_in_ = pace_.after_failure(); }

    void took(Steady::duration length) { next_in_ = pace_.after(length, left_); }

    std::optional<GaveWay> judge(const std::vector<Waiter>& waiters, Steady::time_point now) {
        std::vector<LockWait> waits;
        waits.reserve(waiters.size());
        for (const auto& waiter : waiters) {
            waits.push_back(waiter.wait);
        }
        ledger_.look(waits, now);
        left_.reset();
        for (const auto& waiter : waiters) {
            const auto waited = ledger_.waited_for(waiter.wait.what);
            const auto left = *options_.yield_to - waited;
            if (left <= milliseconds(0)) {
                // On a standby nobody can ask for such a lock but the replay.
                const bool replay = options_.in_recovery && waiter.for_a_table;
                return GaveWay{replay ? GaveWay::To::replay : GaveWay::To::statement, replay ? "" : kind_of(waiter),
                               waited};
            }
            left_ = std::min(left_.value_or(left), left);
        }
        return std::nullopt;
    }

private:
    const Options& options_;
    WaitLedger ledger_;
    LookPace pace_;
    std::optional<milliseconds> left_;  // until the dump has to give way to somebody who waits
    milliseconds next_in_{0};
};

LockWatch::LockWatch(Connection& control, Options options, Actions actions)
    : control_(control), options_(std::move(options)), actions_(std::move(actions)) {
    thread_ = std::jthread([this](const std::stop_token& stop) { watch(stop); });
}

LockWatch::~LockWatch() {
    finish();
}

void LockWatch::finish() {
    if (!thread_.joinable()) {
        return;
    }
    thread_.request_stop();
    thread_.join();
    if (!lost_) {
        (void)control_.execute(unlimit_looks);  // whoever needs the connection next finds out what is wrong with it
    }
    control_.answer_within(std::nullopt);
}

std::optional<GaveWay> LockWatch::gave_way() const {
    const std::lock_guard lock(mutex_);
    return gave_way_;
}

std::optional<Error> LockWatch::lost() const {
    const std::lock_guard lock(mutex_);
    return lost_;
}

std::optional<Error> LockWatch::take_trouble() {
    const std::lock_guard lock(mutex_);
    return std::exchange(trouble_, std::nullopt);
}

bool LockWatch::pause(milliseconds length, const std::stop_token& stop) {
    return sleep_for(length, mutex_, wake_, stop);
}

void LockWatch::watch(const std::stop_token& stop) {
    if (!options_.yield_to && !options_.in_recovery) {
        return;  // there is nothing to look for
    }
    control_.answer_within(patience);
    (void)control_.execute(limit_looks);  // where it fails, so does the look
    Looks looks(options_);
    while (!stop.stop_requested()) {
        if (!look(looks)) {
            end_session(stop);
            return;
        }
        if (!pause(looks.next_in(), stop)) {
            return;
        }
    }
}

// False when the session is to be ended.
bool LockWatch::look(Looks& looks) {
    const auto begun = Steady::now();
    auto seen = look_at(control_, options_);
    if (!seen) {
        looks.failed();
        return bear_with(std::move(seen).error());
    }
    const auto now = Steady::now();
    auto gave_way = seen->promoted ? std::optional(GaveWay{GaveWay::To::promotion}) : looks.judge(seen->waiters, now);
    looks.took(now - begun);
    const std::lock_guard lock(mutex_);
    troubled_ = false;
    gave_way_ = std::move(gave_way);
    return !gave_way_;
}

// A look that failed: false where there will be none any more. After a stop somebody else sees to the end.
bool LockWatch::bear_with(Error error) {
    const std::lock_guard lock(mutex_);
    if (error.kind == ErrorKind::temporary) {
        lost_ = std::move(error);
        return false;
    }
    if (error.kind != ErrorKind::interrupted && !std::exchange(troubled_, true)) {
        trouble_ = std::move(error);
    }
    return true;
}

// Its client is asked first, as it cancels what the server does for it, and the server's log stays quiet. Where the
// session is still there a moment later, the server ends it by itself.
void LockWatch::end_session(const std::stop_token& stop) {
    actions_.ask_to_end();
    constexpr int tries = 5;
    for (int i = 0; i < tries && !lost(); ++i) {
        auto left = control_.value(count_sessions, {options_.session});
        if (!left || *left == "0" || !pause(LookPace::shortest_pause, stop)) {
            break;
        }
        if (i == tries - 1) {
            (void)control_.value(end_sessions, {options_.session});
        }
    }
    actions_.end();
}

ShutdownWatch::ShutdownWatch(Pinger pinger, std::mutex& turn, std::function<void()> shuts_down, milliseconds every)
    : pinger_(std::move(pinger)), turn_(turn), shuts_down_(std::move(shuts_down)), every_(every) {
    thread_ = std::jthread([this](const std::stop_token& stop) { watch(stop); });
}

ShutdownWatch::~ShutdownWatch() {
    thread_.request_stop();
    thread_.join();
}

void ShutdownWatch::watch(const std::stop_token& stop) {
    do {
        std::unique_lock turn(turn_);
        const bool shuts_down = pinger_.turned_away(longest_ping, stop);
        turn.unlock();
        if (shuts_down) {
            shuts_down_();
            return;
        }
    } while (sleep_for(every_, mutex_, wake_, stop));
}

}  // namespace lifeboat::postgres
