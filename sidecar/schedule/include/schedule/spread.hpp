// Chance that is the same after a restart, so that many sidecars do not all start at once, and each keeps its place.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace lifeboat::schedule {

// Where in its leeway this sidecar starts. By instance and host: two instances on one host differ, and so do the
// sidecars of one instance on two hosts. The same names give the same place in every process and every version.
class Spread {
public:
    Spread(std::string_view instance, std::string_view host);

    // A part of `leeway`, uniform over sidecars in [0, leeway], in milliseconds. `salt` tells apart what should not
    // fall together again when it has fallen together once: the number of a retry. Nothing for a leeway below zero.
    [[nodiscard]] std::chrono::milliseconds within(std::chrono::milliseconds leeway, std::uint32_t salt = 0) const;

private:
    std::string seed_;
};

}  // namespace lifeboat::schedule
