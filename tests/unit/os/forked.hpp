// What has to be seen from outside of a process runs in a forked one.
#pragma once

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <functional>

namespace lifeboat::os {

// Long enough for any machine; only a failing test waits that long.
inline constexpr int patience_s = 20;

// Runs `body` in a child process and tells how it ended, as waitpid does. One that hangs is ended by SIGALRM.
// Only while the test has one thread.
inline int forked(const std::function<void()>& body) {
    const pid_t pid = ::fork();
    if (pid == 0) {
        ::alarm(patience_s);
        body();
        ::_exit(99);  // the body was to end the process
    }
    int status = 0;
    ::waitpid(pid, &status, 0);
    return status;
}

// Whether every process that held the other end of this pipe is gone. Throws away what they wrote.
inline bool all_writers_gone(int read_end) {
    char byte = 0;
    for (;;) {
        pollfd entry{read_end, POLLIN, 0};
        if (::poll(&entry, 1, patience_s * 1000) <= 0) {
            return false;
        }
        if (::read(read_end, &byte, 1) <= 0) {
            return true;
        }
    }
}

}  // namespace lifeboat::os
