#include "stream/rate_limit.hpp"

#include <algorithm>

namespace lifeboat::stream {

RateLimit::RateLimit(std::uint64_t bytes_per_second, TimePoint now)
    : rate_(static_cast<double>(bytes_per_second)), most_(std::max(rate_ / 10, 1.0)), held_(most_), filled_(now) {}

std::size_t RateLimit::take(std::size_t wanted, TimePoint now) {
    const std::lock_guard lock(mutex_);
    if (now > filled_) {
        const std::chrono::duration<double> passed = now - filled_;
        held_ = std::min(most_, held_ + rate_ * passed.count());
        filled_ = now;
    }
    const auto taken = std::min(wanted, static_cast<std::size_t>(held_));
    held_ -= static_cast<double>(taken);
    return taken;
}

}  // namespace lifeboat::stream
