#include "cli/command_line.hpp"
#include "os/stop_signals.hpp"

#include <unistd.h>

int main(int argc, char** argv) {
    const lifeboat::os::StopSignals signals;  // first: every later thread inherits what it blocks
    return lifeboat::cli::run(argc, argv, environ, signals);
}
