// Months in the life of sidecars, in milliseconds: stores, runs that end in every way, clocks that jump, restarts.
#include <gmock/gmock.h>

#include <map>
#include <memory>
#include <random>

#include "fake_world.hpp"

namespace lifeboat::supervisor {
namespace {

using namespace std::chrono_literals;
using health::RunResult;

// What lies in the bucket, for every sidecar of it.
struct Store {
    std::vector<health::BackupFacts> good;
    std::vector<schedule::Attempt> leftovers;
    const void* lock = nullptr;  // of the server: who holds it

    [[nodiscard]] SurveyEnded survey() const {
        SurveyEnded seen = survey_of(good);
        seen.runs.failed = leftovers;
        return seen;
    }
};

// A sidecar that lives: a turn at each deadline and at each end of a child.
class Life {
public:
    Life(Store& store, TimePoint begin, Orders orders, unsigned seed)
        : store_(store), orders_(std::move(orders)), chance_(seed), world_(begin) {
        world_.on_start = [this](Activity activity, const std::string& newest) { began(activity, newest); };
        restart();
    }

    // How often each kind of run ends so, out of a hundred; the rest is good.
    int fails = 0;
    int crashes = 0;
    int hangs = 0;
    int surveys_fail = 0;
    int sweeps_hang = 0;

    // Whatever the process knew is gone, and so is what ran.
    void restart() {
        for (const auto& [activity, child] : children_) {
            if (activity == Activity::backup) {
                leave(child.began);
                unlock();
            }
        }
        children_.clear();
        world_.running.clear();
        supervisor_ = std::make_unique<Supervisor>(world_, first_facts(world_));
        supervisor_->accept(orders_, Fields::object());
        supervisor_->turn();
    }

    // The clock that others see.
    void jump(std::chrono::seconds time) {
        world_.jump(time);
        supervisor_->turn();
    }

    [[nodiscard]] SteadyPoint next_event() const {
        SteadyPoint next = supervisor_->deadline().value_or(SteadyPoint::max());
        for (const auto& [activity, child] : children_) {
            next = std::min(next, child.ends);
        }
        return std::max(next, world_.steady());
    }

    void pass_to(SteadyPoint time) {
        world_.pass(time - world_.steady());
        for (const auto& [activity, child] : std::map(children_)) {
            if (child.ends <= time) {
                children_.erase(activity);
                world_.running.erase(activity);
                end(activity, child);
            }
        }
        supervisor_->turn();
        obey();
        ++turns;
        world_.lines.clear();
        world_.published.clear();
    }

    void live_for(std::chrono::seconds time) {
        const SteadyPoint end = world_.steady() + time;
        while (world_.steady() < end && turns < 1'000'000) {
            pass_to(std::min(next_event(), end));
        }
    }

    [[nodiscard]] TimePoint now() const { return world_.now(); }
    [[nodiscard]] SteadyPoint steady() const { return world_.steady(); }
    [[nodiscard]] const health::Facts& facts() const { return supervisor_->facts(); }
    [[nodiscard]] long started(Activity activity) const { return world_.count(activity); }
    [[nodiscard]] const std::vector<Start>& starts() const { return world_.starts; }
    [[nodiscard]] bool backs_up() const { return children_.count(Activity::backup) != 0; }

    int turns = 0;

private:
    enum class Way { good, fails, crashes, locked_out };
    struct Child {
        TimePoint began;
        std::string newest_known;
        Way way;
        SteadyPoint ends;
    };

    int percent() { return static_cast<int>(chance_() % 100); }

    void began(Activity activity, const std::string& newest) {
        Child child{world_.now(), newest, Way::good, world_.steady() + std::chrono::seconds(1 + chance_() % 20)};
        const int chance = percent();
        if (activity == Activity::backup) {
            child.ends = world_.steady() + std::chrono::seconds(30 + chance_() % 600);
            child.way = chance < fails ? Way::fails : chance < fails + crashes ? Way::crashes : Way::good;
            if (chance >= 100 - hangs) {
                child.ends = SteadyPoint::max();
                child.way = Way::crashes;
            }
            if (store_.lock != nullptr) {
                child.way = Way::locked_out;
                child.ends = world_.steady() + 1s;
            } else {
                store_.lock = this;
            }
        } else if (activity == Activity::survey) {
            child.way = chance < surveys_fail ? Way::fails : Way::good;
        } else if (chance < sweeps_hang) {
            child.ends = SteadyPoint::max();
        }
        children_.insert_or_assign(activity, child);
    }

