#pragma once

#include <cstddef>
#include <string>

namespace lifeboat::os {

// 2 * `bytes` lower-case hex digits from the kernel's random source.
std::string random_hex(std::size_t bytes);

}  // namespace lifeboat::os
