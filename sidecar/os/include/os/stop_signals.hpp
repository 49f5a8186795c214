// SIGINT and SIGTERM as a stop token.
#pragma once

#include <atomic>
#include <optional>
#include <stop_token>
#include <thread>

namespace lifeboat::os {

// Made once, first thing in main, before any other thread: blocks SIGINT and SIGTERM in the whole process
// and ignores SIGPIPE and SIGXFSZ. The first signal requests the stop; the second ends the process at once, with
// exit code 128 + signal, for someone who will not wait.
class StopSignals {
public:
    StopSignals();
    StopSignals(const StopSignals&) = delete;
    StopSignals& operator=(const StopSignals&) = delete;
    ~StopSignals();

    [[nodiscard]] std::stop_token token() const noexcept { return stop_.get_token(); }

    // The signal that came, if one did.
    [[nodiscard]] std::optional<int> received() const noexcept;

private:
    void watch(const std::stop_token& end);

    std::stop_source stop_;
    std::atomic<int> received_{0};
    std::jthread watcher_;
};

}  // namespace lifeboat::os
