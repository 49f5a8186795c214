#pragma once

#include "os/stop_signals.hpp"

namespace lifeboat::cli {

// Parses the command line, listens to `signals` as the verb wants it, runs the verb, prints its error if there is one.
// Returns the exit code.
int run(int argc, char** argv, char** environment, os::StopSignals& signals);

}  // namespace lifeboat::cli
