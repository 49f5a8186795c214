// What the sidecar does when: the decisions of `lifeboat run`, without a clock, a descriptor or a process of its own.
//
// The supervisor makes no backup and touches neither server nor store. It starts children that do (activity by
// activity), hears their reports, ends those that take too long, and publishes what it knows. All that it acts on is
// a World, so that tests play months in milliseconds; run_loop.hpp has the real one.
//
//   survey  what does the store hold? At the start, hourly, and just before a run that is due
//   backup  one run
//   sweep   what killed runs left, after a good backup
//   prune   what no rule of [retention] keeps, after a good backup; hourly while something stops it
//
// A survey and a backup exclude each other; a sweep and a prune run beside both.
#pragma once

#include "health/facts.hpp"
#include "log/event_log.hpp"
#include "os/child_process.hpp"
#include "schedule/next_run.hpp"
#include "supervisor/report.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace lifeboat::supervisor {

using health::Activity;
using health::TimePoint;
using SteadyPoint = std::chrono::steady_clock::time_point;

// What of valid settings concerns the supervisor.
struct Orders {
    std::string instance;
    std::string place;  // store and instance: what was known of another place says nothing about this one
    schedule::Rules rules;
    std::chrono::seconds overdue_after{};
    std::chrono::milliseconds max_duration{};
    bool sweeps = true;
    bool prunes = false;
    std::optional<std::chrono::seconds> drill_within = std::nullopt;  // empty: drills are not required
};

// How the supervisor reaches out. Nothing here may wait.
class World {
public:
    World() = default;
    World(const World&) = delete;
    World& operator=(const World&) = delete;
    virtual ~World() = default;

    [[nodiscard]] virtual TimePoint now() const = 0;
    [[nodiscard]] virtual SteadyPoint steady() const = 0;

    // Starts a child; its reports and its end come to Supervisor::heard() and ended().
    virtual Status start(Activity activity, const Known& known) = 0;
    // To the child and its own children; nothing happens when it has ended.
    virtual void signal(Activity activity, int signal) = 0;

    virtual void publish(const health::Facts& facts) = 0;
    virtual void log(log::LogLevel level, const std::string& event, const log::EventLog::Fields& fields) = 0;
};

struct Limits {
    std::chrono::milliseconds survey_every = std::chrono::hours(1);
    std::chrono::milliseconds survey_fresh = std::chrono::minutes(1);  // no need to ask again before a run
    std::chrono::milliseconds survey_takes = std::chrono::minutes(10);
    std::chrono::milliseconds first_survey_pause = std::chrono::seconds(5);  // after a failed one; doubles
    std::chrono::milliseconds longest_survey_pause = std::chrono::minutes(5);
    std::chrono::milliseconds sweep_every = std::chrono::hours(1);
    std::chrono::milliseconds sweep_takes = std::chrono::hours(1);
    std::chrono::milliseconds prune_takes = std::chrono::hours(1);
    std::chrono::milliseconds prune_again = std::chrono::hours(1);  // after one that something stopped
    std::chrono::milliseconds grace = std::chrono::seconds(10);     // from SIGTERM to SIGKILL, for an overrun
    std::chrono::milliseconds drain_grace = std::chrono::seconds(6);
    std::chrono::milliseconds stop_grace = std::chrono::milliseconds(4200);
    std::chrono::milliseconds drain_lasts = std::chrono::hours(1);
};

// One thread. Every call may reach into the World. Call turn() after every other call and whenever deadline() passes.
class Supervisor {
public:
    Supervisor(World& world, health::Facts first, const Limits& limits = {});

    // Settings that are valid: in force from now on. A backup that runs is not disturbed, and ends under the settings
    // that it began with; what it says of another place than the new one counts for nothing there. A prune is ended,
    // and begins again by the new rules. `left_out`: what of them cannot be had, and keeps no backup from being made.
    void accept(Orders orders, const log::EventLog::Fields& told, std::vector<health::Problem> left_out = {});
    // Settings that are not: those before stay. `instance`: as far as they tell it; counts where there are none before.
    void refuse(std::vector<health::Problem> problems, const std::string& instance = {});
    // What became of messages to the addresses of [notify].
    void notified(const health::NotifyFacts& counts);
    // Somebody wants to see it tried again, whatever failed and however long the pause is. What runs just now began
    // before whatever was mended: should it fail, it is tried once more.
    void wish_retry();
    // Where the endpoints are served, or why not.
    void listening(const health::ListenersFacts& listeners);
    // What has been written through the Kubernetes API, or why it was not.
    void reported(const health::KubernetesFacts& reports);

    void heard(Activity activity, const Report& report);
    void ended(Activity activity, const os::ExitState& exit);

