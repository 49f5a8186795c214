// SIGINT, SIGTERM and SIGHUP as a stop token.
#pragma once

#include "os/fd.hpp"

#include <atomic>
#include <chrono>
#include <optional>
#include <stop_token>
#include <thread>

namespace lifeboat::os {

// Made once, first thing in main, before any other thread: blocks these signals in the whole process and ignores
// SIGPIPE and SIGXFSZ. From then on no signal is lost; what it means is decided by listen().
class StopSignals {
public:
    enum class Role {
        // The first signal requests the stop; the second ends the process at once, with exit code 128 + signal, for
        // someone who will not wait.
        command,
        // SIGHUP asks to read the settings again. The first SIGTERM or SIGINT requests the stop; the second one, or
        // `patience` after the first, ends the process at once: to be told to end is no failure, so with exit code 0.
        // Also the end of a child is an event, those of orphans included.
        service,
    };

    StopSignals();
    StopSignals(const StopSignals&) = delete;
    StopSignals& operator=(const StopSignals&) = delete;
    ~StopSignals();

    // Once. Signals that came before are heard now.
    void listen(Role role, std::chrono::milliseconds patience = std::chrono::milliseconds(4800));

    [[nodiscard]] std::stop_token token() const noexcept { return stop_.get_token(); }

    // The signal that came, if one did.
    [[nodiscard]] std::optional<int> received() const noexcept;

    // Becomes readable with each signal, for a poll loop, which clears it with forget_event().
    [[nodiscard]] int event_fd() const noexcept { return event_.get(); }
    void forget_event() const noexcept;

    // Whether a service was sent SIGHUP since this was last asked.
    [[nodiscard]] bool take_hangup() const noexcept { return hangup_.exchange(false); }

private:
    using Steady = std::chrono::steady_clock;

    void watch(const std::stop_token& end);
    void take(int signal);
    void leave() const;

    Role role_ = Role::command;
    std::chrono::milliseconds patience_{};
    std::stop_source stop_;
    std::atomic<int> received_{0};
    std::optional<Steady::time_point> leave_by_;  // the watcher's own
    mutable std::atomic<bool> hangup_{false};
    Fd event_;
    std::jthread watcher_;
};

}  // namespace lifeboat::os
