// Where the supervisor puts what it knows, and the endpoints find it.
#pragma once

#include "health/facts.hpp"

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>

namespace lifeboat::health {

// The newest Facts. Any thread. Neither call ever waits for longer than it takes to copy a pointer: the lock is held
// for that alone (libstdc++'s atomic shared_ptr is a lock of the same length, which ThreadSanitizer cannot see
// through).
class Board {
public:
    explicit Board(Facts first);

    void publish(Facts facts);

    // Never null. It stays what it is for as long as it is held.
    [[nodiscard]] std::shared_ptr<const Facts> read() const;

private:
    mutable std::mutex mutex_;
    std::shared_ptr<const Facts> facts_;
};

// The supervisor's loop says that it goes round. Told by the steady clock, so that setting the time is no wedge.
// beat() in one thread, age() in any.
class Heartbeat {
public:
    using Clock = std::chrono::steady_clock;

    Heartbeat() noexcept { beat(); }  // a loop that has not begun is not wedged yet

    void beat(Clock::time_point now = Clock::now()) noexcept {
        last_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
    }

    [[nodiscard]] Clock::duration age(Clock::time_point now = Clock::now()) const noexcept {
        return now - Clock::time_point(Clock::duration(last_.load(std::memory_order_relaxed)));
    }

private:
    std::atomic<Clock::rep> last_{0};
};

}  // namespace lifeboat::health
