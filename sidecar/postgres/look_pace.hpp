// When the watch for waiting statements looks again: pure, and the times come in as arguments.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

namespace lifeboat::postgres {

class LookPace {
public:
    using Milliseconds = std::chrono::milliseconds;

    static constexpr Milliseconds shortest_pause{100};
    static constexpr Milliseconds longest_rest{10'000};

    // `yield_to`: how long somebody may wait.
    LookPace(Milliseconds look_every, std::optional<Milliseconds> yield_to)
        : look_every_(look_every),
          usual_(yield_to ? std::min(look_every, std::max(*yield_to / 4, shortest_pause)) : look_every) {}

    // The pause after a look. `left`: what is left of the time of whoever has waited longest. Who waits is seen again
    // when that is over, however long looks take: what they have to be spared for is less than a table that nobody
    // gets.
    Milliseconds after(std::chrono::nanoseconds took, std::optional<Milliseconds> left) {
        // One that waited for a busy processor did not work: only two long ones in a row tell of work.
        const auto work = std::chrono::ceil<Milliseconds>(std::min(took, std::exchange(last_took_, took)));
        const auto rest = std::min(rest_for_work * work, longest_rest);
        const auto pause = std::max({usual_, shortest_pause, rest});
        return left ? std::min(pause, std::max(*left, shortest_pause)) : pause;
    }

    [[nodiscard]] Milliseconds after_failure() const { return std::max(longest_rest, look_every_); }

private:
    // Of the time, a twentieth is spent on looks: with very many locks one takes a while.
    static constexpr int rest_for_work = 20;

    Milliseconds look_every_;
    Milliseconds usual_;
    std::chrono::nanoseconds last_took_{0};
};

}  // namespace lifeboat::postgres
