// What `lifeboat` tells whoever called it. Documented in README.md; numbers never change their meaning.
#pragma once

#include "result/result.hpp"

#include <optional>

namespace lifeboat::cli {

enum class ExitCode {
    done = 0,
    failed = 1,
    usage = 2,      // wrong command line or configuration
    unhealthy = 3,  // what was looked at is not as it should be
    not_found = 4,
    refused = 5,  // could have been done, and was not, to protect data
};

// For an error that ended a verb. An interruption by signal N is 128 + N, as shells have it.
int exit_code(const Error& error, std::optional<int> signal);

}  // namespace lifeboat::cli
