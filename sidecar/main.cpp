#include "cli/command_line.hpp"
#include "os/fd.hpp"
#include "os/heap.hpp"
#include "os/stop_signals.hpp"

#include <unistd.h>

int main(int argc, char** argv) {
    lifeboat::os::keep_standard_streams();  // before any file is opened
    lifeboat::os::return_large_blocks();    // before any thread
    lifeboat::os::StopSignals signals;      // before any thread: every later thread inherits what it blocks
    return lifeboat::cli::run(argc, argv, environ, signals);
}
