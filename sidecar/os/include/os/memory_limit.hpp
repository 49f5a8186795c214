#pragma once

#include <cstdint>
#include <optional>

namespace lifeboat::os {

// The memory that this process's control group may use (cgroup v2 or v1, the tightest on the way up), in bytes.
// Empty where there is no limit or none can be read.
std::optional<std::uint64_t> memory_limit();

}  // namespace lifeboat::os
