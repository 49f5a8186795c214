// Tells the addresses of [notify] what there is to tell, and the log and the counters what became of it.
#pragma once

#include "config/settings.hpp"
#include "log/event_log.hpp"
#include "notify/sender.hpp"
#include "notify/teller.hpp"

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace lifeboat::supervisor {

// One thread, which waits for nothing here but in end().
class Notices {
public:
    static Result<std::unique_ptr<Notices>> open(const std::string& version);

    void use(const config::Notify& settings, health::TimePoint now);

    // Whatever is new by these facts.
    void tell(const health::Facts& facts, health::TimePoint now);

    // Readable when messages were delivered or given up.
    [[nodiscard]] int fd() const noexcept { return sender_->fd(); }
    // Whether there was anything to hear.
    bool hear_outcomes(log::EventLog& log, health::TimePoint now);
    [[nodiscard]] const health::NotifyFacts& counts() const noexcept { return counts_; }

    // The sidecar is told to end: what is under way may still arrive.
    void stop();
    // The end: a second after stop() at the latest.
    void end(log::EventLog& log);

private:
    using Steady = std::chrono::steady_clock;
    // What the log was told last of one hook.
    struct Told {
        std::string error = {};  // empty: that it works
        health::TimePoint at;
        bool anything = false;
    };

    explicit Notices(std::unique_ptr<notify::Sender> sender) : sender_(std::move(sender)) {}
    void log_outcome(const notify::Outcome& outcome, log::EventLog& log, health::TimePoint now);

    std::unique_ptr<notify::Sender> sender_;
    notify::Teller teller_;
    health::NotifyFacts counts_{};
    std::array<Told, health::hooks.size()> told_{};
    std::optional<Steady::time_point> end_by_;
};

}  // namespace lifeboat::supervisor
