#include "outcome.hpp"

#include <nlohmann/json.hpp>

#include <utility>

namespace lifeboat::kubernetes {
namespace {

using health::Problem;
using health::ReportObject;
using health::ReportResult;
using Json = nlohmann::json;

// "kind": "Status": {"message": "configmaps \"x\" is forbidden: User …"}. Whoever answers may say anything.
std::string message_in(const std::string& body) {
    constexpr std::size_t limit = 500;
    const auto status = Json::parse(body, nullptr, false);
    if (!status.is_object() || !status.contains("message") || !status["message"].is_string()) {
        return {};
    }
    return status["message"].get<std::string>().substr(0, limit);
}

std::string what_of(const Target& target, const Account& account) {
    switch (target.object) {
        case ReportObject::configmap: return "the ConfigMap " + target.name;
        case ReportObject::event: return "an event of the pod " + account.identity.pod;
        case ReportObject::condition: return "the condition of the pod " + account.identity.pod;
    }
    return {};
}

// The rule that a Role needs, and the component that has it.
std::string rule_of(const Target& target) {
    switch (target.object) {
        case ReportObject::configmap:
            return "{apiGroups: [\"\"], resources: [configmaps], resourceNames: [" + target.name +
                   "], verbs: [patch]}; the component report-configmap has it";
        case ReportObject::event:
            return "{apiGroups: [events.k8s.io], resources: [events], verbs: [create, patch]}; the component "
                   "report-events has it";
        case ReportObject::condition:
            return "{apiGroups: [\"\"], resources: [pods/status], verbs: [patch]}; the component report-condition "
                   "has it";
    }
    return {};
}

std::string account_text(const Identity& identity) {
    return identity.service_account.empty()
               ? "the pod's ServiceAccount"
               : "the ServiceAccount " + identity.name_space + "/" + identity.service_account;
}

Problem not_found(const Target& target, const Account& account) {
    const auto& identity = account.identity;
    switch (target.object) {
        case ReportObject::configmap:
            return {"there is no ConfigMap " + target.name + " in the namespace " + identity.name_space,
                    "make it: kubectl -n " + identity.name_space + " create configmap " + target.name +
                        " (the component report-configmap brings lifeboat-status)"};
        case ReportObject::event:
            return {"the API server knows no events.k8s.io/v1 in the namespace " + identity.name_space,
                    "use Kubernetes 1.19 or newer, or set kubernetes.events = false"};
        case ReportObject::condition:
            return {"there is no pod " + identity.pod + " in the namespace " + identity.name_space,
                    "mount a projected token, which tells the pod's name (docs/kubernetes.md, Reporting)"};
    }
    return {};
}

Failure broken(const Reply& reply, const Account& account) {
    Failure failure{ReportResult::unreachable, {}, reply.trouble, true};
    const std::string server = "the API server at " + account.url;
    switch (*reply.broken) {
        case Broken::not_trusted:
            failure.problem = {server + " shows a certificate that ca.crt does not vouch for",
                               "see that ca.crt comes from the ConfigMap kube-root-ca.crt of this cluster"};
            break;
        case Broken::timed_out:
            failure.problem = {server + " does not answer in time",
                               "look whether a NetworkPolicy lets this pod reach the API server"};
            break;
        case Broken::too_long:
            failure.problem = {server + " answers more than the API ever does",
                               "look what KUBERNETES_SERVICE_HOST leads to"};
            break;
        case Broken::not_reached:
        case Broken::interrupted:
            failure.problem = {server + " cannot be reached",
                               "look whether it runs, and whether a NetworkPolicy lets this pod reach it"};
            break;
    }
    return failure;
}

}  // namespace

std::optional<Failure> failure_of(const Reply& reply, const Target& target, const Account& account) {
    if (reply.broken) {
        return broken(reply, account);
    }
    if (reply.status >= 200 && reply.status < 300) {
        return std::nullopt;
    }
    const std::string code = " (" + std::to_string(reply.status) + ")";
    const std::string what = what_of(target, account);
    Failure failure{ReportResult::refused, {}, message_in(reply.body), false, reply.retry_after};
    switch (reply.status) {
        case 401:
            failure.result = ReportResult::denied;
            failure.of_the_api = true;
            failure.problem = {"the API server does not accept the service account's token" + code,
                               "see that it is a projected volume, which the kubelet renews, and that the node's and "
                               "the server's clocks are right"};
            break;
        case 403:
            failure.result = ReportResult::denied;
            failure.problem = {account_text(account.identity) + " may not " + target.verb + " " + what + code,
                               "bind it to a Role with the rule " + rule_of(target)};
            break;
        case 404:
            failure.result = ReportResult::missing;
            failure.problem = not_found(target, account);
            break;
        case 409:
            failure.result = ReportResult::conflict;
            failure.problem = {"somebody else was writing " + what + code, "nothing: it is tried again"};
            break;
        case 429:
            failure.result = ReportResult::throttled;
            failure.of_the_api = true;
            failure.problem = {"the API server has too much to do" + code, "nothing: it is asked again later"};
            break;
        default:
            if (reply.status >= 500) {
                failure.result = ReportResult::unavailable;
                failure.of_the_api = true;
                failure.problem = {"the API server has a fault of its own" + code,
                                   "look after the cluster's control plane; it is tried again"};
            } else {
                failure.problem = {"the API server refuses " + what + code,
                                   "its own words are in this container's log"};
            }
    }
    return failure;
}

Failure failure_of(const Error& no_account) {
    return {ReportResult::unreachable, health::problem_of(no_account), no_account.detail, true};
}

}  // namespace lifeboat::kubernetes
