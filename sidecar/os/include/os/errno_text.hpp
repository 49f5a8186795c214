#pragma once

#include <string>

namespace lifeboat::os {

// "No space left on device", for an errno. Safe in every thread.
std::string errno_text(int error);

}  // namespace lifeboat::os
