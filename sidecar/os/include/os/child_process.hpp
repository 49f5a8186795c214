// Child processes: started with nothing that was not named, never outliving us, always reaped.
#pragma once

#include "os/confinement.hpp"
#include "os/fd.hpp"
#include "os/network_filter.hpp"
#include "result/result.hpp"

#include <sys/types.h>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace lifeboat::os {

struct ChildOptions {
    std::string program;                         // absolute path
    std::vector<std::string> arguments;          // without the program's own name
    std::vector<std::string> environment;        // the whole of it, "NAME=value"
    bool pipe_stdin = false;                     // else /dev/null
    bool pipe_stdout = false;                    // else /dev/null
    bool own_stderr = true;                      // a pipe of its own; else it writes to ours
    std::vector<int> inherited;                  // descriptors that stay open in the child, at their numbers
    std::optional<std::uint64_t> address_space;  // RLIMIT_AS in bytes
    std::string folder;                          // where it starts; empty: where we are
    int death_signal = SIGKILL;                  // what it gets when the thread that started it ends; 0: nothing

    // For one that runs other people's code: see os/confinement.hpp and os/network_filter.hpp.
    std::optional<UserIds> user;       // root only; it gets no other group
    const FileFence* fence = nullptr;  // this and the next must live until it was started
    const NetworkFilter* network_filter = nullptr;
    bool leave_network = false;  // a network of its own, without any way out, where this process may make one
};

struct ExitState {
    std::optional<int> code;    // set when it exited by itself
    std::optional<int> signal;  // set when a signal ended it

    [[nodiscard]] bool success() const noexcept { return code == 0; }
    [[nodiscard]] std::string text() const;  // "exit code 1", "killed by signal 9"
};

// Runs in a process group of its own, so that a terminal's Ctrl-C reaches it only through us, and gets
// SIGKILL when the thread that started it ends: start children from threads that outlive them.
// Destroying a ChildProcess that still runs kills its whole group and reaps it;
// end() is the gentle way.
class ChildProcess {
public:
    static Result<ChildProcess> start(const ChildOptions& options);

    ChildProcess(const ChildProcess&) = delete;
    ChildProcess& operator=(const ChildProcess&) = delete;
    ChildProcess(ChildProcess&&) noexcept;
    ChildProcess& operator=(ChildProcess&&) = delete;
    ~ChildProcess();

    [[nodiscard]] Fd& standard_input() noexcept { return stdin_; }
    [[nodiscard]] Fd& standard_output() noexcept { return stdout_; }
    [[nodiscard]] Fd& standard_error() noexcept { return stderr_; }

    // Sends `signal` to the whole group; nothing happens when it has been reaped already. Any thread.
    void signal(int signal) noexcept;

    // Waits for its end, once; later calls return the same.
    ExitState wait();

    // The same, but empty while it still runs.
    std::optional<ExitState> ended();

    [[nodiscard]] pid_t id() const noexcept;

    // Becomes readable when the child has ended: for a poll loop.
    [[nodiscard]] int end_fd() const noexcept { return end_fd_.get(); }

    // The same as wait(), but empty when a stop is requested first; the child goes on then.
    std::optional<ExitState> wait(const std::stop_token& stop);

    // SIGTERM, and SIGKILL for one that is still there after `grace`. Returns when it is gone.
    ExitState end(std::chrono::milliseconds grace);

private:
    struct Life;  // the process id, for as long as it is ours to signal

    ChildProcess(pid_t pid, Fd end_fd);
    [[nodiscard]] bool gone() const noexcept;

    std::unique_ptr<Life> life_;
    Fd stdin_;
    Fd stdout_;
    Fd stderr_;
    Fd end_fd_;
};

}  // namespace lifeboat::os
