// The names of files that are still being written.
#pragma once

#include "result/result.hpp"

#include <string>
#include <string_view>

namespace lifeboat::store::directory {

// "<name>~<8 random hex digits>", which no key can be: it holds a '~'.
Result<std::string> temporary_name(std::string_view name);

// `name` of such a file name; empty when it is none.
std::string_view object_name_of(std::string_view file_name);

}  // namespace lifeboat::store::directory
