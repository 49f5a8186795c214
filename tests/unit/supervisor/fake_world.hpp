// A world for the supervisor in which time passes when a test says so, and children do what it says.
#pragma once

#include "health/judge.hpp"
#include "os/clock.hpp"
#include "supervisor/supervisor.hpp"

#include <algorithm>
#include <csignal>
#include <functional>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace lifeboat::supervisor {

using Fields = log::EventLog::Fields;

// "2026-11-22T02:17:00Z"
inline TimePoint utc(const std::string& text) {
    const auto time = os::utc_time(text);
    if (!time) {
        throw std::invalid_argument("no time: " + text);
    }
    return *time;
}

struct Line {
    log::LogLevel level;
    std::string event;
    Fields fields;
};

struct Start {
    Activity activity;
    std::string newest_known;
    TimePoint at;
    std::optional<std::string> server_known = std::nullopt;
};

class FakeWorld final : public World {
public:
    explicit FakeWorld(TimePoint begin) : now_(begin) {}

    [[nodiscard]] TimePoint now() const override { return now_; }
    [[nodiscard]] SteadyPoint steady() const override { return steady_; }

    Status start(Activity activity, const Known& known) override {
        if (refusal) {
            return *refusal;
        }
        if (!running.insert(activity).second) {
            throw std::logic_error("two children of one kind");
        }
        starts.push_back({activity, known.newest_id, now_, known.server});
        if (on_start) {
            on_start(activity, known.newest_id);
        }
        return done();
    }

    void signal(Activity activity, int signal) override { signals.emplace_back(activity, signal); }
    void publish(const health::Facts& facts) override { published.push_back(facts); }
    void log(log::LogLevel level, const std::string& event, const Fields& fields) override {
        lines.push_back({level, event, fields});
    }

    void pass(std::chrono::nanoseconds time) {
        now_ += std::chrono::duration_cast<TimePoint::duration>(time);
        steady_ += time;
    }
    // The wall clock alone.
    void jump(std::chrono::nanoseconds time) { now_ += std::chrono::duration_cast<TimePoint::duration>(time); }

    [[nodiscard]] long count(Activity activity) const {
        return std::count_if(starts.begin(), starts.end(), [&](const auto& each) { return each.activity == activity; });
    }
    [[nodiscard]] std::vector<Line> told(const std::string& event) const {
        std::vector<Line> found;
        std::copy_if(lines.begin(), lines.end(), std::back_inserter(found),
                     [&](const Line& line) { return line.event == event; });
        return found;
    }

    std::optional<Error> refusal;  // why no child can be started
    std::function<void(Activity, const std::string&)> on_start;
    std::set<Activity> running;
    std::vector<Start> starts;
    std::vector<std::pair<Activity, int>> signals;
    std::vector<health::Facts> published;
    std::vector<Line> lines;

private:
    TimePoint now_;
    SteadyPoint steady_{std::chrono::hours(1000)};
};

inline Orders nightly(const std::string& place = "bucket app", const std::string& cron = "17 2 * * *",
                      std::chrono::milliseconds jitter = {}, const std::string& host = "app-0") {
    auto calendar = schedule::Calendar::make(cron, "UTC");
    if (!calendar) {
        throw std::invalid_argument(calendar.error().what);
    }
    return {"app", place, {std::move(*calendar), jitter, {"app", host}}, std::chrono::hours(26), std::chrono::hours(6),
            true};
}

inline health::Facts first_facts(const World& world) {
    health::Facts facts;
    facts.version = "1.2.3";
    facts.started = world.now();
    return facts;
}

inline std::string id_of(TimePoint started) {
    std::string id = os::utc_text(started);
    std::erase_if(id, [](char c) { return c == '-' || c == ':'; });
    return id + "-7f3a";
}

inline health::BackupFacts backup_of(TimePoint started, TimePoint finished,
                                     health::BackupState state = health::BackupState::good) {
    health::BackupFacts backup;
    backup.id = id_of(started);
    backup.started = std::chrono::floor<std::chrono::seconds>(started);
    backup.finished = finished;
    backup.stored_bytes = 1000;
    backup.dumped_bytes = 5000;
    backup.databases = {"app"};
    backup.state = state;
    return backup;
}

