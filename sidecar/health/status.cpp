#include "databases.hpp"
#include "days.hpp"
#include "health/names.hpp"
#include "health/words.hpp"

#include "health/render.hpp"

#include <nlohmann/json.hpp>

namespace lifeboat::health {

namespace {

// Keys stay in the order in which they are written: people read this too.
using Json = nlohmann::ordered_json;

// Names of databases may be in any encoding. A bad byte becomes U+FFFD and never an exception.
std::string text_of(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json time(TimePoint time) {
    return os::utc_text(time);
}

Json time(const std::optional<TimePoint>& time) {
    return time ? Json(os::utc_text(*time)) : Json();
}

template <class T>
Json number(const std::optional<T>& value) {
    return value ? Json(*value) : Json();
}

template <class T, class Render>
Json or_null(const std::optional<T>& value, Render render) {
    return value ? render(*value) : Json();
}

Json text(const std::string& value) {
    return value.empty() ? Json() : Json(value);
}

Json problem(const Problem& problem) {
    return {{"what", problem.what}, {"next", text(problem.next)}};
}

Json problems(const std::vector<Problem>& all) {
    auto list = Json::array();
    for (const auto& one : all) {
        list.push_back(problem(one));
    }
    return list;
}

Json reasons(const Verdict& verdict) {
    auto list = Json::array();
    for (const auto& reason : verdict.reasons) {
        list.push_back({{"code", name_of(reason.code)}, {"message", reason.message}, {"next", reason.next}});
    }
    return list;
}

std::int64_t seconds_of(const BackupFacts& backup) {
    return std::chrono::duration_cast<std::chrono::seconds>(backup.finished - backup.started).count();
}

Json backup(const BackupFacts& backup) {
    return {{"id", backup.id},
            {"started", time(backup.started)},
            {"finished", time(backup.finished)},
            {"bytes", backup.stored_bytes},
            {"dumped_bytes", number(backup.dumped_bytes)},
            {"rows", number(backup.rows)},
            {"seconds", seconds_of(backup)},
            {"databases", backup.databases},
            {"databases_left_out", backup.names_left_out},
            {"failed_databases", backup.failed_databases},
            {"state", name_of(backup.state)},
            {"marks", backup.marks},
            {"proven_at", time(backup.proven_at)}};
}

Json backups(const std::vector<BackupFacts>& all) {
    auto list = Json::array();
    for (const auto& one : all) {
        list.push_back(backup(one));
    }
    return list;
}

Json doubt(const DoubtFacts& doubt) {
    return {{"since", doubt.since},
            {"reason", doubt.reason},
            {"marked", doubt.marked},
            {"newest", doubt.newest},
            {"newest_finished", time(doubt.newest_finished)}};
}

Json times(const std::vector<TimePoint>& all) {
    auto list = Json::array();
    for (const auto each : all) {
        list.push_back(time(each));
    }
    return list;
}

Json drill(const DrillFacts& drill) {
    const auto seconds = [](std::chrono::milliseconds took) { return Json(static_cast<double>(took.count()) / 1000); };
    return {{"backup", drill.backup},
            {"stored", time(drill.stored)},
            {"outcome", drill.passed ? "passed" : "failed"},
            {"failed_step", text(drill.failed_step)},
            {"differences", drill.differences},
            {"checks_failed", drill.checks_failed},
            {"restore_seconds", or_null(drill.restore_took, seconds)}};
}

Json recipients(const std::vector<RecipientFacts>& all) {
    auto list = Json::array();
    for (const auto& one : all) {
        list.push_back({{"recipient", one.recipient}, {"opened", time(one.opened)}});
    }
    return list;
}

Json drills(const Facts& facts) {
    const auto& drills = facts.store.drills;
    const auto seconds = [](std::chrono::seconds duration) { return Json(duration.count()); };
    return {{"last", or_null(drills.last, drill)},
            {"last_good", or_null(drills.last_good, drill)},
            {"recipients", recipients(drills.recipients)},
            {"require_within", or_null(facts.drill_within, seconds)}};
}

Json store(const StoreFacts& store) {
    return {{"surveyed", time(store.surveyed)},
            {"problem", or_null(store.problem, problem)},
            {"problem_since", time(store.problem_since)},
            {"limited", or_null(store.limited, problem)},
            {"backups", store.backups},
            {"bytes", store.bytes},
            {"hidden", store.hidden},
            {"unfinished", times(store.unfinished)},
            {"meddled", store.meddled},
            {"doubt", or_null(store.doubt, doubt)},
            {"other_server", or_null(store.other_server, problem)},
            {"last_good_due", time(store.expiry.last_good_due)},
            {"rules_unknown", text(store.expiry.unknown)}};
}

Json schedule(const ScheduleFacts& schedule) {
    const auto overdue_after = [](std::chrono::seconds duration) { return Json(duration.count()); };
    return {{"due", time(schedule.due)},
            {"start", time(schedule.start)},
            {"because", text(schedule.because)},
            {"overdue_after", or_null(schedule.overdue_after, overdue_after)}};
}

Json running(const RunningFacts& running) {
    return {{"activity", name_of(running.activity)},
            {"id", text(running.id)},
            {"since", time(running.since)},
            {"part", text(running.part)},
            {"dumped_bytes", running.dumped_bytes},
            {"stored_bytes", running.stored_bytes},
            {"estimated_bytes", number(running.estimated_bytes)}};
}

Json run(const RunFacts& run) {
    return {{"result", name_of(run.result)},
            {"started", time(run.started)},
            {"ended", time(run.ended)},
            {"id", text(run.id)},
            {"problem", or_null(run.problem, problem)}};
}

Json runs(const RunsFacts& runs) {
    Json counts;
    for (const auto result : run_results) {
        counts[std::string(name_of(result))] = runs.counts.of(result);
    }
    auto failures = Json::array();
    for (const auto& failure : runs.failures) {
        failures.push_back(run(failure));
    }
    return {{"last", or_null(runs.last, run)},
            {"consecutive_failures", runs.consecutive_failures},
            {"consecutive_yields", runs.consecutive_yields},
            {"yielded_to", text(runs.yielded_to)},
            {"failures", std::move(failures)},
            {"counts", std::move(counts)},
            {"store_retries", runs.store_retries}};
}

Json prune(const PruneFacts& prune) {
    return {{"backups", prune.backups},
            {"bytes", prune.bytes},
            {"last", time(prune.last)},
            {"stopped", or_null(prune.stopped, problem)}};
}

Json settings(const SettingsFacts& settings) {
    return {{"in_force", settings.in_force},
            {"incomplete", settings.incomplete},
            {"problems", problems(settings.problems)},
            {"reloads_applied", settings.reloads_applied},
            {"reloads_refused", settings.reloads_refused},
            {"last_applied", time(settings.last_applied)},
            {"last_refused", time(settings.last_refused)}};
}

Json drained(const DrainFacts& drained) {
    return {{"since", time(drained.since)}, {"until", time(drained.until)}};
}

Json listener(const ListenerFacts& listener) {
    return {{"address", text(listener.address)}, {"problem", or_null(listener.problem, problem)}};
}

// Of what is wanted alone.
Json kubernetes(const KubernetesFacts& reports) {
    auto list = Json::array();
    for (const auto object : report_objects) {
        const auto& report = reports.at(static_cast<std::size_t>(object));
        if (report.wanted) {
            list.push_back({{"object", name_of(object)},
                            {"written", time(report.written)},
                            {"problem", or_null(report.problem, problem)}});
        }
    }
    return list;
}

Json turn(const TurnFacts& turn) {
    return {{"state", name_of(turn.turn)}, {"because", text(turn.because)}};
}

Json database(const DatabaseState& state) {
    const auto* contents = state.contents;
    const auto known = [contents](auto member) { return contents == nullptr ? Json() : Json(contents->*member); };
    return {{"name", state.name},
            {"backup", state.backup == nullptr ? Json() : Json(state.backup->id)},
            {"finished", state.backup == nullptr ? Json() : time(state.backup->finished)},
            {"bytes", known(&DatabaseFacts::stored_bytes)},
            {"dumped_bytes", known(&DatabaseFacts::dumped_bytes)},
            {"tables", contents == nullptr ? Json() : number(contents->tables)},
            {"rows", contents == nullptr ? Json() : number(contents->rows)},
            {"missing", state.missing}};
}

Json databases(const StoreFacts& store) {
    auto list = Json::array();
    for (const auto& state : databases_of(store)) {
        list.push_back(database(state));
    }
    return list;
}

Json day(const Day& day) {
    const std::chrono::sys_days midnight = day.date;
    return {{"date", os::utc_text(midnight).substr(0, sizeof("2026-11-22") - 1)},
            {"state", name_of(day.mark)},
            {"backups", day.backups},
            {"failed", day.failed},
            {"backup", day.backup == nullptr ? Json() : Json(day.backup->id)},
            {"bytes", day.backup == nullptr ? Json() : Json(day.backup->stored_bytes)},
            {"seconds", day.backup == nullptr ? Json() : Json(seconds_of(*day.backup))}};
}

Json days(const Facts& facts, TimePoint now) {
    auto list = Json::array();
    for (const auto& each : days_of(facts, now)) {
        list.push_back(day(each));
    }
    return list;
}

// What both texts begin with.
Json head(const Facts& facts, const Verdict& verdict, TimePoint now) {
    return {{"healthy", verdict.healthy()},     {"reasons", reasons(verdict)}, {"note", text(verdict.note)},
            {"instance", text(facts.instance)}, {"version", facts.version},    {"now", time(now)}};
}

}  // namespace

std::string healthz_json(const Facts& facts, const Verdict& verdict, TimePoint now) {
    auto json = head(facts, verdict, now);
    const auto finished = [](const BackupFacts& last) { return time(last.finished); };
    json["last_good_backup"] = or_null(facts.store.last_good, finished);
    const auto stored = [](const DrillFacts& drill) { return time(drill.stored); };
    json["last_good_drill"] = or_null(facts.store.drills.last_good, stored);
    json["next_run"] = time(facts.schedule.start);
    return text_of(json);
}

std::string status_json(const Facts& facts, const Verdict& verdict, TimePoint now) {
    auto json = head(facts, verdict, now);
    json["started"] = time(facts.started);
    json["turn"] = turn(facts.turn);
    json["schedule"] = schedule(facts.schedule);
    json["running"] = or_null(facts.running, running);
    json["last_good"] = or_null(facts.store.last_good, backup);
    json["newest_partial"] = or_null(facts.store.newest_partial, backup);
    json["drills"] = drills(facts);
    json["runs"] = runs(facts.runs);
    json["prune"] = prune(facts.prune);
    json["store"] = store(facts.store);
    json["settings"] = settings(facts.settings);
    json["drained"] = or_null(facts.drained, drained);
    json["listeners"] = {{"pod", listener(facts.listeners.pod)}, {"page", listener(facts.listeners.page)}};
    json["kubernetes"] = kubernetes(facts.kubernetes);
    json["databases"] = databases(facts.store);
    json["days"] = days(facts, now);
    json["backups"] = backups(facts.store.recent);
    return text_of(json);
}

std::string warning_text(const Facts& facts, const Verdict& verdict) {
    constexpr std::size_t limit = 199;
    if (verdict.healthy()) {
        return {};
    }
    std::string text = facts.instance.empty() ? "backups need attention" : "backups of " + facts.instance;
    text += facts.instance.empty() ? "" : " need attention";
    for (std::size_t i = 0; i < verdict.reasons.size(); ++i) {
        text += (i == 0 ? " (" : ", ") + std::string(name_of(verdict.reasons[i].code));
    }
    text += "): " + verdict.reasons.front().message;
    return shortened(std::move(text), limit);
}

}  // namespace lifeboat::health
