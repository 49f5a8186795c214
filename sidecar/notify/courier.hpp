// One hook's queue, and the thread that works it off.
#pragma once

#include "notify/sender.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <stop_token>
#include <thread>

namespace lifeboat::notify {

// What all couriers share.
struct Office {
    std::string user_agent;
    std::function<std::unique_ptr<s3::Transport>()> connect;
    SenderLimits limits;
    std::function<void(Outcome)> report;  // called from any thread
};

class Courier {
public:
    Courier(health::Hook hook, const Office& office) : hook_(hook), office_(office) {}
    ~Courier() = default;
    Courier(const Courier&) = delete;
    Courier& operator=(const Courier&) = delete;
    Courier(Courier&&) = delete;
    Courier& operator=(Courier&&) = delete;

    // Whether it is another one.
    bool use(const std::optional<Secret>& address);
    [[nodiscard]] std::uint64_t address_number() const;
    [[nodiscard]] bool wanted() const;
    void send(Message message);
    void close();
    void stop() { thread_.request_stop(); }
    std::size_t drain(std::chrono::steady_clock::time_point until);

private:
    using Steady = std::chrono::steady_clock;
    struct Waiting {
        Message message;
        Steady::time_point said;
    };

    // Whether there is a thread now.
    bool start();
    void work(const std::stop_token& stop);
    // Tries it until it is delivered or given up, with the error of the last try.
    Outcome deliver(const Waiting& one, const std::stop_token& stop);
    // With the mutex held.
    [[nodiscard]] Outcome given_up(const Message& message, Error why) const;
    s3::HttpReply attempt(const Secret& address, const Message& message, const std::stop_token& stop);
    // Shorter where the address is another than that of this number. False: no more tries.
    bool pause(std::chrono::milliseconds time, std::uint64_t number, const std::stop_token& stop);

    const health::Hook hook_;
    const Office& office_;

    mutable std::mutex mutex_;
    std::condition_variable_any changed_;
    std::optional<Secret> address_;
    std::uint64_t address_number_ = 0;  // counts exchanges of the address
    std::deque<Waiting> queue_;
    bool busy_ = false;
    bool closed_ = false;
    std::jthread thread_;  // last: it ends before what it uses
};

}  // namespace lifeboat::notify
