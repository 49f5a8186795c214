// How long it takes to decide what to keep of 100,000 backups: ninja -C build bench_retention && build/bench/bench_retention
#include "retention/decision.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <vector>

namespace {

using namespace lifeboat;

constexpr std::size_t count = 100'000;

// One an hour, with three databases, as of an instance that nobody ever pruned.
std::vector<retention::Candidate> backups() {
    std::vector<retention::Candidate> all;
    all.reserve(count);
    const retention::TimePoint first = std::chrono::sys_days(std::chrono::year(2015) / 1 / 1);
    for (std::size_t i = 0; i < count; ++i) {
        retention::Candidate candidate;
        candidate.id = "id-" + std::to_string(i);
        candidate.stored = first + std::chrono::hours(i);
        candidate.condition = i % 20 == 7 ? retention::Condition::partial : retention::Condition::good;
        candidate.databases = {"app", "shop", "postgres"};
        candidate.proven = i % 168 == 0;
        all.push_back(std::move(candidate));
    }
    return all;
}

}  // namespace

int main() {
    const auto all = backups();
    const std::vector<retention::Policy> policies = {{30, 7, 8, 12, 5, {}}};
    const auto zone = schedule::Zone::find("Europe/Berlin");
    if (!zone) {
        std::fprintf(stderr, "%s\n", zone.error().what.c_str());
        return 1;
    }
    std::vector<double> seconds;
    std::size_t kept = 0;
    for (int round = 0; round < 9; ++round) {
        const auto began = std::chrono::steady_clock::now();
        const auto verdicts = retention::decide(all, policies, {}, *zone, all.back().stored);
        seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
        kept = static_cast<std::size_t>(
            std::count_if(verdicts.begin(), verdicts.end(), [](const auto& verdict) { return verdict.keep; }));
    }
    std::sort(seconds.begin(), seconds.end());
    std::printf("%zu backups, %zu kept: %.3f s (median of %zu, best %.3f s)\n", count, kept,
                seconds[seconds.size() / 2], seconds.size(), seconds.front());
    return 0;
}
