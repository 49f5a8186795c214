#include "schedule/spread.hpp"

#include <algorithm>
#include <array>
#include <random>
#include <vector>

namespace lifeboat::schedule {

Spread::Spread(std::string_view instance, std::string_view host) : seed_(instance) {
    seed_ += '\0';  // in neither name, so that a-b and c are not a and b-c
    seed_ += host;
}

std::chrono::milliseconds Spread::within(std::chrono::milliseconds leeway, std::uint32_t salt) const {
    // The standard says to the bit what seed_seq makes of its input.
    std::vector<std::uint32_t> input(seed_.begin(), seed_.end());
    input.push_back(salt);
    std::seed_seq mix(input.begin(), input.end());
    std::array<std::uint32_t, 2> chance{};
    mix.generate(chance.begin(), chance.end());

    const double part = (chance[0] + chance[1] * 0x1p-32) * 0x1p-32;  // in [0, 1]
    const std::int64_t most = std::max<std::int64_t>(leeway.count(), 0);
    return std::chrono::milliseconds(std::min(most, static_cast<std::int64_t>(part * static_cast<double>(most + 1))));
}

}  // namespace lifeboat::schedule
