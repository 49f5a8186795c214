// What the end of a child means: for what is known, for what follows, and for the log.
#include "supervisor/supervisor.hpp"

#include "health/names.hpp"
#include "health/recent.hpp"
#include "os/clock.hpp"
#include "problem_fields.hpp"

#include <algorithm>
#include <csignal>
#include <utility>

namespace lifeboat::supervisor {
namespace {

using health::Problem;
using health::RunResult;
using log::LogLevel;
using Fields = log::EventLog::Fields;

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

// Why one that clears up after backups did not get to its end.
Fields words_of_chore(const std::optional<Report>& last_word, const os::ExitState& exit, bool overran) {
    const auto* const said = last_word ? std::get_if<WorkFailed>(&*last_word) : nullptr;
    Fields fields =
        said != nullptr
            ? words_of(said->problem, said->detail)
            : Fields{{"error", overran ? "it took too long and was ended" : "its process died: " + exit.text()}};
    if (!fields.contains("next")) {
        fields["next"] = "it is tried again after a later backup";
    }
    return fields;
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
    world_.log(LogLevel::warn, "sweep_failed", words_of_chore(child.last_word, exit, child.overran));
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
    world_.log(LogLevel::warn, "prune_failed", words_of_chore(child.last_word, exit, child.overran));
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

}  // namespace lifeboat::supervisor
