#pragma once

#include "catalogue/layout.hpp"
#include "result/result.hpp"

#include <string>
#include <vector>

namespace lifeboat::cli {

// The instances that a text lists, one a line, each once, in its order. Blank lines, blanks around a name and lines
// that begin with # do not count. An error of kind usage names `source` and the line.
Result<std::vector<catalogue::Layout>> parse_expected(const std::string& text, const std::string& source);

// The same from a file; "-" is standard input.
Result<std::vector<catalogue::Layout>> read_expected(const std::string& path);

}  // namespace lifeboat::cli
