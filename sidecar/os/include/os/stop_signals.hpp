// SIGINT, SIGTERM and SIGHUP as a stop token.
#pragma once

#include "os/fd.hpp"

#include <atomic>
#include <optional>
#include <stop_token>
#include <thread>

namespace lifeboat::os {

// Made once, first thing in main, before any other thread: blocks these signals in the whole process and ignores
// SIGPIPE and SIGXFSZ. The first signal requests the stop; the second ends the process at once, with exit code
// 128 + signal, for someone who will not wait.
class StopSignals {
public:
    StopSignals();
    StopSignals(const StopSignals&) = delete;
    StopSignals& operator=(const StopSignals&) = delete;
    ~StopSignals();

    [[nodiscard]] std::stop_token token() const noexcept { return stop_.get_token(); }

    // The signal that came, if one did.
    [[nodiscard]] std::optional<int> received() const noexcept;

    // For a service: from now on SIGHUP asks to read the settings again, and being asked twice to end is as good an
    // end as any (exit code 0).
    void serve() const noexcept { service_ = true; }

    // Becomes readable with each signal, for a poll loop, which clears it with forget_event().
    [[nodiscard]] int event_fd() const noexcept { return event_.get(); }
    void forget_event() const noexcept;

    // Whether a service was sent SIGHUP since this was last asked.
    [[nodiscard]] bool take_hangup() const noexcept { return hangup_.exchange(false); }

private:
    void watch(const std::stop_token& end);
    void take(int signal);

    std::stop_source stop_;
    std::atomic<int> received_{0};
    mutable std::atomic<bool> service_{false};
    mutable std::atomic<bool> hangup_{false};
    Fd event_;
    std::jthread watcher_;
};

}  // namespace lifeboat::os