    // A child that hangs ends by SIGKILL alone.
    void obey() {
        for (const auto& [activity, signal] : std::exchange(world_.signals, {})) {
            if (const auto child = children_.find(activity); signal == SIGKILL && child != children_.end()) {
                child->second.ends = world_.steady();
            }
        }
    }

    void end(Activity activity, const Child& child) {
        if (activity == Activity::backup) {
            unlock();
        }
        const bool was_killed = activity != Activity::survey && child.way == Way::crashes;
        if (!was_killed) {
            supervisor_->heard(activity, last_word(activity, child));
        }
        supervisor_->ended(activity, was_killed ? killed : exit_0);
    }

    Report last_word(Activity activity, const Child& child) {
        if (activity == Activity::sweep) {
            return SweepEnded{};
        }
        if (activity == Activity::survey) {
            return child.way == Way::good ? Report(store_.survey()) : WorkFailed{{"the store does not answer"}, {}};
        }
        if (child.way == Way::locked_out) {
            return BackupEnded{RunResult::lock_held, std::nullopt, health::Problem{"another run is at work"}, {}};
        }
        if (!store_.good.empty() && store_.good.back().id > child.newest_known) {
            return BackupEnded{RunResult::not_needed, std::nullopt, health::Problem{"it is there"}, {}};
        }
        if (child.way == Way::fails) {
            return BackupEnded{RunResult::failed, std::nullopt, health::Problem{"it failed"}, {}};
        }
        store_.good.push_back(backup_of(child.began, world_.now()));
        return BackupEnded{RunResult::good, store_.good.back(), std::nullopt, {}};
    }

    void unlock() {
        if (store_.lock == this) {
            store_.lock = nullptr;
        }
    }

    void leave(TimePoint began) {
        store_.leftovers.push_back({std::chrono::floor<std::chrono::seconds>(began), std::nullopt});
    }

