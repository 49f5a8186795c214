// What is written: the requests of each kind, from what the sidecar knows. Pure.
//
// Nothing stands here that /healthz and /status.json would not say: no secret, no row, no name of a table.
//
// ConfigMap   https://kubernetes.io/docs/reference/kubernetes-api/config-and-storage-resources/config-map-v1/
// Event       https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/ (events.k8s.io/v1)
// condition   https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#PodStatus
#pragma once

#include "account.hpp"
#include "api.hpp"
#include "health/facts.hpp"
#include "health/judge.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace lifeboat::kubernetes {

using health::TimePoint;

// What is to be told. The references outlive it.
struct Moment {
    const health::Facts& facts;
    const health::Verdict& verdict;
    TimePoint now;
};

// Public, as people and programs go by these words: the condition's `reason`, and each event's. Never renamed.
std::string_view word_for(health::ReasonCode code);  // "BackupFailed"
inline constexpr std::string_view recovered = "BackupRecovered";
inline constexpr std::string_view in_order = "BackupsInOrder";
inline constexpr std::string_view made_elsewhere = "BackupsMadeElsewhere";

// Texts in these objects are UTF-8 of this many bytes at most (events.k8s.io: note).
inline constexpr std::size_t longest_text = 1024;

// The part of each object for the sake of which it is written: while it is the same, nothing new happened.
std::string gist_of_status(const Moment& moment);
std::string gist_of_condition(const Moment& moment);

// A merge patch, which leaves alone what others have in the ConfigMap. A key whose value is not known is removed.
Request status_request(const Moment& moment, const Identity& identity, const std::string& name);

// Changes nothing, and is answered with the whole pod: the condition as it is, without the right to read pods.
Request condition_question(const Identity& identity);
struct Condition {
    bool truth = false;
    std::string since;  // lastTransitionTime as it is written there; may be empty
};
std::optional<Condition> condition_in(const std::string& pod_json);
// `since`: when it last became true or false.
Request condition_request(const Moment& moment, const Identity& identity, const std::string& since);

// `name` is the event's own; the same name twice is one event.
Request event_request(const Moment& moment, const Identity& identity, const std::string& name,
                      const health::Reason& reason);
Request recovery_request(const Moment& moment, const Identity& identity, const std::string& name);
// The event is seen for the `count`th time.
Request again_request(const Identity& identity, const std::string& name, int count, TimePoint now);

std::string event_name(const Identity& identity, const std::string& unique);

}  // namespace lifeboat::kubernetes
