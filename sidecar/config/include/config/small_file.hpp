// Files that people write by hand or Kubernetes mounts: settings and secrets.
#pragma once

#include <filesystem>
#include <string>

#include "result/result.hpp"

namespace lifeboat::config {

// No settings file and no secret is ever near this size; a path that leads to more is a mistake.
inline constexpr std::size_t largest_file = std::size_t{1024} * 1024;

// The whole content. Errors (kind usage; not_found where nothing is there) say what is wrong with the path,
// which they do not name. Regular files only: a pipe or a device could block or never end.
Result<std::string> read_small_file(const std::filesystem::path& path);

}  // namespace lifeboat::config
