#pragma once

#include "os/stop_signals.hpp"

namespace lifeboat::cli {

// Parses the command line, runs the verb, prints its error if there is one. Returns the exit code.
int run(int argc, char** argv, char** environment, const os::StopSignals& signals);

}  // namespace lifeboat::cli
