// A key that comes by standard input: from a pipe, or typed or pasted at a terminal.
#pragma once

#include "result/result.hpp"

#include <cstddef>
#include <stop_token>
#include <string>

namespace lifeboat::cli {

// Everything up to its end; more than `limit` bytes is an error. At a terminal it says on stderr what it waits for, and
// what is typed does not show. A stop request ends the waiting at once, with ErrorKind::interrupted.
Result<std::string> read_typed_key(std::size_t limit, const std::stop_token& stop);

}  // namespace lifeboat::cli