    Store& store_;
    const Orders orders_;
    std::mt19937 chance_;
    FakeWorld world_;
    std::map<Activity, Child> children_;
    std::unique_ptr<Supervisor> supervisor_;
};

// How many good backups each due time got, between the first and the last of them.
std::map<std::string, int> backups_by_due_time(const Store& store, const Orders& orders) {
    std::map<std::string, int> counts;
    const auto& calendar = orders.rules.calendar;
    const TimePoint first = store.good.front().started;
    for (TimePoint due = calendar.next_after(first); due < store.good.back().started; due = calendar.next_after(due)) {
        counts[os::utc_text(due)] = 0;
    }
    for (const auto& backup : store.good) {
        if (const auto due = calendar.last_within(first, backup.started)) {
            ++counts[os::utc_text(*due)];
        }
    }
    return counts;
}

void expect_one_for_each(const Store& store, const Orders& orders) {
    for (const auto& [due, count] : backups_by_due_time(store, orders)) {
        EXPECT_EQ(count, 1) << due;
    }
}

const TimePoint begin_of_year = utc("2026-01-01T12:00:00Z");

TEST(AQuietQuarter, HasOneBackupForEachDueTimeAndFewTurns) {
    Store store;
    const Orders orders = nightly("bucket app", "17 2 * * *", 5min);
    Life sidecar(store, begin_of_year, orders, 1);
    sidecar.live_for(24h * 90);
    EXPECT_EQ(store.good.size(), 91U);
    expect_one_for_each(store, orders);
    EXPECT_LT(sidecar.turns, 90 * 100);
    EXPECT_EQ(sidecar.started(Activity::sweep), 91);
}

TEST(AnHourlyQuarter, HasOneBackupForEachDueTime) {
    Store store;
    const Orders orders = nightly("bucket app", "@hourly", 5min);
    Life sidecar(store, begin_of_year, orders, 2);
    sidecar.live_for(24h * 90);
    expect_one_for_each(store, orders);
    EXPECT_GE(store.good.size(), 90U * 24U);
}

TEST(ABadQuarter, LosesNoDueTimeDoublesNoneAndLoopsNowhere) {
    for (unsigned seed = 1; seed <= 5; ++seed) {
        Store store;
        const Orders orders = nightly("bucket app", "17 2 * * *", 5min);
        Life sidecar(store, begin_of_year, orders, seed);
        sidecar.fails = 30;
        sidecar.crashes = 15;
        sidecar.hangs = 5;
        sidecar.surveys_fail = 40;
        sidecar.sweeps_hang = 30;
        sidecar.live_for(24h * 90);
        expect_one_for_each(store, orders);
        EXPECT_GE(store.good.size(), 90U) << "seed " << seed;
        EXPECT_LE(sidecar.started(Activity::backup), 90 * 6) << "seed " << seed;
        EXPECT_LT(sidecar.turns, 90 * 300) << "seed " << seed;
    }
}

TEST(AQuarterInWhichNothingWorks, IsNoLoop) {
    for (const bool store_is_down : {false, true}) {
        Store store;
        Life sidecar(store, begin_of_year, nightly("bucket app", "17 2 * * *", 5min), 3);
        sidecar.live_for(24h);
        sidecar.fails = 100;
        sidecar.surveys_fail = store_is_down ? 100 : 0;
        const auto before = sidecar.started(Activity::backup);
        sidecar.turns = 0;
        sidecar.live_for(24h * 90);
        EXPECT_LE(sidecar.started(Activity::backup) - before, 90 * 32) << "about one an hour";
        EXPECT_GE(sidecar.started(Activity::backup) - before, 90 * 15) << "it does not give up";
        EXPECT_LT(sidecar.turns, 90 * 900) << "surveys every five minutes are what most of them are for";
        EXPECT_FALSE(health::judge(sidecar.facts(), sidecar.now()).healthy());
    }
}

TEST(ALockThatSomebodyHoldsForDays, IsNoLoop) {
    Store store;
    Life sidecar(store, begin_of_year, nightly(), 4);
    store.lock = &store;
    sidecar.live_for(24h * 10);
    EXPECT_LE(sidecar.started(Activity::backup), 10 * 24 * 12);
    EXPECT_GE(sidecar.started(Activity::backup), 10 * 24 * 3);
    store.lock = nullptr;
    sidecar.live_for(20min);
    EXPECT_EQ(store.good.size(), 1U);
}

TEST(RestartsAtAnyTime, LoseAndDoubleNothing) {
    for (unsigned seed = 1; seed <= 5; ++seed) {
        Store store;
        const Orders orders = nightly("bucket app", "17 2 * * *", 5min);
        Life sidecar(store, begin_of_year, orders, seed);
        std::mt19937 chance(seed);
        for (int day = 0; day < 90; ++day) {
            const auto until = std::chrono::seconds(chance() % 86400);
            sidecar.live_for(until);
            sidecar.restart();
            sidecar.live_for(24h - until);
        }
        expect_one_for_each(store, orders);
        EXPECT_GE(store.good.size(), 88U);
    }
}

TEST(ACrashLoop, IsNoDumpLoop) {
    Store store;
    Life sidecar(store, begin_of_year, nightly(), 5);
    for (int i = 0; i < 24 * 60 / 5; ++i) {  // a day of five-minute lives, each of which ends within its backup
        sidecar.live_for(5min);
        if (sidecar.backs_up()) {
            sidecar.restart();
        }
    }
    EXPECT_LE(sidecar.started(Activity::backup), 40);
    EXPECT_GE(sidecar.started(Activity::backup), 5);
}

TEST(AClockThatJumps, LosesNoNight) {
    for (const auto jump : {std::chrono::seconds(3h), std::chrono::seconds(-3h), std::chrono::seconds(50h)}) {
        Store store;
        Life sidecar(store, begin_of_year, nightly("bucket app", "17 2 * * *", 5min), 6);
        std::mt19937 chance(7);
        for (int day = 0; day < 40; ++day) {
            sidecar.live_for(std::chrono::seconds(chance() % 86400));
            sidecar.jump(jump);
            sidecar.live_for(26h);
            // Whatever the clock says: within the last day there was one.
            ASSERT_GE(store.good.back().finished, sidecar.now() - 26h) << day;
        }
        EXPECT_LE(store.good.size(), 40U * 5U);
        EXPECT_LT(sidecar.turns, 40 * 300);
    }
}

// Two sidecars of one server and one store. The lock keeps the second one away while the first is at work.
TEST(TwoSidecarsOfOneStore, MakeOneBackupForEachDueTime) {
    for (unsigned seed = 1; seed <= 3; ++seed) {
        Store store;
        const Orders orders = nightly("bucket app", "17 2 * * *", 5min);
        Life one(store, begin_of_year, orders, seed);
        Life two(store, begin_of_year, nightly("bucket app", "17 2 * * *", 5min, "app-1"), seed + 100);
        one.fails = two.fails = 20;
        one.surveys_fail = two.surveys_fail = 10;
        const SteadyPoint end = one.steady() + 24h * 60;
        while (one.steady() < end && one.turns < 100'000) {
            const SteadyPoint next = std::min({one.next_event(), two.next_event(), end});
            one.pass_to(next);
            two.pass_to(next);
        }
        expect_one_for_each(store, orders);
        EXPECT_GE(store.good.size(), 60U);
        EXPECT_LT(one.turns + two.turns, 2 * 60 * 600);
    }
}

}  // namespace
}  // namespace lifeboat::supervisor