// What a survey says of a store with these good backups (oldest first).
inline SurveyEnded survey_of(const std::vector<health::BackupFacts>& backups) {
    SurveyEnded survey;
    for (const auto& backup : backups) {
        survey.runs.good.push_back(backup.started);
        survey.store.recent.insert(survey.store.recent.begin(), backup);
        survey.store.bytes += backup.stored_bytes;
        survey.newest_id = std::max(survey.newest_id, backup.id);
        survey.store.last_good = backup;
    }
    survey.store.backups = backups.size();
    return survey;
}

inline constexpr os::ExitState exit_0{0, std::nullopt};
inline constexpr os::ExitState exit_1{1, std::nullopt};
inline constexpr os::ExitState killed{std::nullopt, SIGKILL};

// A supervisor in its world, at noon of 25 November 2026, with valid settings.
struct Sidecar {
    FakeWorld world{utc("2026-11-25T12:00:00Z")};
    Supervisor supervisor{world, first_facts(world)};

    Sidecar() {
        supervisor.accept(nightly(), Fields::object());
        supervisor.turn();
    }

    void pass(std::chrono::nanoseconds time) {
        world.pass(time);
        supervisor.turn();
    }
    // Lets time pass as the loop does, from deadline to deadline, until `done`; a day at most.
    template <class Done>
    bool wait_until(Done done) {
        const auto end = world.steady() + std::chrono::hours(24);
        for (int turns = 0; !done() && world.steady() < end; ++turns) {
            const auto deadline = supervisor.deadline();
            if (!deadline || turns > 10'000) {
                return false;
            }
            pass(std::max(*deadline - world.steady(), SteadyPoint::duration::zero()));
        }
        return done();
    }
    bool wait_for(Activity activity) {
        return wait_until([&] { return runs(activity); });
    }

    void say(Activity activity, const Report& report) {
        supervisor.heard(activity, report);
        supervisor.turn();
    }
    void end(Activity activity, const os::ExitState& exit = exit_0) {
        world.running.erase(activity);
        supervisor.ended(activity, exit);
        supervisor.turn();
    }
    void end(Activity activity, const Report& last_word, const os::ExitState& exit = exit_0) {
        supervisor.heard(activity, last_word);
        end(activity, exit);
    }

    [[nodiscard]] bool runs(Activity activity) const { return world.running.count(activity) != 0; }
    [[nodiscard]] const health::Facts& shown() const { return world.published.back(); }
    [[nodiscard]] const Line last_told(const std::string& event) const {
        const auto found = world.told(event);
        return found.empty() ? Line{log::LogLevel::trace, "nothing told", Fields::object()} : found.back();
    }

    // A good backup of the last night is in the store, and the next is due at 02:17.
    void settle() {
        end(Activity::survey, survey_of({backup_of(utc("2026-11-25T02:17:00Z"), utc("2026-11-25T02:21:00Z"))}));
    }
    // To the point at which a backup runs.
    void reach_backup() {
        if (runs(Activity::survey)) {
            settle();
        }
        while (!runs(Activity::backup)) {
            if (!wait_until([&] { return runs(Activity::survey) || runs(Activity::backup); })) {
                throw std::logic_error("no backup is started");
            }
            if (runs(Activity::survey)) {
                end(Activity::survey, survey_of({backup_of(utc("2026-11-25T02:17:00Z"), utc("2026-11-25T02:21:00Z"))}));
            }
        }
    }
    void end_backup_well() {
        const auto& started = world.starts;
        const auto last = std::find_if(started.rbegin(), started.rend(),
                                       [](const auto& each) { return each.activity == Activity::backup; });
        end(Activity::backup, BackupEnded{health::RunResult::good, backup_of(last->at, world.now()), std::nullopt, {}});
    }
};

}  // namespace lifeboat::supervisor
