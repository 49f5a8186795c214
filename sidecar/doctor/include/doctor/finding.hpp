// What `lifeboat doctor` found out, one line for each thing that it looked at.
#pragma once

#include "result/result.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lifeboat::doctor {

enum class Outcome {
    pass,     // seen, and in order
    warn,     // backups work, and something should be different
    fail,     // backups do not work, or would not help
    unknown,  // could not be seen: never taken for a pass
};

std::string_view name_of(Outcome outcome);

struct Finding {
    std::string check;  // what was looked at: "server", "database app"; stable, for programs
    Outcome outcome = Outcome::pass;
    std::string text;         // one line without names of tables and without any secret
    std::string cure = {};    // the one thing to do; empty where nothing is to be done
    std::string detail = {};  // names: for the terminal only
};

using Findings = std::vector<Finding>;

inline Finding passed(std::string check, std::string text) {
    return {std::move(check), Outcome::pass, std::move(text)};
}
inline Finding warned(std::string check, std::string text, std::string cure) {
    return {std::move(check), Outcome::warn, std::move(text), std::move(cure)};
}
inline Finding failed(std::string check, std::string text, std::string cure) {
    return {std::move(check), Outcome::fail, std::move(text), std::move(cure)};
}
inline Finding unknown(std::string check, std::string text, std::string cure = {}) {
    return {std::move(check), Outcome::unknown, std::move(text), std::move(cure)};
}
// What an error says. One that came of the doctor's own limit of time tells nothing about what was looked at.
Finding failed(std::string check, const Error& error);

// The worst of all; `unknown` is no better than `pass` here, as it is no fault by itself.
Outcome worst_of(const Findings& findings);

}  // namespace lifeboat::doctor
