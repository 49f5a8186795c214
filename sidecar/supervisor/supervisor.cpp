#include "supervisor/supervisor.hpp"

#include "health/judge.hpp"
#include "health/names.hpp"
#include "health/recent.hpp"

#include <algorithm>
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

// A child that ended without a word of its own.
BackupEnded wordless(const os::ExitState& exit, bool overran, bool told_to_end) {
    if (overran) {
        return {RunResult::overrun, std::nullopt,
                Problem{"the backup took longer than schedule.max_duration and was ended",
                        "see what it waited for, or allow it more time by schedule.max_duration"}};
    }
    if (told_to_end) {
        return {RunResult::interrupted, std::nullopt, Problem{"the backup was ended: it was told to stop", {}}};
    }
    return {RunResult::crashed, std::nullopt,
            Problem{(exit.signal ? "the backup's process died: " : "the backup's process ended without a word: ") +
                        exit.text(),
                    exit.signal == SIGKILL ? "see whether the container ran out of memory, and give it more"
                                           : "see the lines in the log before this one, and report it"}};
}

BackupEnded verdict_on(const std::optional<Report>& last_word, const os::ExitState& exit, bool overran,
                       bool told_to_end) {
    const auto* said = last_word ? std::get_if<BackupEnded>(&*last_word) : nullptr;
    // One that was ended for its length only knows that it was interrupted.
    if (said == nullptr || (said->result == RunResult::interrupted && overran)) {
        return wordless(exit, overran, told_to_end);
    }
    return *said;
}

bool is_failure(RunResult result) {
    return result == RunResult::failed || result == RunResult::crashed || result == RunResult::overrun;
}

struct Telling {
    LogLevel level;
    const char* event;
};

Telling telling_of(RunResult result, bool said_before) {
    switch (result) {
        case RunResult::good: return {LogLevel::info, "backup_finished"};
        case RunResult::partial: return {LogLevel::error, "backup_finished"};
        case RunResult::interrupted: return {LogLevel::warn, "backup_interrupted"};
        case RunResult::yielded: return {LogLevel::warn, "backup_yielded"};
        case RunResult::not_ours:
        case RunResult::lock_held:
        case RunResult::not_needed: return {said_before ? LogLevel::debug : LogLevel::info, "backup_skipped"};
        case RunResult::failed:
        case RunResult::crashed:
        case RunResult::overrun: break;
    }
    return {LogLevel::error, "backup_failed"};
}

Fields words_of(const Problem& problem, const std::string& detail) {
    Fields fields = {{"error", detail.empty() ? problem.what : problem.what + ": " + detail}};
    if (!problem.next.empty()) {
        fields["next"] = problem.next;
    }
    return fields;
}

std::string reasons_in(const health::Verdict& verdict) {
    std::string codes;
    for (const auto& reason : verdict.reasons) {
        codes += (codes.empty() ? "" : ",") + std::string(health::name_of(reason.code));
    }
    return codes;
}

