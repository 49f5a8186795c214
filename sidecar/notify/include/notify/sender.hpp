// Sends messages to the addresses of [notify], beside whatever else goes on: nobody waits for a web server.
//
// Each hook has a queue and, once there is something to send, a thread of its own, so that one server that hangs keeps
// none of the others waiting. A message is a POST. It is tried again while that may help, for a quarter of an hour from
// when it was said. It may arrive twice: where no reply came, nobody knows whether it did.
#pragma once

#include "health/facts.hpp"
#include "notify/message.hpp"
#include "os/fd.hpp"
#include "result/result.hpp"
#include "s3/http.hpp"
#include "secret/secret.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace lifeboat::notify {

// One for each of health::hooks, in their order; empty: nobody wants to know.
using Addresses = std::array<std::optional<Secret>, health::hooks.size()>;

struct SenderLimits {
    std::chrono::milliseconds first_pause = std::chrono::seconds(1);  // doubles, with jitter; Retry-After is honoured
    std::chrono::milliseconds longest_pause = std::chrono::minutes(2);
    std::chrono::milliseconds tried_for = std::chrono::minutes(15);    // from when it was said; once in any case
    std::chrono::milliseconds stall_after = std::chrono::seconds(10);  // a try in which nothing moves
    std::chrono::milliseconds reply_within = std::chrono::seconds(15);
    std::size_t largest_reply = std::size_t{16} << 10U;
    std::size_t waiting = 16;  // messages of one hook; beyond that the oldest is given up
};

// What became of a message.
struct Outcome {
    health::Hook hook = health::Hook::on_failure;
    std::optional<Error> error = std::nullopt;  // empty: delivered. Names the setting, and nothing of the address
    std::uint64_t number = 0;                   // the message's
    bool readdressed = false;                   // the hook has got another address since
    std::uint64_t address = 0;                  // counts the hook's addresses: which one it went to
};

class Courier;

class Sender {
public:
    // `connect` makes what a try goes over; called on the sender's threads. The error: there is no descriptor left.
    static Result<std::unique_ptr<Sender>> open(const std::string& version,
                                                std::function<std::unique_ptr<s3::Transport>()> connect,
                                                const SenderLimits& limits = {});
    // Ends whatever is under way, at once. What has not arrived never does.
    ~Sender();
    Sender(const Sender&) = delete;
    Sender& operator=(const Sender&) = delete;
    Sender(Sender&&) = delete;
    Sender& operator=(Sender&&) = delete;

    // From the next try on. Where an address is gone, so are the messages that wait for it. Which ones are others now.
    std::array<bool, health::hooks.size()> use(const Addresses& addresses);
    [[nodiscard]] Wanted wanted() const;

    // Never waits. A ping takes the place of those that wait before it: only the newest state counts there.
    void send(Message message);

    // Readable when there are outcomes.
    [[nodiscard]] int fd() const noexcept { return event_.get(); }
    std::vector<Outcome> outcomes();

    // Nothing is tried a second time from now on.
    void close();
    // Waits until everything is sent or given up, or for this time. How many messages are left.
    std::size_t drain(std::chrono::steady_clock::time_point until);

private:
    class Ledger;
    Sender(std::unique_ptr<Ledger> ledger, os::Fd event);

    os::Fd event_;
    std::unique_ptr<Ledger> ledger_;
    std::array<std::unique_ptr<Courier>, health::hooks.size()> couriers_;
};

}  // namespace lifeboat::notify
