#include "copied_back.hpp"

#include <algorithm>
#include <chrono>
#include <numeric>
#include <optional>

namespace lifeboat::catalogue {
namespace {

// Longer than a run takes, and than clocks of writers are off.
constexpr std::chrono::hours in_time{48};

// Longer than the manifests of one instance take to be copied with the rest of a store.
constexpr std::chrono::hours one_copy{1};

bool is_late(const Dated& backup) {
    return backup.stored - backup.began > in_time;
}

// Not early either: the name of a writer whose clock is years ahead says nothing of those after it.
bool is_in_time(const Dated& backup) {
    return !is_late(backup) && backup.began - backup.stored <= in_time;
}

}  // namespace

std::vector<std::optional<std::size_t>> copied_back(const std::vector<Dated>& backups) {
    std::vector<std::size_t> order(backups.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(),
              [&](std::size_t a, std::size_t b) { return backups[a].stored < backups[b].stored; });
    std::vector<std::optional<std::size_t>> found(backups.size());
    std::optional<std::size_t> newest;  // of those in time that were stored well before
    auto before = order.begin();
    for (const auto i : order) {
        const auto& backup = backups[i];
        for (; backups[*before].stored + one_copy < backup.stored; ++before) {
            if (is_in_time(backups[*before]) && (!newest || backups[*newest].began <= backups[*before].began)) {
                newest = *before;
            }
        }
        if (is_late(backup) && newest && backups[*newest].began > backup.began) {
            found[i] = newest;
        }
    }
    return found;
}

}  // namespace lifeboat::catalogue
