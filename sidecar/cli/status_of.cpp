#include "status_of.hpp"

#include "format.hpp"
#include "health/judge.hpp"
#include "survey.hpp"

#include <algorithm>

namespace lifeboat::cli {
namespace {

using Json = nlohmann::ordered_json;
using State = InstanceStatus::State;

const char* name_of(State state) {
    switch (state) {
        case State::healthy: return "healthy";
        case State::unhealthy: return "unhealthy";
        case State::absent: return "absent";
        case State::unknown: break;
    }
    return "unknown";
}

// ---- from the store alone ----

// The last good one, newest by the store's clock.
const catalogue::Backup* last_good_of(const catalogue::Catalogue& catalogue) {
    const catalogue::Backup* last = nullptr;
    for (const auto& backup : catalogue.backups) {
        last = backup.state == catalogue::State::good ? &backup : last;
    }
    return last;
}

std::optional<os::TimePoint> next_overdue_of(const catalogue::Manifest& manifest,
                                             std::optional<std::chrono::milliseconds> overdue_after) {
    if (manifest.next_overdue || !overdue_after) {
        return manifest.next_overdue;
    }
    return manifest.finished + *overdue_after;
}

InstanceStatus::Reason cannot_tell_overdue(const catalogue::Manifest& manifest) {
    return {
        std::string(health::name_of(health::ReasonCode::overdue)),
        "the last good backup, " + manifest.id.text() +
            ", does not say when the next one is overdue: whether one is cannot be told",
        "make a backup with settings that have a schedule, or set LIFEBOAT_HEALTH_OVERDUE_AFTER (such as 26h) here"};
}

void add_reasons(InstanceStatus& status, const health::StoreFacts& store, const catalogue::Backup* last,
                 os::TimePoint now, std::optional<std::chrono::milliseconds> drill_within) {
    health::Facts facts;
    if (drill_within) {
        facts.drill_within = std::chrono::ceil<std::chrono::seconds>(*drill_within);
    }
    facts.instance = status.instance;
    facts.settings.in_force = true;  // nothing is known of them, so nothing is held against them
    facts.store = store;
    if (last != nullptr && status.next_overdue) {
        facts.schedule.overdue_after =
            std::chrono::floor<std::chrono::seconds>(*status.next_overdue - last->manifest.finished);
    }
    const auto verdict = health::judge(facts, now);
    if (!verdict.note.empty()) {
        status.notes.push_back(verdict.note);
    }
    for (const auto& reason : verdict.reasons) {
        status.reasons.push_back({std::string(health::name_of(reason.code)), reason.message, reason.next});
    }
    if (last != nullptr && !status.next_overdue) {
        status.reasons.push_back(cannot_tell_overdue(last->manifest));
    }
}

// What came after the last good one and is none. Marked, partial and hidden ones are reasons.
void add_notes(InstanceStatus& status, const catalogue::Catalogue& catalogue, const catalogue::Backup* last) {
    for (const auto& backup : catalogue.backups) {
        if (backup.in_the_future && last != nullptr && !last->in_the_future) {
            status.notes.push_back("backup " + backup.manifest.id.text() + " is dated in the future (" +
                                   os::utc_text(backup.stored) +
                                   "): its age is not known, and it counts after all others");
            continue;
        }
        const bool newer = last == nullptr || backup.stored > last->stored;
        if (newer && backup.state == catalogue::State::expired) {
            status.notes.push_back("a newer backup, " + backup.manifest.id.text() +
                                   ", is expired: some of its objects are gone, or the store's age rule has hidden it");
        }
    }
    for (const auto& leftover : catalogue.leftovers) {
        if (last == nullptr || last->manifest.id < leftover.id) {
            status.notes.push_back("a newer run, " + leftover.id.text() +
                                   ", has no manifest: it is under way, or was killed (last written " +
                                   os::utc_text(leftover.touched) + ")");
        }
    }
    for (const auto& refused : catalogue.refused) {
        if (refused.kind != ErrorKind::corrupt) {  // else it is a reason
            status.notes.push_back("warning: " + refused.what);
        }
    }
    for (const auto& refused : catalogue.refused_drills) {
        status.notes.push_back("warning: " + refused.what);
    }
}

Json json_of(const health::BackupFacts& backup, const char* state) {
    return {{"id", backup.id},
            {"started", os::utc_text(backup.started)},
            {"finished", os::utc_text(backup.finished)},
            {"bytes", backup.stored_bytes},
            {"databases", backup.databases},
            {"failed_databases", backup.failed_databases},
            {"state", state}};
}

Json document_of(const InstanceStatus& status, os::TimePoint now) {
    Json reasons = Json::array();
    for (const auto& reason : status.reasons) {
        reasons.push_back({{"code", reason.code}, {"message", reason.message}, {"next", reason.next}});
    }
    const bool known = status.state != State::unknown;
    return {{"source", "store"},
            {"state", name_of(status.state)},
            {"healthy", known ? Json(status.state == State::healthy) : Json()},
            {"reasons", std::move(reasons)},
            {"notes", status.notes},
            {"instance", status.instance},
            {"now", os::utc_text(now)}};
}

Json json_of(const std::optional<health::DrillFacts>& drill) {
    if (!drill) {
        return nullptr;
    }
    const auto& took = drill->restore_took;
    return {{"backup", drill->backup},
            {"stored", os::utc_text(drill->stored)},
            {"outcome", drill->passed ? "passed" : "failed"},
            {"failed_step", drill->failed_step.empty() ? Json() : Json(drill->failed_step)},
            {"differences", drill->differences},
            {"checks_failed", drill->checks_failed},
            {"restore_seconds", took ? Json(static_cast<double>(took->count()) / 1000) : Json()}};
}

Json json_of(const health::DrillsFacts& drills, std::optional<std::chrono::milliseconds> within) {
    Json recipients = Json::array();
    for (const auto& [recipient, opened] : drills.recipients) {
        recipients.push_back({{"recipient", recipient}, {"opened", opened ? Json(os::utc_text(*opened)) : Json()}});
    }
    return {{"last", json_of(drills.last)},
            {"last_good", json_of(drills.last_good)},
            {"recipients", std::move(recipients)},
            {"require_within", within ? Json(std::chrono::ceil<std::chrono::seconds>(*within).count()) : Json()}};
}

void add_store(Json& document, const health::StoreFacts& store, const InstanceStatus& status,
               std::optional<std::chrono::milliseconds> drill_within) {
    document["last_good"] = store.last_good ? json_of(*store.last_good, "good") : Json();
    document["next_overdue"] = status.next_overdue ? Json(os::utc_text(*status.next_overdue)) : Json();
    document["drills"] = json_of(store.drills, drill_within);
    document["newest_partial"] = store.newest_partial ? json_of(*store.newest_partial, "partial") : Json();
    document["store"] = {{"backups", store.backups},
                         {"bytes", store.bytes},
                         {"hidden", store.hidden},
                         {"meddled", store.meddled},
                         {"marked", status.marked}};
    document["last_good_due"] = status.last_good_due ? Json(os::utc_text(*status.last_good_due)) : Json();
}

// ---- from the sidecar: any field may be missing or of another type, in another version ----

const Json& field(const Json& object, const char* name) {
    static const Json nothing;
    const auto found = object.is_object() ? object.find(name) : object.end();
    return found != object.end() ? *found : nothing;
}

std::string text(const Json& object, const char* name) {
    const Json& value = field(object, name);
    return value.is_string() ? value.get<std::string>() : "";
}

std::uint64_t number(const Json& object, const char* name) {
    const Json& value = field(object, name);
    return value.is_number_unsigned() ? value.get<std::uint64_t>() : 0;
}

std::optional<os::TimePoint> time(const Json& object, const char* name) {
    return os::utc_time(text(object, name));
}

std::string running_in_words(const Json& running) {
    if (!running.is_object()) {
        return "";
    }
    std::string words = "a " + text(running, "activity") + " since " + text(running, "since");
    if (const auto part = text(running, "part"); !part.empty()) {
        words += ": " + part + ", " + human_bytes(number(running, "dumped_bytes"));
        const auto estimated = number(running, "estimated_bytes");
        words += estimated == 0 ? "" : " of about " + human_bytes(estimated);
    }
    return words;
}

void take_reasons(InstanceStatus& status, const Json& told) {
    for (const auto& reason : field(told, "reasons")) {
        status.reasons.push_back({text(reason, "code"), text(reason, "message"), text(reason, "next")});
    }
    if (auto note = text(told, "note"); !note.empty()) {
        status.notes.push_back(std::move(note));
    }
    for (const auto& report : field(told, "kubernetes")) {
        if (const auto what = text(field(report, "problem"), "what"); !what.empty()) {
            status.notes.push_back("warning: not told to Kubernetes (" + text(report, "object") + "): " + what);
        }
    }
}

std::optional<health::DrillFacts> drill_in(const Json& told) {
    const auto stored = time(told, "stored");
    if (!stored) {
        return std::nullopt;
    }
    health::DrillFacts drill;
    drill.backup = text(told, "backup");
    drill.stored = *stored;
    drill.passed = text(told, "outcome") == "passed";
    drill.failed_step = text(told, "failed_step");
    drill.differences = number(told, "differences");
    drill.checks_failed = number(told, "checks_failed");
    if (const Json& took = field(told, "restore_seconds"); took.is_number()) {
        drill.restore_took = std::chrono::milliseconds(static_cast<std::int64_t>(took.get<double>() * 1000));
    }
    return drill;
}

void take_drills(InstanceStatus& status, const Json& told) {
    const Json& drills = field(told, "drills");
    if (!drills.is_object()) {
        return;
    }
    status.drills = health::DrillsFacts{drill_in(field(drills, "last")), drill_in(field(drills, "last_good")), {}};
    for (const auto& one : field(drills, "recipients")) {
        status.drills->recipients.push_back({text(one, "recipient"), time(one, "opened")});
    }
}

void take_last_good(InstanceStatus& status, const Json& told) {
    const Json& last = field(told, "last_good");
    const auto finished = time(last, "finished");
    if (!finished) {
        return;
    }
    status.last_good = {text(last, "id"), *finished, number(last, "bytes"), field(last, "databases").size()};
    if (const auto seconds = number(field(told, "schedule"), "overdue_after"); seconds != 0) {
        status.next_overdue = *finished + std::chrono::seconds(seconds);
    }
}

}  // namespace

InstanceStatus status_of(const catalogue::Catalogue& catalogue, std::optional<std::chrono::milliseconds> overdue_after,
                         os::TimePoint now, std::optional<std::chrono::milliseconds> drill_within,
                         const health::ExpiryFacts& expiry) {
    InstanceStatus status;
    status.instance = catalogue.instance;
    auto store = survey_of(catalogue, now);
    store.expiry = expiry;
    status.last_good_due = expiry.last_good_due;
    status.marked = store.doubt ? store.doubt->marked : 0;
    const auto* last = last_good_of(catalogue);
    if (last != nullptr) {
        const auto& manifest = last->manifest;
        status.last_good = {manifest.id.text(), manifest.finished, manifest.stored_bytes(), manifest.databases.size()};
        status.next_overdue = next_overdue_of(manifest, overdue_after);
    }
    status.stored = {store.backups, store.bytes};
    status.drills = store.drills;
    add_reasons(status, store, last, now, drill_within);
    add_notes(status, catalogue, last);
    status.state = status.reasons.empty() ? State::healthy : State::unhealthy;
    status.document = document_of(status, now);
    add_store(status.document, store, status, drill_within);
    return status;
}

InstanceStatus absent_status(const std::string& instance, const std::string& location, os::TimePoint now) {
    InstanceStatus status;
    status.instance = instance;
    status.state = State::absent;
    status.reasons.push_back({std::string(health::name_of(health::ReasonCode::no_backup_yet)),
                              location + " holds nothing of instance '" + instance + "'",
                              "check the name, its sidecar's instance.name and store.url, and that sidecar's log"});
    status.document = document_of(status, now);
    return status;
}

InstanceStatus unknown_status(const std::string& instance, const Error& why, os::TimePoint now) {
    InstanceStatus status;
    status.instance = instance;
    status.reasons.push_back({"unknown", why.what, why.next});
    status.document = document_of(status, now);
    return status;
}

Result<InstanceStatus> status_from_sidecar(const std::string& answer) {
    auto told = Json::parse(answer, nullptr, false);
    if (!field(told, "healthy").is_boolean()) {
        return failed("what the sidecar answered is not understood",
                      "use the `lifeboat` of the sidecar's own container: another version may be asking here");
    }
    InstanceStatus status;
    status.source = InstanceStatus::Source::sidecar;
    status.state = field(told, "healthy").get<bool>() ? State::healthy : State::unhealthy;
    status.instance = text(told, "instance");
    take_reasons(status, told);
    take_last_good(status, told);
    take_drills(status, told);
    if (const Json& store = field(told, "store"); time(store, "surveyed")) {
        status.stored = {number(store, "backups"), number(store, "bytes")};
    }
    status.last_good_due = time(field(told, "store"), "last_good_due");
    status.marked = number(field(field(told, "store"), "doubt"), "marked");
    const Json& schedule = field(told, "schedule");
    status.sidecar = {text(told, "version"), time(told, "started"), time(schedule, "start"), text(schedule, "because"),
                      running_in_words(field(told, "running"))};
    status.document = {{"source", "sidecar"}, {"state", name_of(status.state)}};
    status.document.update(told);
    return status;
}

}  // namespace lifeboat::cli
