#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>

namespace lifeboat::backup {

// Calls `end` once, from a thread of its own, when nothing has moved for `longest`. A stalled dump holds table
// locks and keeps VACUUM from its work, whoever it is that stalls: the server, pg_dump or the store.
class StallWatch {
public:
    StallWatch(std::chrono::milliseconds longest, std::function<void()> end);
    StallWatch(const StallWatch&) = delete;
    StallWatch& operator=(const StallWatch&) = delete;
    ~StallWatch();

    void moved() noexcept { moves_.fetch_add(1, std::memory_order_relaxed); }  // any thread
    [[nodiscard]] bool stalled() const noexcept { return stalled_.load(); }

private:
    void watch(const std::stop_token& stop);

    std::chrono::milliseconds longest_;
    std::function<void()> end_;
    std::atomic<std::uint64_t> moves_{0};
    std::atomic<bool> stalled_{false};
    std::mutex mutex_;
    std::condition_variable_any wake_;
    std::jthread thread_;
};

}  // namespace lifeboat::backup
