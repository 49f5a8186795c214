// Months in the life of a sidecar, in milliseconds: a world with a store, processes that come and go, and a clock that
// jumps from one event to the next.
#include <gmock/gmock.h>

#include <functional>
#include <map>
#include <random>

#include "schedule/next_run.hpp"
#include "times.hpp"

namespace lifeboat::schedule {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

// How one run ends.
struct Outcome {
    enum class Kind { good, fails, fails_and_leaves_data, crashes } kind = Kind::good;
    milliseconds after = 3min;
};

class World {
public:
    explicit World(Rules rules, const std::string& begin) : rules_(std::move(rules)), now_(utc(begin)) { restart(0s); }

    // What the run that starts at this time comes to.
    std::function<Outcome(TimePoint)> outcome = [](TimePoint) { return Outcome{}; };
    // After a crash.
    milliseconds restart_takes = 10s;

    void live_until(TimePoint end) {
        while (now_ < end) {
            const Plan plan = next_run(rules_, store_, process_, now_);
            if (runs_.size() >= most_runs) {
                ADD_FAILURE() << "a dump loop, at " << text_of(now_);
                now_ = end;
            } else if (plan.start <= now_) {
                run(plan);
            } else {
                now_ = std::min(plan.start, end);
            }
        }
    }

    void live_until(const std::string& end) { live_until(utc(end)); }

    // Down for a while; whatever the process knew is gone.
    void restart(milliseconds down) {
        now_ += down;
        process_ = {now_, {}, {}, {}};
    }

    void use(const Calendar& calendar) { rules_.calendar = calendar; }

    [[nodiscard]] TimePoint now() const { return now_; }
    [[nodiscard]] const std::vector<TimePoint>& good() const { return store_.good; }
    [[nodiscard]] const std::vector<Plan>& runs() const { return runs_; }
    [[nodiscard]] Plan plan() const { return next_run(rules_, store_, process_, now_); }
    // Runs that started in [from, to).
    [[nodiscard]] int runs_between(TimePoint from, TimePoint to) const {
        return static_cast<int>(std::count_if(starts_.begin(), starts_.end(),
                                              [&](TimePoint start) { return start >= from && start < to; }));
    }

private:
    static constexpr std::size_t most_runs = 10'000;  // more than any story asks for

    void run(const Plan& plan) {
        const TimePoint started = now_;
        runs_.push_back(plan);
        starts_.push_back(started);
        const Outcome end = outcome(started);
        now_ += end.after;
        switch (end.kind) {
            case Outcome::Kind::good:
                store_.good.push_back(std::chrono::floor<std::chrono::seconds>(started));
                process_ = {now_, {}, {}, {}};
                return;
            case Outcome::Kind::crashes:
                leave_data(started);
                restart(restart_takes);
                return;
            case Outcome::Kind::fails_and_leaves_data: leave_data(started); [[fallthrough]];
            case Outcome::Kind::fails: fail(started);
        }
    }

    void leave_data(TimePoint started) {
        store_.failed.push_back({std::chrono::floor<std::chrono::seconds>(started), {}});
    }

    void fail(TimePoint started) {
        Failures& failures = process_.failures;
        failures.first_started = failures.count == 0 ? started : failures.first_started;
        ++failures.count;
        failures.last_ended = now_;
        process_.free_since = now_;
    }

