// Times that cannot be.
#pragma once

#include <chrono>

namespace lifeboat::os {

// Whether something that another clock dated, a store's or a writer's, is dated later than can be by `now`. Clocks are
// a little off from each other; by more than a day, one of the two is wrong, and how old the thing is is not known.
inline bool is_in_the_future(std::chrono::system_clock::time_point dated, std::chrono::system_clock::time_point now) {
    constexpr std::chrono::hours slack{24};
    return dated > now + slack;
}

}  // namespace lifeboat::os
