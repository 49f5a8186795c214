#include "health/judge.hpp"

#include "health/words.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace lifeboat::health {

namespace {

using std::chrono::duration_cast;
using std::chrono::seconds;

// Clocks of two machines may differ by this much, and nobody needs to hear of it.
constexpr std::chrono::minutes clock_slack{10};

std::string at(TimePoint time) {
    return os::utc_text(time);
}

std::string ago(TimePoint then, TimePoint now) {
    return duration_text(duration_cast<seconds>(std::max(now - then, TimePoint::duration::zero()))) + " ago";
}

std::string or_else(const std::string& next, std::string_view otherwise) {
    return next.empty() ? std::string(otherwise) : next;
}

bool backup_is_running(const Facts& facts) {
    return facts.running && facts.running->activity == Activity::backup;
}

bool is_drained(const Facts& facts, TimePoint now) {
    return facts.drained && now < facts.drained->until;
}

// What one does about a backup that is missing.
std::string how_to_get_one(const Facts& facts, TimePoint now) {
    if (backup_is_running(facts)) {
        return "wait: a backup is being made since " + at(facts.running->since);
    }
    if (!facts.settings.in_force) {
        return "mend the settings: without them no backup can be made";
    }
    if (is_drained(facts, now)) {
        return "nothing is started until " + at(facts.drained->until) +
               ", as `lifeboat drain` was called; a restart of this container ends that";
    }
    if (facts.schedule.start) {
        const auto& because = facts.schedule.because;
        return "the next run begins at " + at(*facts.schedule.start) + (because.empty() ? "" : " (" + because + ")") +
               "; `lifeboat backup` makes one now";
    }
    return "`lifeboat backup` makes one now and says what is in its way";
}

std::optional<Reason> tampered(const Facts& facts) {
    const auto& hidden = facts.store.hidden;
    const auto& meddled = facts.store.meddled;
    if (hidden.empty() && meddled.empty()) {
        return std::nullopt;
    }
    std::string message;
    if (!hidden.empty()) {
        message = "somebody hid or wrote over " + counted(hidden.size(), "backup") +
                  " in the store: " + some_of(hidden) + "; what was written first is still there and restorable";
    }
    if (!meddled.empty()) {
        message += (message.empty() ? "" : "; and ") + ("not as it was written: " + some_of(meddled));
    }
    return Reason{ReasonCode::tampered, std::move(message),
                  "find out which key did it and replace that key; `lifeboat list` names what was done"};
}

std::vector<Problem> problems_of_settings_and_listeners(const Facts& facts) {
    auto problems = facts.settings.problems;
    for (const auto* listener : {&facts.listeners.pod, &facts.listeners.page}) {
        if (listener->problem) {
            problems.push_back(*listener->problem);
        }
    }
    return problems;
}

std::string consequence(const SettingsFacts& settings) {
    if (settings.problems.empty()) {
        return {};
    }
    if (settings.incomplete) {
        return "backups are made, but not everybody who should hear of them does: ";
    }
    return settings.in_force ? "the new settings are refused, and the ones before stay in force: "
                             : "there are no valid settings, so no backup can be made: ";
}

std::optional<Reason> misconfigured(const Facts& facts) {
    const auto problems = problems_of_settings_and_listeners(facts);
    if (problems.empty()) {
        return std::nullopt;
    }
    std::string message = consequence(facts.settings) + problems.front().what;
    if (problems.size() > 1) {
        message += " (and " + counted(problems.size() - 1, "problem") + " more)";
    }
    return Reason{ReasonCode::misconfigured, std::move(message),
                  or_else(problems.front().next, "correct the settings; they are read again by themselves")};
}

Problem failed_runs(const RunsFacts& runs) {
    const auto& last = runs.last;
    std::string what = runs.consecutive_failures == 1
                           ? "the last run failed"
                           : "the last " + std::to_string(runs.consecutive_failures) + " runs failed";
    if (!last || !last->problem) {
        return {std::move(what), {}};
    }
    return {what + " (" + at(last->ended) + "): " + last->problem->what, last->problem->next};
}

Problem unreadable_store(const StoreFacts& store) {
    std::string what = "the store cannot be read";
    if (store.problem_since) {
        what += " since " + at(*store.problem_since);
    }
    return {what + ": " + store.problem->what, store.problem->next};
}

std::optional<Reason> failing(const Facts& facts) {
    std::vector<Problem> problems;
    if (facts.runs.consecutive_failures > 0) {
        problems.push_back(failed_runs(facts.runs));
    }
    if (facts.store.problem) {
        problems.push_back(unreadable_store(facts.store));
    }
    if (problems.empty()) {
        return std::nullopt;
    }
    std::string message = problems.front().what;
    if (problems.size() > 1) {
        message += "; " + problems.back().what;
    }
    return Reason{
        ReasonCode::failing, std::move(message),
        or_else(problems.front().next, "read this container's log: each try that failed is there, with its error")};
}

std::optional<Reason> starved(const Facts& facts) {
    const auto& runs = facts.runs;
    if (runs.consecutive_yields < most_yields) {
        return std::nullopt;
    }
    return Reason{
        ReasonCode::starved,
        "the last " + std::to_string(runs.consecutive_yields) + " runs gave way, the latest to " + runs.yielded_to,
        or_else(runs.yield_cure, "run the backup at another time (schedule.cron), or raise postgres.yield_to_ddl")};
}

std::optional<Reason> no_backup_yet(const Facts& facts, TimePoint now) {
    if (facts.store.last_good) {
        return std::nullopt;
    }
    if (facts.store.surveyed) {
        return Reason{ReasonCode::no_backup_yet, "the store holds no good backup of this instance",
                      how_to_get_one(facts, now)};
    }
    std::string message =
        "no good backup is known: the store could not be read since the start, " + ago(facts.started, now);
    if (facts.store.problem) {
        return Reason{ReasonCode::no_backup_yet, std::move(message),
                      or_else(facts.store.problem->next, "mend what keeps the store from being read")};
    }
    const bool soon = facts.settings.in_force && !is_drained(facts, now);
    return Reason{ReasonCode::no_backup_yet, std::move(message),
                  soon ? "wait: it is read soon after the start" : how_to_get_one(facts, now)};
}

// A marked backup is none that is trusted, but it was made.
TimePoint newest_end(const StoreFacts& store) {
    return std::max(store.last_good->finished, store.doubt ? store.doubt->newest_finished : TimePoint());
}

std::optional<Reason> overdue(const Facts& facts, TimePoint now) {
    const auto& last = facts.store.last_good;
    if (!last) {
        return std::nullopt;
    }
    if (last->finished > now + clock_slack) {
        return Reason{ReasonCode::overdue,
                      "the last good backup says that it ended in the future, at " + at(last->finished) +
                          ": whether one is overdue cannot be told",
                      "set the clock of this node; if it is right, make a new backup by `lifeboat backup`"};
    }
    if (!facts.schedule.overdue_after || now - newest_end(facts.store) <= *facts.schedule.overdue_after) {
        return std::nullopt;
    }
    return Reason{ReasonCode::overdue,
                  "the last good backup ended " + ago(last->finished, now) + ", at " + at(last->finished) +
                      "; one is due within " + duration_text(*facts.schedule.overdue_after),
                  how_to_get_one(facts, now)};
}

std::string readable(const std::string& database) {
    return database.empty() ? "the globals (roles and tablespaces)" : database;
}

std::optional<Reason> partial(const Facts& facts) {
    const auto& newest = facts.store.newest_partial;
    if (!newest) {
        return std::nullopt;
    }
    std::vector<std::string> missing;
    std::transform(newest->failed_databases.begin(), newest->failed_databases.end(), std::back_inserter(missing),
                   readable);
    const auto& last = facts.runs.last;
    const bool of_last_run = last && last->id == newest->id && last->problem;
    std::string message = "the newest backup, " + newest->id + ", is partial";
    message += missing.empty() ? "" : "; it lacks " + some_of(missing);
    return Reason{ReasonCode::partial, std::move(message),
                  or_else(of_last_run ? last->problem->next : "",
                          "the log of that run says why; what it did store is kept and can be restored")};
}

std::optional<Reason> lineage(const Facts& facts) {
    const auto& store = facts.store;
    if (store.other_server) {
        return Reason{ReasonCode::lineage, store.other_server->what, store.other_server->next};
    }
    if (!store.doubt) {
        return std::nullopt;
    }
    const auto& doubt = *store.doubt;
    std::string message = "backup " + doubt.since + " is marked: " + doubt.reason;
    if (doubt.marked > 1) {
        message += "; so are the " + std::to_string(doubt.marked - 1) + " that came after it, up to " + doubt.newest;
    }
    const std::string otherwise = store.last_good ? "if not, backup " + store.last_good->id + " is the last good one"
                                                  : "if not, look at them all";
    return Reason{ReasonCode::lineage, std::move(message) + "; nothing is pruned meanwhile",
                  "look at `lifeboat show " + doubt.newest + "`; if all is as it should be, `lifeboat accept " +
                      doubt.newest + " --because \"...\"`; " + otherwise};
}

std::optional<Reason> expiring(const Facts& facts, TimePoint now) {
    const auto& expiry = facts.store.expiry;
    if (!expiry.last_good_due || !facts.store.last_good || now < *expiry.last_good_due - expiry.warning) {
        return std::nullopt;
    }
    return Reason{ReasonCode::expiring,
                  "the last good backup, " + facts.store.last_good->id + ", falls due to the store's own age rule at " +
                      at(*expiry.last_good_due),
                  "make a good backup before then (" + how_to_get_one(facts, now) +
                      "), or copy this one elsewhere, or lengthen the bucket's rule"};
}

constexpr std::string_view how_to_drill =
    "restore the newest backup for a trial: `lifeboat drill`, with the key, best off the cluster";

std::string what_failed(const DrillFacts& drill) {
    std::string words;
    const auto add = [&words](const std::string& one) { words += (words.empty() ? ": " : ", ") + one; };
    if (!drill.failed_step.empty()) {
        add("it did not get past the step " + drill.failed_step);
    }
    if (drill.differences != 0) {
        add(counted(drill.differences, "difference"));
    }
    if (drill.checks_failed != 0) {
        add(counted(drill.checks_failed, "check") + " of the owner's failed");
    }
    return words;
}

// Whether anybody requires drills or not: one that failed is about to be wanted back.
std::optional<Reason> failed_drill(const StoreFacts& store) {
    const auto& failed = store.drills.unanswered;
    if (!failed) {
        return std::nullopt;
    }
    return Reason{
        ReasonCode::unproven,
        "the drill of backup " + failed->backup + " (" + at(failed->stored) + ") failed" + what_failed(*failed),
        "read its report (docs/drill.md), mend what it names, and drill again: `lifeboat drill`"};
}

std::optional<Reason> unproven(const Facts& facts, TimePoint now) {
    if (auto failed = failed_drill(facts.store)) {
        return failed;
    }
    const auto& within = facts.drill_within;
    if (!within || !facts.store.last_good) {
        return std::nullopt;  // not asked for; or no_backup_yet says more
    }
    const std::string required = "; one is required within " + duration_text(*within);
    if (facts.store.limited) {
        return Reason{ReasonCode::unproven, "whether a drill passed cannot be told, as this key cannot read" + required,
                      "let the key read, or set drill.require_within to \"off\" here and watch drills elsewhere"};
    }
    const auto& good = facts.store.drills.last_good;
    if (!good) {
        return Reason{ReasonCode::unproven, "no drill of any backup has passed yet" + required,
                      std::string(how_to_drill)};
    }
    if (now - good->stored <= *within) {
        return std::nullopt;
    }
    return Reason{ReasonCode::unproven,
                  "the last drill that passed was " + ago(good->stored, now) + ", at " + at(good->stored) + required,
                  std::string(how_to_drill)};
}

std::optional<Reason> drained(const Facts& facts, TimePoint now) {
    if (!is_drained(facts, now)) {
        return std::nullopt;
    }
    return Reason{ReasonCode::drained,
                  "told by `lifeboat drain` at " + at(facts.drained->since) + " to start nothing new until " +
                      at(facts.drained->until),
                  "nothing, if this pod is about to end; else wait until then, or restart this container"};
}

std::optional<Reason> prune_stopped(const Facts& facts) {
    const auto& stopped = facts.prune.stopped;
    if (!stopped) {
        return std::nullopt;
    }
    return Reason{ReasonCode::prune_stopped, "old backups are not deleted: " + stopped->what,
                  or_else(stopped->next, "`lifeboat prune --dry-run` shows what would go, and why")};
}

std::string note_on_limits(const Facts& facts) {
    return facts.store.limited ? facts.store.limited->what : std::string();
}

std::string note_on_expiry(const Facts& facts) {
    const auto& unknown = facts.store.expiry.unknown;
    return unknown.empty() ? "" : "it is not known when the bucket's own rules take backups away: " + unknown;
}

std::string joined(std::string first, const std::string& second) {
    return first.empty() || second.empty() ? first + second : std::move(first) + "; " + second;
}

std::string note_on_turn(const Facts& facts) {
    if (facts.turn.turn != Turn::not_ours) {
        return {};
    }
    return "backups are not this sidecar's to make now" +
           (facts.turn.because.empty() ? std::string() : ": " + facts.turn.because);
}

// What this process saw fail itself is a reason; what others left may as well be a run of theirs that is under way.
std::string note_on_runs_of_others(const Facts& facts) {
    const auto attempts = facts.schedule.failed_attempts;
    if (attempts == 0 || facts.runs.consecutive_failures > 0 || facts.store.newest_partial) {
        return {};
    }
    return "the store holds unfinished data of " + counted(attempts, "run") +
           " begun after the last good backup: killed, or still at work elsewhere";
}

}  // namespace

