#include "stall_watch.hpp"

#include <algorithm>

namespace lifeboat::backup {

StallWatch::StallWatch(std::chrono::milliseconds longest, std::function<void()> end)
    : longest_(longest), end_(std::move(end)), thread_([this](const std::stop_token& stop) { watch(stop); }) {}

StallWatch::~StallWatch() {
    thread_.request_stop();
    thread_.join();
}

void StallWatch::watch(const std::stop_token& stop) {
    using Steady = std::chrono::steady_clock;
    const auto look_every =
        std::clamp<std::chrono::milliseconds>(longest_ / 10, std::chrono::milliseconds(10), std::chrono::seconds(5));
    std::uint64_t seen = 0;
    auto since = Steady::now();
    std::unique_lock lock(mutex_);
    while (!wake_.wait_for(lock, stop, look_every, [&stop] { return stop.stop_requested(); })) {
        if (stop.stop_requested()) {
            return;
        }
        const auto moves = moves_.load(std::memory_order_relaxed);
        if (moves != seen) {
            seen = moves;
            since = Steady::now();
        } else if (Steady::now() - since >= longest_) {
            stalled_ = true;
            end_();
            return;
        }
    }
}

}  // namespace lifeboat::backup
