#include "doctor/finding.hpp"

#include <algorithm>

namespace lifeboat::doctor {
namespace {

int weight(Outcome outcome) {
    switch (outcome) {
        case Outcome::fail: return 3;
        case Outcome::warn: return 2;
        case Outcome::unknown: return 1;
        case Outcome::pass: break;
    }
    return 0;
}

}  // namespace

std::string_view name_of(Outcome outcome) {
    switch (outcome) {
        case Outcome::pass: return "pass";
        case Outcome::warn: return "warn";
        case Outcome::fail: return "fail";
        case Outcome::unknown: break;
    }
    return "unknown";
}

Finding failed(std::string check, const Error& error) {
    if (error.kind == ErrorKind::interrupted) {
        return unknown(std::move(check), "there was no time to look", "run doctor again when less is going on");
    }
    return {std::move(check), Outcome::fail, error.what, error.next, error.detail};
}

Outcome worst_of(const Findings& findings) {
    const auto worst = std::max_element(findings.begin(), findings.end(), [](const Finding& a, const Finding& b) {
        return weight(a.outcome) < weight(b.outcome);
    });
    return worst == findings.end() ? Outcome::pass : worst->outcome;
}

}  // namespace lifeboat::doctor
