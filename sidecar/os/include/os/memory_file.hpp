// Files that exist in memory only.
#pragma once

#include "os/fd.hpp"
#include "result/result.hpp"
#include "secret/secret.hpp"

#include <string>

namespace lifeboat::os {

// An unnamed file of mode 0600 that holds `content` and is gone with its last descriptor. A child that
// inherits the descriptor at its number reads it as memory_file_path(fd).
Result<Fd> memory_file(const std::string& label, const Secret& content);

std::string memory_file_path(int fd);

}  // namespace lifeboat::os
