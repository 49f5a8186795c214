// A secret that stands in a file of its own.
#pragma once

#include "config/load.hpp"
#include "raw.hpp"

namespace lifeboat::config {

// Its text without the line breaks behind it. Errors name the path and never the content.
Result<Raw> read_secret(const ReadFile& read, const std::filesystem::path& path);

}  // namespace lifeboat::config
