// When to try again, and for how long.
#pragma once

#include "result/result.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>

namespace lifeboat::s3 {

using Milliseconds = std::chrono::milliseconds;

struct RetryPolicy {
    Milliseconds base{500};  // the longest first pause; it doubles with each try
    Milliseconds longest{30'000};
    Milliseconds budget{240'000};  // from when it began to fail; a dump is open meanwhile and holds its locks
    // Hears of every try but the first that is about to be made after a pause: a hiccup is nobody's business, a store
    // that is away is. Called from any thread.
    std::function<void(const Error& why, Milliseconds pause)> before_retry = {};
};

// The pause before try number `attempt` + 1 (1: the first try failed), with full jitter: anything from nothing to the
// most that is due, by `dice`, so that many clients do not come back at once. A server's Retry-After is waited for at
// the least.
Milliseconds backoff(const RetryPolicy& policy, int attempt, std::optional<Milliseconds> retry_after,
                     std::uint64_t dice);

// Time and chance, so that tests can hold them.
class Timer {
public:
    Timer() = default;
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    virtual ~Timer() = default;

    [[nodiscard]] virtual std::chrono::system_clock::time_point wall() const = 0;
    [[nodiscard]] virtual std::chrono::steady_clock::time_point now() const = 0;
    virtual std::uint64_t dice() = 0;
    // False when the stop came first.
    virtual bool wait(Milliseconds pause, const std::stop_token& stop) = 0;
};

Timer& system_timer();

// The tries of one request.
class Retry {
public:
    Retry(const RetryPolicy& policy, Timer& timer) : policy_(policy), timer_(timer) {}

    // After a failed try that another may cure: waits, and says whether to try again. False when the budget would be
    // spent before the pause is over, or on a stop. `dead`: for how long nothing had moved when the first try failed;
    // that counts, too.
    bool again(const Error& why, std::optional<Milliseconds> retry_after, const std::stop_token& stop,
               Milliseconds dead = {});

    // What is left of the budget, once a try has failed.
    [[nodiscard]] Milliseconds left() const;

    // How many tries failed so far, by the calls of again().
    [[nodiscard]] int failed() const noexcept { return failed_; }

private:
    const RetryPolicy& policy_;
    Timer& timer_;
    int failed_ = 0;
    std::chrono::steady_clock::time_point failing_since_;
};

}  // namespace lifeboat::s3
