// What the system refused, as an Error with a next step.
#pragma once

#include "result/result.hpp"

#include <string>

namespace lifeboat::store::directory {

// `doing` and `path` read as one: io_error(ENOSPC, "cannot write", path). Never not_found: whether an absent
// file is an answer or a fault only the caller knows.
Error io_error(int number, const std::string& doing, const std::string& path);

}  // namespace lifeboat::store::directory
