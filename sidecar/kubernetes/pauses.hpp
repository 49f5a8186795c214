// When to try again: after growing pauses, so that a cluster in trouble is not asked all the more by everybody.
#pragma once

#include <chrono>
#include <optional>

namespace lifeboat::kubernetes {

using SteadyPoint = std::chrono::steady_clock::time_point;

class Pauses {
public:
    static constexpr std::chrono::milliseconds first{1'000};
    static constexpr std::chrono::milliseconds longest{300'000};

    // `chance`, 0 to 1, says how much of the pause it becomes: from a half to all of it. `at_least`: what the server
    // asked for; an hour at most.
    void failed(SteadyPoint now, double chance, std::optional<std::chrono::seconds> at_least);
    // A try that succeeded, or a new beginning.
    void reset() noexcept { *this = {}; }

    // No try before this; long past where nothing failed.
    [[nodiscard]] SteadyPoint until() const noexcept { return until_; }

private:
    int failures_ = 0;
    SteadyPoint until_{};
};

}  // namespace lifeboat::kubernetes
