// What a sidecar knows on an ordinary day, and a pod's account in a folder.
#pragma once

#include "account.hpp"
#include "health/facts.hpp"
#include "health/judge.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>

namespace lifeboat::kubernetes::test {

using namespace std::chrono_literals;

inline const auto noon = os::TimePoint(std::chrono::sys_days(std::chrono::year{2026} / 11 / 26)) + 12h;

inline health::Facts healthy_facts() {
    health::Facts facts;
    facts.instance = "shop";
    facts.version = "1.2.3";
    facts.started = noon - 100h;
    facts.settings.in_force = true;
    facts.turn.turn = health::Turn::ours;
    facts.schedule.start = noon + 14h;
    facts.schedule.overdue_after = 26h;
    facts.store.surveyed = noon;
    health::BackupFacts last;
    last.id = "20261126T021700Z-1a2b3c4d";
    last.started = noon - 10h;
    last.finished = noon - 9h;
    facts.store.last_good = last;
    facts.runs.last = health::RunFacts{health::RunResult::good, noon - 10h, noon - 9h, last.id};
    return facts;
}

inline void break_runs(health::Facts& facts, const std::string& what = "no route to the store") {
    facts.runs.consecutive_failures = 1;
    facts.runs.last =
        health::RunFacts{health::RunResult::failed, noon - 2h, noon - 1h, "", health::Problem{what, "mend it"}};
}

// {"kubernetes.io":{"namespace":"shop","pod":{"name":"postgres-0","uid":"u-1"},"serviceaccount":{"name":"default"}}}
inline constexpr const char* bound_token =
    "eyJhbGciOiJub25lIn0."
    "eyJrdWJlcm5ldGVzLmlvIjp7Im5hbWVzcGFjZSI6InNob3AiLCJwb2QiOnsibmFtZSI6InBvc3RncmVzLTAiLCJ1aWQiOiJ1LTEifSwic2VydmljZW"
    "FjY291bnQiOnsibmFtZSI6ImRlZmF1bHQifX19."
    "c2lnbmVk";

// A folder with a pod's account, gone at the end.
class AccountFolder {
public:
    AccountFolder() {
        std::string name = testing::TempDir() + "lifeboat-account-XXXXXX";
        path_ = ::mkdtemp(name.data());
        write("token", bound_token);
        write("ca.crt", "a certificate");
        write("namespace", "shop");
    }
    AccountFolder(const AccountFolder&) = delete;
    AccountFolder& operator=(const AccountFolder&) = delete;
    ~AccountFolder() { std::filesystem::remove_all(path_); }

    void write(const std::string& name, const std::string& content) const { std::ofstream(path_ / name) << content; }
    void remove(const std::string& name) const { std::filesystem::remove(path_ / name); }
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }
    [[nodiscard]] Surroundings surroundings() const { return {"10.43.0.1", "443", path_, "from-the-host", "1.2.3"}; }

private:
    std::filesystem::path path_;
};

}  // namespace lifeboat::kubernetes::test