std::string_view name_of(ReasonCode code) {
    switch (code) {
        case ReasonCode::no_backup_yet: return "no_backup_yet";
        case ReasonCode::overdue: return "overdue";
        case ReasonCode::failing: return "failing";
        case ReasonCode::partial: return "partial";
        case ReasonCode::misconfigured: return "misconfigured";
        case ReasonCode::drained: return "drained";
        case ReasonCode::tampered: return "tampered";
        case ReasonCode::unproven: return "unproven";
        case ReasonCode::starved: return "starved";
        case ReasonCode::lineage: return "lineage";
        case ReasonCode::expiring: return "expiring";
        case ReasonCode::prune_stopped: return "prune_stopped";
    }
    return "";
}

bool is_for_whose_turn_it_is(ReasonCode code) {
    switch (code) {
        case ReasonCode::failing:
        case ReasonCode::starved:
        case ReasonCode::lineage:
        case ReasonCode::no_backup_yet:
        case ReasonCode::overdue:
        case ReasonCode::partial:
        case ReasonCode::unproven: return true;
        case ReasonCode::misconfigured:
        case ReasonCode::drained:
        case ReasonCode::tampered:
        case ReasonCode::expiring:
        case ReasonCode::prune_stopped: return false;
    }
    return false;
}

bool Verdict::has(ReasonCode code) const noexcept {
    return std::any_of(reasons.begin(), reasons.end(), [code](const Reason& reason) { return reason.code == code; });
}

Verdict judge(const Facts& facts, TimePoint now) {
    Verdict verdict;
    verdict.note = joined(joined(joined(joined(note_on_turn(facts), note_on_limits(facts)), facts.store.lineage_note),
                                 note_on_expiry(facts)),
                          note_on_runs_of_others(facts));
    const bool elsewhere = facts.turn.turn == Turn::not_ours;
    const auto add = [&](std::optional<Reason> reason) {
        if (reason && !(elsewhere && is_for_whose_turn_it_is(reason->code))) {
            verdict.reasons.push_back(std::move(*reason));
        }
    };
    // Causes before what follows from them: the first one is what livez_warns tells.
    add(tampered(facts));
    add(misconfigured(facts));
    add(failing(facts));
    add(starved(facts));
    add(lineage(facts));
    add(no_backup_yet(facts, now));
    add(overdue(facts, now));
    add(partial(facts));
    add(unproven(facts, now));
    add(expiring(facts, now));
    add(prune_stopped(facts));
    add(drained(facts, now));
    return verdict;
}

}  // namespace lifeboat::health
