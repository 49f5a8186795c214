// Files on disk that nobody else can open, and that are gone with their last descriptor.
#pragma once

#include "os/fd.hpp"

#include <string>

namespace lifeboat::os {

// TMPDIR, else /tmp.
std::string temporary_folder();

// Empty, of mode 0600, for reading and writing. A kill leaves nothing behind. No descriptor where it cannot be made;
// errno then says why.
Fd nameless_file(const std::string& folder);

}  // namespace lifeboat::os
