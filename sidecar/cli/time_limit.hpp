// A stop that also comes by itself.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>

namespace lifeboat::cli {

// Its token is stopped when `outer` is, or once `limit` has passed unless it was lifted before. Any thread.
class TimeLimit {
public:
    TimeLimit(const std::stop_token& outer, std::chrono::milliseconds limit);
    TimeLimit(const TimeLimit&) = delete;
    TimeLimit& operator=(const TimeLimit&) = delete;
    ~TimeLimit() = default;

    [[nodiscard]] std::stop_token token() const noexcept { return source_.get_token(); }

    // What comes from now on has all the time it wants.
    void lift() { timer_.request_stop(); }

    // Whether it was the limit that stopped it.
    [[nodiscard]] bool has_passed() const noexcept { return passed_; }

private:
    void wait(const std::stop_token& lifted, std::chrono::milliseconds limit);

    std::stop_source source_;
    std::atomic<bool> passed_{false};
    std::mutex mutex_;
    std::condition_variable_any end_;
    std::stop_callback<std::function<void()>> forward_;
    std::jthread timer_;  // last: it uses the others
};

}  // namespace lifeboat::cli
