#include "supervisor/supervisor.hpp"

#include "health/judge.hpp"
#include "health/names.hpp"
#include "problem_fields.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <utility>

namespace lifeboat::supervisor {
namespace {

using health::Problem;
using health::RunResult;
using log::LogLevel;
using Fields = log::EventLog::Fields;

// Those that may be connected to the server.
constexpr std::array connecting{Activity::backup, Activity::survey};

const char* text_of(schedule::Why why) {
    switch (why) {
        case schedule::Why::first: return "no backup yet";
        case schedule::Why::scheduled: return "schedule";
        case schedule::Why::missed: return "a missed run is caught up";
        case schedule::Why::retry: return "retry";
    }
    return "";
}

std::string in_words(const schedule::Plan& plan) {
    const std::string failures = std::to_string(plan.failed_attempts);
    return plan.why == schedule::Why::retry
               ? "retry after " + failures + (plan.failed_attempts == 1 ? " failed attempt" : " failed attempts")
               : text_of(plan.why);
}

std::string reasons_in(const health::Verdict& verdict) {
    std::string codes;
    for (const auto& reason : verdict.reasons) {
        codes += (codes.empty() ? "" : ",") + std::string(health::name_of(reason.code));
    }
    return codes;
}

}  // namespace

Supervisor::Supervisor(World& world, health::Facts first, const Limits& limits)
    : world_(world), limits_(limits), facts_(std::move(first)) {}

void Supervisor::accept(Orders orders, const Fields& told, std::vector<Problem> left_out) {
    auto& settings = facts_.settings;
    const bool first = !orders_;
    if (first) {
        process_.free_since = world_.now();
    } else {
        ++settings.reloads_applied;
        wish_retry();
    }
    if (first || orders_->place != orders.place) {
        forget_place();
    }
    settings.problems = std::move(left_out);
    settings.incomplete = !settings.problems.empty();
    settings.in_force = true;
    settings.last_applied = world_.now();
    facts_.instance = orders.instance;
    facts_.schedule.overdue_after = orders.overdue_after;
    known_.server.reset();  // it may be another server's address now
    facts_.drill_within = orders.drill_within;
    if (!orders.prunes) {
        facts_.prune.stopped.reset();
    }
    orders_ = std::move(orders);
    if (runs(Activity::survey)) {
        end_child(Activity::survey, limits_.grace);  // it may hang at what the new settings cure
    }
    if (runs(Activity::prune)) {
        end_child(Activity::prune, limits_.grace);  // nothing more goes by the old rules
        prune_wanted_ = prune_wanted_ || is_of_this_place(children_.at(Activity::prune));
    }
    world_.log(LogLevel::info, "settings_applied", told);
    for (const auto& problem : settings.problems) {
        world_.log(LogLevel::warn, "settings_incomplete", words_of(problem, {}));
    }
    dirty_ = true;
}

void Supervisor::wish_retry() {
    ++wishes_;
    process_.retry_wish = world_.now();
    process_.stood_back.reset();
    survey_wanted_ = true;  // what was in the way of the store may be gone
    survey_not_before_.reset();
    surveys_failed_ = 0;
    prune_not_before_.reset();
}

void Supervisor::notified(const health::NotifyFacts& counts) {
    facts_.notify = counts;
    dirty_ = true;
}

void Supervisor::refuse(std::vector<Problem> problems, const std::string& instance) {
    auto& settings = facts_.settings;
    ++settings.reloads_refused;
    settings.last_refused = world_.now();
    for (const auto& problem : problems) {
        world_.log(LogLevel::error, "settings_refused", words_of(problem, {}));
    }
    settings.problems = std::move(problems);
    settings.incomplete = false;
    if (!settings.in_force) {
        facts_.instance = instance;
    }
    dirty_ = true;
}

void Supervisor::listening(const health::ListenersFacts& listeners) {
    facts_.listeners = listeners;
    dirty_ = true;
}

void Supervisor::reported(const health::KubernetesFacts& reports) {
    facts_.kubernetes = reports;
    dirty_ = true;
}

// What was known of another store or instance, or never known.
void Supervisor::forget_place() {
    facts_.store = {};
    runs_ = {};
    known_.newest_id.clear();
    viewed_.reset();
    facts_.runs.consecutive_failures = 0;
    facts_.runs.consecutive_yields = 0;
    facts_.runs.failures.clear();
    process_.failures = {};
    facts_.prune.stopped.reset();
    prune_wanted_ = false;
    plan_.reset();
    facts_.schedule.due.reset();
    facts_.schedule.start.reset();
    facts_.schedule.because.clear();
}

void Supervisor::heard(Activity activity, const Report& report) {
    const auto found = children_.find(activity);
    if (found == children_.end()) {
        return;
    }
    Child& child = found->second;
    if (const auto* began = std::get_if<BackupBegan>(&report)) {
        child.id = began->id;
        if (is_of_these_settings(child)) {
            known_.server = began->server;
        }
        facts_.turn = {health::Turn::ours, {}};
        if (facts_.running) {
            facts_.running->id = began->id;
        }
    } else if (const auto* moved = std::get_if<BackupMoved>(&report)) {
        if (facts_.running) {
            facts_.running->part = moved->part;
            facts_.running->dumped_bytes = moved->dumped_bytes;
            facts_.running->stored_bytes = moved->stored_bytes;
            facts_.running->estimated_bytes = moved->estimated_bytes;
        }
    } else if (std::holds_alternative<StoreAskedAgain>(report)) {
        ++child.store_retries;
        ++facts_.runs.store_retries;
    } else {
        child.last_word = report;
    }
    dirty_ = true;
}

void Supervisor::drain(std::function<void()> drained) {
    const TimePoint now = world_.now();
    drained_until_ = world_.steady() + limits_.drain_lasts;
    facts_.drained = health::DrainFacts{now, now + limits_.drain_lasts};
    drains_.push_back(std::move(drained));
    for (const Activity activity : connecting) {
        if (runs(activity)) {
            end_child(activity, limits_.drain_grace);
        }
    }
    world_.log(LogLevel::info, "drained", {{"until", os::utc_text(facts_.drained->until)}});
    dirty_ = true;
}

void Supervisor::answer_drains() {
    if (std::none_of(connecting.begin(), connecting.end(), [this](Activity activity) { return runs(activity); })) {
        for (const auto& drained : std::exchange(drains_, {})) {
            drained();
        }
    }
}

void Supervisor::end_drain() {
    if (drained_until_ && world_.steady() >= *drained_until_) {
        drained_until_.reset();
        facts_.drained.reset();
        world_.log(LogLevel::info, "drain_ended", Fields::object());
        dirty_ = true;
    }
}

void Supervisor::stop() {
    stopping_ = true;
    for (const auto& [activity, child] : children_) {
        end_child(activity, limits_.stop_grace);
    }
}

void Supervisor::end_child(Activity activity, std::chrono::milliseconds grace) {
    Child& child = children_.at(activity);
    const SteadyPoint kill_at = world_.steady() + grace;
    if (!child.killed_at) {
        child.told_to_end = !child.overran;
        world_.signal(activity, SIGTERM);
    }
    child.killed_at = std::min(child.killed_at.value_or(kill_at), kill_at);
}

void Supervisor::enforce_limits() {
    const SteadyPoint now = world_.steady();
    for (auto& [activity, child] : children_) {
        if (!child.killed_at && now >= child.ends_by) {
            child.overran = true;
            world_.log(LogLevel::error, "child_overran", {{"activity", std::string(health::name_of(activity))}});
            end_child(activity, limits_.grace);
        } else if (child.killed_at && now >= *child.killed_at) {
            world_.log(LogLevel::error, "child_killed", {{"activity", std::string(health::name_of(activity))}});
            world_.signal(activity, SIGKILL);
            child.killed_at = now + limits_.grace;  // and again, should it be stuck in the kernel
        }
    }
}

void Supervisor::start(Activity activity, std::chrono::milliseconds takes) {
    const SteadyPoint steady = world_.steady();
    auto& child = children_.try_emplace(activity).first->second;
    child.started = steady;
    child.began = world_.now();
    child.ends_by = steady + takes;
    child.reload = facts_.settings.reloads_applied;
    child.wishes = wishes_;
    child.place = orders_->place;
    if (!facts_.running || activity == Activity::backup) {
        facts_.running = health::RunningFacts{activity, {}, child.began};
    }
    dirty_ = true;
    if (auto started = world_.start(activity, known_); !started) {
        const Problem problem = health::problem_of(started.error());
        child.last_word = activity == Activity::backup ? Report(BackupEnded{RunResult::failed, std::nullopt, problem})
                                                       : Report(WorkFailed{problem, {}});
        ended(activity, {});
    }
}

bool Supervisor::survey_is_due() const {
    const SteadyPoint now = world_.steady();
    const bool paused = survey_not_before_ && now < *survey_not_before_;
    return !paused && (survey_wanted_ || !viewed_ || now - *viewed_ >= limits_.survey_every);
}

bool Supervisor::view_is_fresh() const {
    return viewed_ && (world_.steady() - *viewed_ <= limits_.survey_fresh || survey_not_before_);
}

// Whoever wishes again and again, for one survey after another, keeps no run from being made.
bool Supervisor::run_goes_first() {
    if (surveys_overtaken_ < 2 || !view_is_fresh()) {
        return false;
    }
    plan();
    return plan_->start <= world_.now();
}

bool Supervisor::sweep_may_follow() const {
    return sweep_wanted_ && orders_->sweeps && !runs(Activity::sweep);
}

bool Supervisor::prune_may_follow() const {
    return prune_wanted_ && orders_->prunes && !runs(Activity::prune);
}

void Supervisor::plan() {
    if (!viewed_) {
        return;
    }
    plan_ = schedule::next_run(orders_->rules, runs_, process_, world_.now());
    auto& told = facts_.schedule;
    const auto attempts = static_cast<std::size_t>(plan_->failed_attempts);
    if (told.due != plan_->due || told.start != plan_->start || told.failed_attempts != attempts) {
        told.due = plan_->due;
        told.start = plan_->start;
        told.because = in_words(*plan_);
        told.failed_attempts = attempts;
        dirty_ = true;
    }
}

void Supervisor::tell_plan(const schedule::Plan& plan) {
    if (plan_told_ != plan.start) {
        plan_told_ = plan.start;
        world_.log(LogLevel::info, "run_planned",
                   {{"start", os::utc_text(plan.start)}, {"due", os::utc_text(plan.due)}, {"why", in_words(plan)}});
    }
}

void Supervisor::start_what_is_due() {
    if (!orders_ || stopping_ || drained_until_) {
        return;
    }
    const bool busy = runs(Activity::survey) || runs(Activity::backup);
    if (!busy && survey_is_due() && !run_goes_first()) {
        start(Activity::survey, limits_.survey_takes);
    } else if (!busy && viewed_) {
        plan();
        if (plan_->start > world_.now()) {
            tell_plan(*plan_);
        } else if (!view_is_fresh()) {
            start(Activity::survey, limits_.survey_takes);
        } else {
            start(Activity::backup, orders_->max_duration);
        }
    }
    if (sweep_may_follow() && (!sweep_not_before_ || world_.steady() >= *sweep_not_before_)) {
        sweep_wanted_ = false;
        start(Activity::sweep, limits_.sweep_takes);
    }
    if (prune_may_follow() && (!prune_not_before_ || world_.steady() >= *prune_not_before_)) {
        prune_wanted_ = false;
        start(Activity::prune, limits_.prune_takes);
    }
}

void Supervisor::turn() {
    end_drain();
    enforce_limits();
    start_what_is_due();
    publish();
    answer_drains();  // whoever asked finds it in what is shown
}

std::optional<SteadyPoint> Supervisor::deadline() const {
    std::optional<SteadyPoint> first;
    const auto by = [&](std::optional<SteadyPoint> time) {
        if (time && (!first || *time < *first)) {
            first = time;
        }
    };
    for (const auto& [activity, child] : children_) {
        by(child.killed_at ? *child.killed_at : child.ends_by);
    }
    by(drained_until_);
    if (!orders_ || stopping_ || drained_until_) {
        return first;
    }
    if (!runs(Activity::survey) && !runs(Activity::backup)) {
        if (survey_not_before_) {
            by(survey_not_before_);  // also where a view's hour is over: not before this
        } else if (viewed_) {
            by(*viewed_ + limits_.survey_every);
        }
        if (plan_) {
            by(world_.steady() + std::max(plan_->start - world_.now(), TimePoint::duration::zero()));
        }
    }
    if (sweep_may_follow()) {
        by(sweep_not_before_);
    }
    if (prune_may_follow()) {
        by(prune_not_before_);
    }
    return first;
}

void Supervisor::publish() {
    if (std::exchange(dirty_, false)) {
        world_.publish(facts_);
    }
    const auto verdict = health::judge(facts_, world_.now());
    if (const std::string reasons = reasons_in(verdict); reasons != reasons_told_) {
        reasons_told_ = reasons;
        Fields fields = {{"healthy", verdict.healthy()}, {"reasons", reasons}};
        if (!verdict.healthy()) {
            fields["message"] = verdict.reasons.front().message;
            fields["next"] = verdict.reasons.front().next;
        }
        world_.log(verdict.healthy() ? LogLevel::info : LogLevel::warn, "health_changed", fields);
    }
}

}  // namespace lifeboat::supervisor
