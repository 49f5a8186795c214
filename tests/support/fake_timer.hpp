// Time and chance by hand: nothing here ever waits.
#pragma once

#include "s3/retry.hpp"

#include <functional>
#include <mutex>
#include <vector>

namespace lifeboat::test {

// A pause is over at once, and time has passed by it. Safe for use by several threads.
class FakeTimer final : public s3::Timer {
public:
    using Milliseconds = s3::Milliseconds;
    using Wall = std::chrono::system_clock::time_point;

    [[nodiscard]] Wall wall() const override {
        const std::lock_guard lock(mutex_);
        return start_ + passed_;
    }
    [[nodiscard]] std::chrono::steady_clock::time_point now() const override {
        const std::lock_guard lock(mutex_);
        return std::chrono::steady_clock::time_point() + passed_;
    }
    std::uint64_t dice() override { return dice_; }
    bool wait(Milliseconds pause, const std::stop_token& stop) override {
        {
            const std::lock_guard lock(mutex_);
            pauses_.push_back(pause);
            passed_ += pause;
        }
        if (on_wait) {
            on_wait();
        }
        return !stop.stop_requested();
    }

    void pass(Milliseconds time) {
        const std::lock_guard lock(mutex_);
        passed_ += time;
    }
    void roll(std::uint64_t dice) { dice_ = dice; }
    [[nodiscard]] std::vector<Milliseconds> pauses() const {
        const std::lock_guard lock(mutex_);
        return pauses_;
    }

    std::function<void()> on_wait;  // set before any other thread has the timer

private:
    // 2026-11-22 02:17:00 UTC
    static constexpr Wall start_ = std::chrono::sys_days(std::chrono::year(2026) / 11 / 22) + std::chrono::minutes(137);

    mutable std::mutex mutex_;
    Milliseconds passed_{0};
    std::vector<Milliseconds> pauses_;
    std::uint64_t dice_ = 0;
};

}  // namespace lifeboat::test