void take_marked(health::StoreFacts& store, const health::BackupFacts& backup) {
    if (!store.doubt) {
        store.doubt = health::DoubtFacts{backup.id, backup.marks.empty() ? "" : backup.marks.front(), 0, {}, {}};
    }
    ++store.doubt->marked;
    store.doubt->newest = backup.id;
    store.doubt->newest_finished = backup.finished;
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

void Supervisor::ended(Activity activity, const os::ExitState& exit) {
    const auto node = children_.extract(activity);
    if (node.empty()) {
        return;
    }
    const Child& child = node.mapped();
    if (facts_.running && facts_.running->activity == activity) {
        facts_.running.reset();
        for (const auto& [other, running] : children_) {
            facts_.running = health::RunningFacts{other, running.id, running.began};
        }
    }
    switch (activity) {
        case Activity::backup: backup_ended(child, exit); break;
        case Activity::survey: survey_ended(child, exit); break;
        case Activity::sweep: sweep_ended(child, exit); break;
        case Activity::prune: prune_ended(child, exit); break;
    }
    dirty_ = true;
}

void Supervisor::backup_ended(const Child& child, const os::ExitState& exit) {
    const BackupEnded end = verdict_on(child.last_word, exit, child.overran, child.told_to_end);
    const bool as_before = facts_.runs.last && facts_.runs.last->result == end.result;
    take_run(child, end);
    take_turn(child, end);
    if (is_of_this_place(child)) {
        take_consequences(child, end);
    }
    plan();
    Telling telling = telling_of(end.result, as_before);
    if (end.backup && end.backup->state == health::BackupState::marked) {
        telling.level = LogLevel::warn;
    }
    world_.publish(facts_);  // whoever reads of it in the log finds it there
    world_.log(telling.level, telling.event, fields_of(child, end));
}

void Supervisor::take_run(const Child& child, const BackupEnded& end) {
    auto& runs = facts_.runs;
    const TimePoint now = world_.now();
    runs.last = health::RunFacts{end.result, child.began, now, end.backup ? end.backup->id : child.id, end.problem};
    runs.counts.add(end.result);
    process_.free_since = now;
    if (is_of_this_place(child)) {
        count_run(end);
    }
    health::keep_recent(runs.failures, now);
}

// Among those that health is judged by.
void Supervisor::count_run(const BackupEnded& end) {
    auto& runs = facts_.runs;
    if (is_failure(end.result)) {
        ++runs.consecutive_failures;
    } else if (end.result == RunResult::good || end.result == RunResult::partial || end.result == RunResult::not_ours) {
        runs.consecutive_failures = 0;  // or the server answers, and its backups are somebody else's to make
    }
    if (end.yielded_to) {
        ++runs.consecutive_yields;
        runs.yielded_to = end.yielded_to->name;
        runs.yield_cure = end.yielded_to->cure;
    } else if (end.result == RunResult::good || end.result == RunResult::not_ours) {
        runs.consecutive_yields = 0;
        runs.yielded_to.clear();
        runs.yield_cure.clear();
    }
    if (is_failure(end.result) || end.result == RunResult::yielded) {
        runs.failures.insert(runs.failures.begin(), *runs.last);
    }
}

// Whose turn it is, as far as the run has found out. A standby may have been promoted since it was asked: what fails
// there now must not be covered up.
void Supervisor::take_turn(const Child& child, const BackupEnded& end) {
    if (end.result == RunResult::not_ours) {
        facts_.turn = {health::Turn::not_ours, end.problem ? end.problem->what : ""};
    } else if (is_failure(end.result) && child.id.empty()) {
        facts_.turn = {};
    } else if (end.result != RunResult::interrupted && end.result != RunResult::lock_held) {
        facts_.turn = {health::Turn::ours, {}};
    }
}

// What the end of a run means for those that follow.
void Supervisor::take_consequences(const Child& child, const BackupEnded& end) {
    switch (end.result) {
        case RunResult::good: take_backup(*end.backup); break;
        case RunResult::partial:
            facts_.store.newest_partial = end.backup;
            remember(*end.backup);
            count_failure(child, end.result);
            break;
        case RunResult::failed:
        case RunResult::crashed:
        case RunResult::overrun:
        case RunResult::yielded: count_failure(child, end.result); break;
        case RunResult::not_needed: survey_wanted_ = true; [[fallthrough]];
        case RunResult::not_ours:
        case RunResult::lock_held:
        case RunResult::interrupted:
            if (!is_out_of_date(child)) {
                process_.stood_back = world_.now();  // still due, and not at once
            }
            break;
    }
}

Fields Supervisor::fields_of(const Child& child, const BackupEnded& end) {
    Fields fields = {{"result", std::string(health::name_of(end.result))}, {"started", os::utc_text(child.began)}};
    const auto took = std::chrono::round<std::chrono::milliseconds>(world_.steady() - child.started);
    fields["seconds"] = static_cast<double>(took.count()) / 1000;
    if (const auto& id = end.backup ? end.backup->id : child.id; !id.empty()) {
        fields["id"] = id;
    }
    if (end.backup) {
        fields["databases"] = end.backup->databases.size();
        fields["dumped_bytes"] = end.backup->dumped_bytes.value_or(0);
        fields["stored_bytes"] = end.backup->stored_bytes;
        fields["state"] = std::string(health::name_of(end.backup->state));
    }
    fields["store_retries"] = child.store_retries;
    if (end.yielded_to) {
        fields["yielded_to"] = end.yielded_to->name;
    }
    if (end.problem) {
        fields.update(words_of(*end.problem, end.detail));
    }
    if (plan_ && !stopping_) {
        fields["failed_attempts"] = plan_->failed_attempts;
        fields["next_run"] = os::utc_text(plan_->start);
        plan_told_ = plan_->start;
    }
    return fields;
}

void Supervisor::remember(health::BackupFacts backup) {
    auto& recent = facts_.store.recent;
    recent.insert(recent.begin(), std::move(backup));
    health::keep_recent(recent);
}

// One that was made just now, good or marked: the store need not be asked what it holds. It is what was due, and not
// tried again.
void Supervisor::take_backup(const health::BackupFacts& backup) {
    auto& store = facts_.store;
    if (backup.state == health::BackupState::marked) {
        take_marked(store, backup);
    } else {
        store.last_good = backup;
        store.expiry.last_good_due.reset();  // far away for one that was just made; the next survey tells
    }
    store.newest_partial.reset();
    remember(backup);
    ++store.backups;
    store.bytes += backup.stored_bytes;
    runs_.good = {backup.started};
    runs_.failed.clear();
    known_.newest_id = std::max(known_.newest_id, backup.id);
    viewed_ = world_.steady();
    process_.failures = {};
    process_.stood_back.reset();
    sweep_wanted_ = true;
    prune_wanted_ = true;
    prune_not_before_.reset();
}

void Supervisor::count_failure(const Child& child, RunResult result) {
    auto& failures = process_.failures;
    if (failures.count == 0) {
        failures.first_started = child.began;
    }
    ++failures.count;
    failures.last_ended = world_.now();
    if (is_out_of_date(child)) {  // what was wished for has not been tried yet
        process_.retry_wish = failures.last_ended;
        if (result == RunResult::yielded) {
            *process_.retry_wish += schedule::first_pause;  // a server that shuts down is not back at once
        }
    }
}

void Supervisor::survey_ended(const Child& child, const os::ExitState& exit) {
    if (!is_of_this_place(child)) {
        return;  // the one of this place is still to come
    }
    if (const auto* const seen = child.last_word ? std::get_if<SurveyEnded>(&*child.last_word) : nullptr) {
        if (seen->server && is_of_these_settings(child)) {
            known_.server = seen->server;
        }
        take_survey(child, *seen);
        return;
    }
    if (child.told_to_end) {
        return;
    }
    if (const auto* const said = child.last_word ? std::get_if<WorkFailed>(&*child.last_word) : nullptr) {
        survey_failed(child, said->problem, said->detail);
        return;
    }
    const std::string what =
        child.overran ? "the store was not read within " + std::to_string(limits_.survey_takes.count() / 1000) + " s"
                      : "the process that reads the store died: " + exit.text();
    survey_failed(child, {what, "see the lines in the log before this one"}, {});
}

void Supervisor::take_survey(const Child& child, const SurveyEnded& seen) {
    facts_.store = seen.store;
    facts_.store.surveyed = world_.now();
    facts_.store.limited = seen.limited;
    runs_ = seen.runs;
    known_.newest_id = seen.newest_id;
    viewed_ = world_.steady();
    survey_wanted_ = is_out_of_date(child);
    surveys_overtaken_ = survey_wanted_ ? surveys_overtaken_ + 1 : 0;
    survey_not_before_.reset();
    surveys_failed_ = 0;
    const auto& good = facts_.store.last_good;
    if (good && facts_.runs.last && good->finished > facts_.runs.last->ended) {
        facts_.runs.consecutive_failures = 0;  // made by hand, or by another sidecar
        facts_.runs.consecutive_yields = 0;
        process_.failures = {};
    }
    const std::string limited = seen.limited ? seen.limited->what : "";
    if (limited != limited_told_ && seen.limited) {
        world_.log(LogLevel::warn, "survey_limited", words_of(*seen.limited, {}));
    }
    limited_told_ = limited;
    world_.log(LogLevel::debug, "store_surveyed",
               {{"backups", facts_.store.backups}, {"bytes", facts_.store.bytes}, {"newest", known_.newest_id}});
}

void Supervisor::survey_failed(const Child& child, const Problem& problem, const std::string& detail) {
    auto pause = std::chrono::milliseconds::zero();
    if (!is_out_of_date(child)) {
        pause =
            std::min(limits_.first_survey_pause * (1U << std::min(surveys_failed_, 20)), limits_.longest_survey_pause);
        ++surveys_failed_;
    }
    survey_wanted_ = true;
    survey_not_before_ = world_.steady() + pause;
    auto& store = facts_.store;
    store.problem = problem;
    if (!store.problem_since) {
        store.problem_since = world_.now();
    }
    Fields fields = words_of(problem, detail);
    fields["in_s"] = pause.count() / 1000;
    world_.log(LogLevel::warn, "survey_failed", fields);
}

void Supervisor::sweep_ended(const Child& child, const os::ExitState& exit) {
    sweep_not_before_ = world_.steady() + limits_.sweep_every;
    if (child.told_to_end || (child.last_word && std::holds_alternative<SweepEnded>(*child.last_word))) {
        return;
    }
    const auto* const said = child.last_word ? std::get_if<WorkFailed>(&*child.last_word) : nullptr;
    Fields fields =
        said != nullptr
            ? words_of(said->problem, said->detail)
            : Fields{{"error", child.overran ? "it took too long and was ended" : "its process died: " + exit.text()}};
    if (!fields.contains("next")) {
        fields["next"] = "it is tried again after a later backup";
    }
    world_.log(LogLevel::warn, "sweep_failed", fields);
}

void Supervisor::prune_ended(const Child& child, const os::ExitState& exit) {
    if (!is_of_this_place(child)) {
        return;
    }
    if (const auto* const end = child.last_word ? std::get_if<PruneEnded>(&*child.last_word) : nullptr) {
        take_prune(child, *end);
        return;
    }
    if (child.told_to_end) {
        return;
    }
    const auto* const said = child.last_word ? std::get_if<WorkFailed>(&*child.last_word) : nullptr;
    Fields fields =
        said != nullptr
            ? words_of(said->problem, said->detail)
            : Fields{{"error", child.overran ? "it took too long and was ended" : "its process died: " + exit.text()}};
    if (!fields.contains("next")) {
        fields["next"] = "it is tried again after a later backup";
    }
    world_.log(LogLevel::warn, "prune_failed", fields);
}

void Supervisor::take_prune(const Child& child, const PruneEnded& end) {
    auto& prune = facts_.prune;
    prune.backups += end.backups;
    prune.bytes += end.bytes;
    prune.last = world_.now();
    if (!is_of_these_settings(child)) {
        return;  // whether something stops it under those in force is still to be seen
    }
    prune.stopped = end.stopped;
    if (end.stopped) {  // looked at again by itself, so that what somebody did about it shows within the hour
        prune_wanted_ = true;
        if (!is_out_of_date(child)) {
            prune_not_before_ = world_.steady() + limits_.prune_again;
        }
    }
    const auto& problem = end.stopped ? end.stopped : end.not_possible;
    const std::string what = problem ? problem->what : "";
    if (problem && what != prune_told_ && end.stopped) {
        world_.log(LogLevel::warn, "prune_stopped", words_of(*problem, {}));
    } else if (problem && what != prune_told_) {
        world_.log(LogLevel::info, "prune_not_possible", words_of(*problem, {}));
    }
    prune_told_ = what;
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
