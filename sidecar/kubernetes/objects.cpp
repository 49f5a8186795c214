#include "objects.hpp"

#include "health/names.hpp"
#include "os/clock.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cstdio>

namespace lifeboat::kubernetes {
namespace {

using health::ReasonCode;
using Json = nlohmann::ordered_json;

constexpr const char* controller = "lifeboat";
constexpr const char* condition_type = "BackupHealthy";
constexpr const char* manager = "fieldManager=lifeboat";

// Names of databases may be in any encoding. A bad byte becomes U+FFFD.
std::string readable(const std::string& text) {
    return Json::parse(Json(text).dump(-1, ' ', false, Json::error_handler_t::replace)).get<std::string>();
}

std::string fitting(const std::string& text, std::size_t limit = longest_text) {
    auto fit = readable(text);
    if (fit.size() <= limit) {
        return fit;
    }
    auto end = limit - 3;
    while (end > 0 && (static_cast<unsigned char>(fit[end]) & 0xC0U) == 0x80U) {
        --end;  // within a character
    }
    fit.resize(end);
    return fit + "...";
}

// RFC 3339 with six digits of a second, as Kubernetes' MicroTime has to be.
std::string micro_text(TimePoint time) {
    const auto whole = std::chrono::floor<std::chrono::seconds>(time);
    const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(time - whole).count();
    std::array<char, 16> fraction{};
    (void)std::snprintf(fraction.data(), fraction.size(), ".%06dZ", static_cast<int>(micros));
    auto text = os::utc_text(whole);
    text.pop_back();
    return text + fraction.data();
}

std::string codes_of(const health::Verdict& verdict) {
    std::string codes;
    for (const auto& reason : verdict.reasons) {
        codes += (codes.empty() ? "" : ", ") + std::string(health::name_of(reason.code));
    }
    return codes;
}

bool is_elsewhere(const Moment& moment) {
    return moment.facts.turn.turn == health::Turn::not_ours;
}

std::string healthy_text(const Moment& moment) {
    std::string text;
    if (const auto& last = moment.facts.store.last_good) {
        text = "the last good backup, " + last->id + ", ended at " + os::utc_text(last->finished);
    }
    if (const auto& start = moment.facts.schedule.start; start && !is_elsewhere(moment)) {
        text += (text.empty() ? "" : "; ") + ("the next run begins at " + os::utc_text(*start));
    }
    const auto& note = moment.verdict.note;
    return note.empty() ? text : text + (text.empty() ? "" : "; ") + note;
}

std::string message_of(const Moment& moment) {
    if (moment.verdict.healthy()) {
        return healthy_text(moment);
    }
    const auto& reasons = moment.verdict.reasons;
    const auto more = reasons.size() - 1;
    return reasons.front().message +
           (more == 0 ? "" : " (and " + std::to_string(more) + (more == 1 ? " reason more)" : " reasons more)"));
}

Json null_or(const std::optional<TimePoint>& time) {
    return time ? Json(os::utc_text(*time)) : Json();
}

Json null_if_empty(const std::string& text) {
    return text.empty() ? Json() : Json(fitting(text));
}

// What only changes when something happened.
Json lasting_data(const Moment& moment) {
    const auto& facts = moment.facts;
    const auto& last = facts.store.last_good;
    const auto& run = facts.runs.last;
    const auto& proven = facts.store.drills.last_good;
    return {{"instance", null_if_empty(facts.instance)},
            {"healthy", moment.verdict.healthy() ? "true" : "false"},
            {"reasons", codes_of(moment.verdict)},
            {"last_good", null_or(last ? std::optional(last->finished) : std::nullopt)},
            {"last_good_id", last ? Json(fitting(last->id)) : Json()},
            {"last_proven", null_or(proven ? std::optional(proven->stored) : std::nullopt)},
            {"last_proven_id", proven ? Json(fitting(proven->backup)) : Json()},
            {"last_run", run ? Json(health::name_of(run->result)) : Json()},
            {"last_run_ended", null_or(run ? std::optional(run->ended) : std::nullopt)},
            {"next_run", null_or(facts.schedule.start)},
            {"version", null_if_empty(facts.version)}};
}

std::string condition_reason(const Moment& moment) {
    if (!moment.verdict.healthy()) {
        return std::string(word_for(moment.verdict.reasons.front().code));
    }
    return std::string(is_elsewhere(moment) ? made_elsewhere : in_order);
}

std::string text_of(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string pod_status_path(const Identity& identity) {
    return "/api/v1/namespaces/" + identity.name_space + "/pods/" + identity.pod + "/status?" + manager;
}

std::string events_path(const Identity& identity) {
    return "/apis/events.k8s.io/v1/namespaces/" + identity.name_space + "/events";
}

Request new_event(const Moment& moment, const Identity& identity, const std::string& name, std::string_view reason,
                  const char* type, const std::string& note) {
    Json regarding = {
        {"apiVersion", "v1"}, {"kind", "Pod"}, {"namespace", identity.name_space}, {"name", identity.pod}};
    // `kubectl describe pod` shows those of this very pod, and goes by the uid.
    if (!identity.pod_uid.empty()) {
        regarding["uid"] = fitting(identity.pod_uid);
    }
    constexpr std::size_t longest_instance = 128;
    const Json event = {{"apiVersion", "events.k8s.io/v1"},
                        {"kind", "Event"},
                        {"metadata", {{"name", name}, {"namespace", identity.name_space}}},
                        {"eventTime", micro_text(moment.now)},
                        {"type", type},
                        {"reason", reason},
                        {"action", "BackUp"},
                        {"regarding", std::move(regarding)},
                        {"note", fitting(note)},
                        {"reportingController", controller},
                        {"reportingInstance", fitting(identity.pod, longest_instance)}};
    return {"POST", events_path(identity) + "?" + manager, "application/json", text_of(event)};
}

}  // namespace

std::string_view word_for(ReasonCode code) {
    switch (code) {
        case ReasonCode::no_backup_yet: return "BackupMissing";
        case ReasonCode::overdue: return "BackupOverdue";
        case ReasonCode::failing: return "BackupFailed";
        case ReasonCode::partial: return "BackupPartial";
        case ReasonCode::misconfigured: return "BackupMisconfigured";
        case ReasonCode::drained: return "BackupPaused";
        case ReasonCode::tampered: return "BackupTampered";
        case ReasonCode::unproven: return "BackupUnproven";
        case ReasonCode::starved: return "BackupStarved";
        case ReasonCode::prune_stopped: return "PruneStopped";
        case ReasonCode::lineage: return "BackupMarked";
        case ReasonCode::expiring: return "BackupExpiring";
    }
    return "";
}

std::string gist_of_status(const Moment& moment) {
    return text_of(lasting_data(moment));
}

std::string gist_of_condition(const Moment& moment) {
    const auto& last = moment.facts.store.last_good;
    return condition_reason(moment) + " " + codes_of(moment.verdict) + " " + (last ? last->id : "");
}

Request status_request(const Moment& moment, const Identity& identity, const std::string& name) {
    auto data = lasting_data(moment);
    data["message"] = null_if_empty(message_of(moment));
    data["next"] = moment.verdict.healthy() ? Json() : null_if_empty(moment.verdict.reasons.front().next);
    data["pod"] = identity.pod;
    data["updated"] = os::utc_text(moment.now);
    return {"PATCH", "/api/v1/namespaces/" + identity.name_space + "/configmaps/" + name + "?" + manager,
            "application/merge-patch+json", text_of({{"data", std::move(data)}})};
}

Request condition_question(const Identity& identity) {
    return {"PATCH", pod_status_path(identity), "application/strategic-merge-patch+json", "{}", true};
}

std::optional<Condition> condition_in(const std::string& pod_json) {
    const auto pod = Json::parse(pod_json, nullptr, false);
    static const Json::json_pointer place("/status/conditions");
    if (!pod.is_object() || !pod.contains(place) || !pod.at(place).is_array()) {
        return std::nullopt;
    }
    for (const auto& each : pod.at(place)) {
        if (each.is_object() && each.value("type", Json()) == condition_type) {
            const auto status = each.value("status", Json());
            const auto since = each.value("lastTransitionTime", Json());
            if (status != "True" && status != "False") {
                return std::nullopt;
            }
            return Condition{status == "True", since.is_string() ? since.get<std::string>() : std::string()};
        }
    }
    return std::nullopt;
}

Request condition_request(const Moment& moment, const Identity& identity, const std::string& since) {
    // Merged into the list by its type (patchMergeKey): the kubelet's conditions stay.
    const Json condition = {{"type", condition_type},
                            {"status", moment.verdict.healthy() ? "True" : "False"},
                            {"reason", condition_reason(moment)},
                            {"message", fitting(message_of(moment))},
                            {"lastProbeTime", os::utc_text(moment.now)},
                            {"lastTransitionTime", since}};
    return {"PATCH", pod_status_path(identity), "application/strategic-merge-patch+json",
            text_of({{"status", {{"conditions", Json::array({condition})}}}})};
}

Request event_request(const Moment& moment, const Identity& identity, const std::string& name,
                      const health::Reason& reason) {
    return new_event(moment, identity, name, word_for(reason.code), "Warning",
                     reason.message + "; what to do: " + reason.next);
}

Request recovery_request(const Moment& moment, const Identity& identity, const std::string& name) {
    const auto text = healthy_text(moment);
    return new_event(moment, identity, name, recovered, "Normal",
                     "backups are in order again" + (text.empty() ? "" : ": " + text));
}

Request again_request(const Identity& identity, const std::string& name, int count, TimePoint now) {
    // Nothing else of an event can be changed.
    const Json patch = {{"series", {{"count", count}, {"lastObservedTime", micro_text(now)}}}};
    return {"PATCH", events_path(identity) + "/" + name + "?" + manager, "application/merge-patch+json",
            text_of(patch)};
}

std::string event_name(const Identity& identity, const std::string& unique) {
    constexpr std::size_t longest_name = 253;
    const auto room = longest_name - unique.size() - 1;
    auto pod = identity.pod.substr(0, room);
    while (!pod.empty() && (pod.back() == '-' || pod.back() == '.')) {
        pod.pop_back();  // a part of a name ends with a letter or digit
    }
    return pod + "." + unique;
}

}  // namespace lifeboat::kubernetes