    Rules rules_;
    TimePoint now_;
    StoreView store_;
    ProcessView process_{};
    std::vector<Plan> runs_;
    std::vector<TimePoint> starts_;
};

Rules nightly(const std::string& zone = "UTC", milliseconds jitter = 5min) {
    return {calendar("17 2 * * *", zone), jitter, Spread("app", "app-0")};
}

// How many good backups each due time got; due times between the first and the last good one.
std::map<TimePoint, int> backups_by_due_time(const Calendar& calendar, const World& world) {
    std::map<TimePoint, int> result;
    for (TimePoint due = calendar.next_after(world.good().front()); due < world.good().back();
         due = calendar.next_after(due)) {
        result[due] = 0;
    }
    for (const TimePoint good : world.good()) {
        if (const auto due = calendar.last_within(world.good().front(), good)) {
            ++result[*due];
        }
    }
    return result;
}

void expect_one_for_each(const Calendar& calendar, const World& world) {
    for (const auto& [due, count] : backups_by_due_time(calendar, world)) {
        EXPECT_EQ(count, 1) << text_of(due);
    }
}

TEST(AQuietYear, HasOneBackupForEachDueTime) {
    for (const std::string zone : {"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"}) {
        for (const std::string cron : {"17 2 * * *", "30 2 * * *", "45 1 * * *", "@hourly", "*/20 1-3 * * *"}) {
            World world({calendar(cron, zone), 5min, Spread("app", "app-0")}, "2026-01-01 12:00");
            world.live_until("2027-01-01");
            EXPECT_EQ(world.runs().front().why, Why::first);
            expect_one_for_each(calendar(cron, zone), world);
            for (std::size_t run = 1; run < world.runs().size(); ++run) {
                ASSERT_EQ(world.runs()[run].why, Why::scheduled)
                    << cron << " " << zone << " " << text_of(world.runs()[run].start);
            }
        }
    }
}

TEST(RestartsAtAnyTime, LoseAndDoubleNothing) {
    for (unsigned seed = 0; seed < 20; ++seed) {
        std::mt19937 random(seed);
        World world(nightly("Europe/Berlin", 30min), "2026-09-01 12:00");
        while (world.now() < utc("2027-04-15")) {
            // Often around the due time, and down for seconds or hours, never for a whole period.
            world.live_until(world.now() +
                             std::chrono::seconds(std::uniform_int_distribution<int>(60, 40'000)(random)));
            world.restart(std::chrono::seconds(std::uniform_int_distribution<int>(1, 30'000)(random)));
        }
        expect_one_for_each(nightly("Europe/Berlin").calendar, world);
        const auto missed = std::count_if(world.runs().begin(), world.runs().end(),
                                          [](const Plan& plan) { return plan.why == Why::missed; });
        EXPECT_GT(missed, 10);
    }
}

TEST(AWeekDown, IsCaughtUpByOneBackup) {
    World world(nightly(), "2026-11-01 12:00");
    world.live_until("2026-11-05 12:00");
    const std::size_t before = world.good().size();
    world.restart(7 * 24h);
    world.live_until(world.now() + 2h);
    EXPECT_EQ(world.good().size(), before + 1);
    EXPECT_EQ(world.runs().back().why, Why::missed);
    EXPECT_LE(world.good().back(), utc("2026-11-12 12:01"));
    world.live_until("2026-11-14 12:00");
    EXPECT_EQ(world.good().size(), before + 3);
}

TEST(ANightWithoutTheStore, IsTriedEveryHourAndMadeUpFor) {
    World world(nightly(), "2026-11-01 12:00");
    world.outcome = [](TimePoint start) {
        const bool away = start >= utc("2026-11-05") && start < utc("2026-11-05 09:00");
        return away ? Outcome{Outcome::Kind::fails, 30s} : Outcome{};
    };
    world.live_until("2026-11-06");
    EXPECT_LE(world.good().back(), utc("2026-11-05 10:20"));  // at most an hour and a quarter after it was back
    EXPECT_GE(world.good().back(), utc("2026-11-05 09:00"));
    const int tries = world.runs_between(utc("2026-11-05"), utc("2026-11-05 09:00"));
    EXPECT_GE(tries, 9);
    EXPECT_LE(tries, 13);
    world.live_until("2026-11-08");
    expect_one_for_each(nightly().calendar, world);
}

TEST(AMonthOfFailures, NeverStopsTryingNorTriesAllTheTime) {
    World world(nightly(), "2026-11-01 12:00");
    world.outcome = [](TimePoint start) {
        return start < utc("2026-11-02") ? Outcome{} : Outcome{Outcome::Kind::fails_and_leaves_data, 2min};
    };
    world.live_until("2026-12-05");
    for (TimePoint day = utc("2026-11-04"); day < utc("2026-12-05"); day += 24h) {
        const int tries = world.runs_between(day, day + 24h);
        EXPECT_GE(tries, 18) << text_of(day);
        EXPECT_LE(tries, 25) << text_of(day);
        EXPECT_EQ(world.runs_between(day + 2h + 17min, day + 2h + 22min + 1s), 1) << "at its time, on " << text_of(day);
    }
}

// A dump that always ends the whole container.
TEST(ACrashLoop, DoesNotBecomeADumpLoop) {
    for (const milliseconds crash : {milliseconds(5s), milliseconds(10min), milliseconds(2h)}) {
        World world(nightly(), "2026-11-01 12:00");
        world.outcome = [crash](TimePoint start) {
            return start < utc("2026-11-02") ? Outcome{} : Outcome{Outcome::Kind::crashes, crash};
        };
        world.live_until("2026-11-20");
        EXPECT_LE(world.runs_between(utc("2026-11-02"), utc("2026-11-03 02:17")), 8) << crash.count();
        for (TimePoint due = utc("2026-11-05 02:17"); due < utc("2026-11-19"); due += 24h) {
            EXPECT_EQ(world.runs_between(due, due + 24h), 1) << crash.count() << " " << text_of(due);
        }
    }
}

TEST(ACrashLoop, OfTheFirstBackupDoesNotBecomeADumpLoop) {
    World world(nightly(), "2026-11-01 12:00");
    world.outcome = [](TimePoint) { return Outcome{Outcome::Kind::crashes, 1min}; };
    world.live_until("2026-11-10");
    EXPECT_LE(world.runs_between(utc("2026-11-01"), utc("2026-11-02 02:17")), 6);
    EXPECT_EQ(world.runs_between(utc("2026-11-05 02:17"), utc("2026-11-06 02:17")), 1);
}

// Restarted every half minute, for whatever reason: what counts is what lies in the store.
TEST(AContainerThatKeepsRestarting, RunsNoMoreThanOneThatStaysUp) {
    World restless(nightly(), "2026-11-01 12:00"), calm(nightly(), "2026-11-01 12:00");
    restless.outcome = calm.outcome = [](TimePoint start) {
        return start < utc("2026-11-02") ? Outcome{} : Outcome{Outcome::Kind::crashes, 40s};
    };
    calm.live_until("2026-11-03");
    while (restless.now() < utc("2026-11-03")) {
        restless.live_until(restless.now() + 25s);
        restless.restart(5s);
    }
    EXPECT_EQ(restless.runs().size(), calm.runs().size());
}

TEST(ACrashLoopThatEnds, IsFollowedByTheScheduleAgain) {
    World world(nightly(), "2026-11-01 12:00");
    world.outcome = [](TimePoint start) {
        const bool bad = start >= utc("2026-11-03") && start < utc("2026-11-06");
        return bad ? Outcome{Outcome::Kind::crashes, 5min} : Outcome{};
    };
    world.live_until("2026-11-10");
    EXPECT_EQ(world.plan().failed_attempts, 0);
    const auto due = backups_by_due_time(nightly().calendar, world);
    for (TimePoint day = utc("2026-11-06 02:17"); day < utc("2026-11-09"); day += 24h) {
        EXPECT_EQ(due.at(day), 1) << text_of(day);
    }
}

TEST(EverySecond, IsKeptUpWithByRunsThatAreShort) {
    World world({calendar("@every 1s"), 5min, Spread("app", "app-0")}, "2026-11-01 12:00");
    world.outcome = [](TimePoint) { return Outcome{Outcome::Kind::good, 200ms}; };
    world.live_until("2026-11-01 13:00");
    EXPECT_GE(world.good().size(), 3600U);
    EXPECT_LE(world.good().size(), 3601U);
}

TEST(EverySecond, GoesOnWithoutAPauseWhereRunsAreLonger) {
    World world({calendar("@every 1s"), 0ms, Spread("app", "app-0")}, "2026-11-01 12:00");
    world.outcome = [](TimePoint) { return Outcome{Outcome::Kind::good, 2500ms}; };
    world.live_until("2026-11-01 13:00");
    EXPECT_EQ(world.good().size(), 1440U);
}

TEST(AScheduleThatChangesEveryDay, HasABackupWithinADay) {
    World world(nightly(), "2026-11-01 12:00");
    for (int day = 0; day < 60; ++day) {
        world.live_until(world.now() + 24h);
        world.use(calendar(std::to_string(day % 60) + " " + std::to_string(day * 7 % 24) + " * * *"));
    }
    for (std::size_t at = 1; at < world.good().size(); ++at) {
        EXPECT_LE(world.good()[at] - world.good()[at - 1], 48h);
    }
    EXPECT_GE(world.good().size(), 45U);
}

}  // namespace
}  // namespace lifeboat::schedule
