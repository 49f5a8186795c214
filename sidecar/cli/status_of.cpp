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
                 os::TimePoint now) {
    health::Facts facts;
    facts.instance = status.instance;
    facts.settings.in_force = true;  // nothing is known of them, so nothing is held against them
    facts.store = store;
    if (last != nullptr && status.next_overdue) {
        facts.schedule.overdue_after =
            std::chrono::floor<std::chrono::seconds>(*status.next_overdue - last->manifest.finished);
    }
    for (const auto& reason : health::judge(facts, now).reasons) {
        status.reasons.push_back({std::string(health::name_of(reason.code)), reason.message, reason.next});
    }
    if (last != nullptr && !status.next_overdue) {
        status.reasons.push_back(cannot_tell_overdue(last->manifest));
    }
}

// What came after the last good one and is none. Partial and hidden ones are reasons.
void add_notes(InstanceStatus& status, const catalogue::Catalogue& catalogue, const catalogue::Backup* last) {
    for (const auto& backup : catalogue.backups) {
        const bool newer = last == nullptr || backup.stored > last->stored;
        if (newer && backup.state == catalogue::State::marked) {
            status.notes.push_back("a newer backup, " + backup.manifest.id.text() +
                                   ", is marked: " + backup.manifest.marks.front().reason);
        } else if (newer && backup.state == catalogue::State::expired) {
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

void add_store(Json& document, const health::StoreFacts& store, const InstanceStatus& status) {
    document["last_good"] = store.last_good ? json_of(*store.last_good, "good") : Json();
    document["next_overdue"] = status.next_overdue ? Json(os::utc_text(*status.next_overdue)) : Json();
    document["newest_partial"] = store.newest_partial ? json_of(*store.newest_partial, "partial") : Json();
    document["store"] = {{"backups", store.backups}, {"bytes", store.bytes}, {"hidden", store.hidden}};
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
                         os::TimePoint now) {
    InstanceStatus status;
    status.instance = catalogue.instance;
    const auto store = survey_of(catalogue, now);
    const auto* last = last_good_of(catalogue);
    if (last != nullptr) {
        const auto& manifest = last->manifest;
        status.last_good = {manifest.id.text(), manifest.finished, manifest.stored_bytes(), manifest.databases.size()};
        status.next_overdue = next_overdue_of(manifest, overdue_after);
    }
    status.stored = {store.backups, store.bytes};
    add_reasons(status, store, last, now);
    add_notes(status, catalogue, last);
    status.state = status.reasons.empty() ? State::healthy : State::unhealthy;
    status.document = document_of(status, now);
    add_store(status.document, store, status);
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
    if (const Json& store = field(told, "store"); time(store, "surveyed")) {
        status.stored = {number(store, "backups"), number(store, "bytes")};
    }
    const Json& schedule = field(told, "schedule");
    status.sidecar = {text(told, "version"), time(told, "started"), time(schedule, "start"), text(schedule, "because"),
                      running_in_words(field(told, "running"))};
    status.document = {{"source", "sidecar"}, {"state", name_of(status.state)}};
    status.document.update(told);
    return status;
}

}  // namespace lifeboat::cli