    // Lets go of the server, and starts nothing for an hour. `drained` is called once no child is left that may be
    // connected, and facts() tell of it; several may wait.
    void drain(std::function<void()> drained);

    // Ends every child. finished() once they are gone.
    void stop();
    [[nodiscard]] bool finished() const noexcept { return stopping_ && children_.empty(); }

    // Does what is due.
    void turn();
    // When turn() is needed next, if nothing happens before.
    [[nodiscard]] std::optional<SteadyPoint> deadline() const;

    // As last published.
    [[nodiscard]] const health::Facts& facts() const noexcept { return facts_; }

private:
    struct Child {
        SteadyPoint started;
        TimePoint began;
        SteadyPoint ends_by;                   // SIGTERM then, and SIGKILL a grace later
        std::optional<SteadyPoint> killed_at;  // asked to end; when SIGKILL follows
        bool overran = false;
        bool told_to_end = false;  // by a stop or a drain
        std::string id = {};
        std::optional<Report> last_word = {};  // BackupEnded, SurveyEnded, SweepEnded, PruneEnded or WorkFailed
        std::uint64_t store_retries = 0;
        std::uint64_t reload = 0;  // which settings it was started with
        std::uint64_t wishes = 0;  // for another try, before it was started
        std::string place = {};    // which store it works on
    };

    [[nodiscard]] bool runs(Activity activity) const { return children_.count(activity) != 0; }
    void start(Activity activity, std::chrono::milliseconds takes);
    void end_child(Activity activity, std::chrono::milliseconds grace);
    void enforce_limits();
    void end_drain();
    void start_what_is_due();
    [[nodiscard]] bool is_of_this_place(const Child& child) const { return child.place == orders_->place; }
    [[nodiscard]] bool is_of_these_settings(const Child& child) const {
        return child.reload == facts_.settings.reloads_applied;
    }
    // Whether new settings came, or somebody asked for another try, since it was started.
    [[nodiscard]] bool is_out_of_date(const Child& child) const { return child.wishes != wishes_; }
    [[nodiscard]] bool survey_is_due() const;
    [[nodiscard]] bool view_is_fresh() const;
    bool run_goes_first();
    [[nodiscard]] bool sweep_may_follow() const;
    void plan();
    void tell_plan(const schedule::Plan& plan);
    void backup_ended(const Child& child, const os::ExitState& exit);
    void take_run(const Child& child, const BackupEnded& end);
    void count_run(const BackupEnded& end);
    void take_turn(const Child& child, const BackupEnded& end);
    void take_consequences(const Child& child, const BackupEnded& end);
    log::EventLog::Fields fields_of(const Child& child, const BackupEnded& end);
    void survey_ended(const Child& child, const os::ExitState& exit);
    void sweep_ended(const Child& child, const os::ExitState& exit);
    [[nodiscard]] bool prune_may_follow() const;
    void prune_ended(const Child& child, const os::ExitState& exit);
    void take_prune(const Child& child, const PruneEnded& end);
    void take_survey(const Child& child, const SurveyEnded& seen);
    void survey_failed(const Child& child, const health::Problem& problem, const std::string& detail);
    void take_backup(const health::BackupFacts& backup);
    void remember(health::BackupFacts backup);  // among those of the last 30 days
    void count_failure(const Child& child, health::RunResult result);
    void forget_place();
    void answer_drains();
    void publish();

    World& world_;
    const Limits limits_;
    health::Facts facts_;
    bool dirty_ = true;  // facts_ changed since they were published
    std::string reasons_told_ = {};

    std::optional<Orders> orders_;
    std::map<Activity, Child> children_;

    // What is known of the store.
    std::optional<SteadyPoint> viewed_;  // since when the view below is right: a survey's end, or a good backup's;
                                         // empty: nothing is known of this place yet
    bool survey_wanted_ = true;
    int surveys_overtaken_ = 0;  // one after another, by a wish that came while it was under way
    std::optional<SteadyPoint> survey_not_before_;
    int surveys_failed_ = 0;
    std::string limited_told_ = {};
    schedule::StoreView runs_;
    Known known_;

    schedule::ProcessView process_;
    std::uint64_t wishes_ = 0;
    std::optional<schedule::Plan> plan_;
    std::optional<TimePoint> plan_told_;

    std::optional<SteadyPoint> sweep_not_before_;
    bool sweep_wanted_ = false;

    std::optional<SteadyPoint> prune_not_before_;
    bool prune_wanted_ = false;
    std::string prune_told_ = {};  // why it was stopped or not possible, as last logged

    std::optional<SteadyPoint> drained_until_;
    std::vector<std::function<void()>> drains_;
    bool stopping_ = false;
};

}  // namespace lifeboat::supervisor
