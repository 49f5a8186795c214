#include "pauses.hpp"

#include <algorithm>

namespace lifeboat::kubernetes {

void Pauses::failed(SteadyPoint now, double chance, std::optional<std::chrono::seconds> at_least) {
    constexpr int doublings = 9;  // beyond `longest`
    const auto pause = std::min(longest, first * (1 << std::min(failures_, doublings)));
    ++failures_;
    until_ = now + std::chrono::milliseconds(static_cast<std::chrono::milliseconds::rep>(
                       static_cast<double>(pause.count()) * (0.5 + chance / 2)));
    if (at_least) {
        until_ = std::max<SteadyPoint>(until_, now + std::min<std::chrono::seconds>(*at_least, std::chrono::hours(1)));
    }
}

}  // namespace lifeboat::kubernetes
