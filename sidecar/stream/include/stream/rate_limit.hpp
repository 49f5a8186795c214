// How fast bytes may flow, over all streams that share it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>

namespace lifeboat::stream {

// A token bucket that holds a tenth of a second's bytes: what flows is even, and what was not used in a pause is
// not made up for. Safe for use by several threads.
class RateLimit {
public:
    using TimePoint = std::chrono::steady_clock::time_point;

    // `bytes_per_second` is at least 1.
    RateLimit(std::uint64_t bytes_per_second, TimePoint now);

    // How many of `wanted` bytes may flow now; they count as flown. 0: ask again later.
    std::size_t take(std::size_t wanted, TimePoint now);

private:
    const double rate_;
    const double most_;
    std::mutex mutex_;
    double held_;
    TimePoint filled_;
};

}  // namespace lifeboat::stream
