#include "s3/retry.hpp"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <random>

namespace lifeboat::s3 {

Milliseconds backoff(const RetryPolicy& policy, int attempt, std::optional<Milliseconds> retry_after,
                     std::uint64_t dice) {
    const int doublings = std::clamp(attempt - 1, 0, 20);
    const auto most = std::min(policy.longest, policy.base * (std::int64_t{1} << doublings));
    const auto jitter = Milliseconds(static_cast<std::int64_t>(dice % (static_cast<std::uint64_t>(most.count()) + 1)));
    return retry_after ? *retry_after + std::min(jitter, policy.base) : jitter;
}

Milliseconds Retry::left() const {
    return policy_.budget - std::chrono::ceil<Milliseconds>(timer_.now() - failing_since_);
}

bool Retry::again(const Error& why, std::optional<Milliseconds> retry_after, const std::stop_token& stop,
                  Milliseconds dead) {
    const auto now = timer_.now();
    if (++failed_ == 1) {
        failing_since_ = now - dead;
    }
    const auto pause = backoff(policy_, failed_, retry_after, timer_.dice());
    if (now + pause - failing_since_ > policy_.budget) {
        return false;
    }
    if (failed_ > 1 && policy_.before_retry) {
        policy_.before_retry(why, pause);
    }
    return timer_.wait(pause, stop);
}

namespace {

class SystemTimer final : public Timer {
public:
    [[nodiscard]] std::chrono::system_clock::time_point wall() const override {
        return std::chrono::system_clock::now();
    }
    [[nodiscard]] std::chrono::steady_clock::time_point now() const override {
        return std::chrono::steady_clock::now();
    }
    std::uint64_t dice() override {
        const std::lock_guard lock(mutex_);
        return random_();
    }
    bool wait(Milliseconds pause, const std::stop_token& stop) override {
        std::mutex mutex;
        std::condition_variable_any never;
        std::unique_lock lock(mutex);
        (void)never.wait_for(lock, stop, pause, [] { return false; });
        return !stop.stop_requested();
    }

private:
    std::mutex mutex_;
    std::mt19937_64 random_{std::random_device{}()};
};

}  // namespace

Timer& system_timer() {
    static SystemTimer timer;
    return timer;
}

}  // namespace lifeboat::s3
