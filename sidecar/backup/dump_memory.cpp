#include "backup/backup_job.hpp"
#include "os/memory_limit.hpp"

#include <algorithm>

namespace lifeboat::backup {
namespace {

// What Lifeboat itself may need beside pg_dump in the same container, and what pg_dump cannot do without.
constexpr std::uint64_t own_share = std::uint64_t{64} << 20U;
constexpr std::uint64_t least_dump_memory = std::uint64_t{64} << 20U;

}  // namespace

std::optional<std::uint64_t> dump_memory(const std::optional<std::uint64_t>& wanted) {
    if (wanted) {
        return wanted;
    }
    const auto limit = os::memory_limit();
    if (!limit) {
        return std::nullopt;
    }
    return std::max(least_dump_memory, *limit > own_share ? *limit - own_share : 0);
}

}  // namespace lifeboat::backup
