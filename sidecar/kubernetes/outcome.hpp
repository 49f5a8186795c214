// What a reply means, and what to do about one that is a refusal.
#pragma once

#include "account.hpp"
#include "api.hpp"
#include "health/facts.hpp"

#include <chrono>
#include <optional>
#include <string>

namespace lifeboat::kubernetes {

// What a request wrote, for the words of an error.
struct Target {
    health::ReportObject object = health::ReportObject::configmap;
    std::string name = {};  // of the ConfigMap, or of the limit's pods
    std::string verb = {};  // "patch", "create"
};

struct Failure {
    health::ReportResult result = health::ReportResult::unreachable;
    health::Problem problem;
    std::string detail = {};  // the server's own words, for the log alone
    bool of_the_api = false;  // it would be the same for every object
    std::optional<std::chrono::seconds> retry_after = std::nullopt;
};

// Empty: it was done.
std::optional<Failure> failure_of(const Reply& reply, const Target& target, const Account& account);

// There is nothing to ask with.
Failure failure_of(const Error& no_account);

}  // namespace lifeboat::kubernetes
