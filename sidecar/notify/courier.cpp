#include "courier.hpp"

#include "address.hpp"
#include "health/names.hpp"
#include "os/clock.hpp"
#include "reply.hpp"
#include "s3/retry.hpp"

#include <random>
#include <system_error>
#include <utility>

namespace lifeboat::notify {
namespace {

using std::chrono::milliseconds;

Error error_of(health::Hook hook, const std::string& why,
               std::string next = "see the lines about this setting before this one") {
    return {ErrorKind::temporary, "notify." + std::string(health::name_of(hook)) + ": " + why, std::move(next), {}};
}

std::uint64_t dice() {
    static thread_local std::mt19937_64 random{std::random_device{}()};
    return random();
}

}  // namespace

bool Courier::use(const std::optional<Secret>& address) {
    const std::lock_guard lock(mutex_);
    const bool same =
        address.has_value() == address_.has_value() && (!address || address->reveal() == address_->reveal());
    if (same) {
        return false;
    }
    address_ = address;
    ++address_number_;
    if (!address_) {
        queue_.clear();
    }
    changed_.notify_all();
    return true;
}

std::uint64_t Courier::address_number() const {
    const std::lock_guard lock(mutex_);
    return address_number_;
}

bool Courier::wanted() const {
    const std::lock_guard lock(mutex_);
    return address_.has_value();
}

void Courier::send(Message message) {
    const std::lock_guard lock(mutex_);
    if (!address_) {
        return;
    }
    const std::size_t most = hook_ == health::Hook::ping ? 0 : office_.limits.waiting - 1;
    while (queue_.size() > most) {
        office_.report(
            given_up(queue_.front().message, error_of(hook_, "a message gave way to a newer one before it was sent")));
        queue_.pop_front();
    }
    if (!thread_.joinable() && !start()) {
        office_.report(given_up(message, error_of(hook_, "no thread can be started to send a message",
                                                  "allow this container more processes (its limit on pids)")));
        return;
    }
    queue_.push_back({std::move(message), Steady::now()});
    changed_.notify_all();
}

bool Courier::start() {
    try {
        thread_ = std::jthread([this](const std::stop_token& stop) { work(stop); });
    } catch (const std::system_error&) {  // what it says is always the same: the system has none to give
        return false;
    }
    return true;
}

void Courier::close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
}

std::size_t Courier::drain(Steady::time_point until) {
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, until, [this] { return queue_.empty() && !busy_; });
    return queue_.size() + (busy_ ? 1 : 0);
}

void Courier::work(const std::stop_token& stop) {
    for (;;) {
        Waiting one;
        {
            std::unique_lock lock(mutex_);
            busy_ = false;
            changed_.notify_all();
            if (!changed_.wait(lock, stop, [this] { return !queue_.empty(); })) {
                return;
            }
            one = std::move(queue_.front());
            queue_.pop_front();
            busy_ = true;
        }
        auto outcome = deliver(one, stop);
        if (stop.stop_requested()) {
            return;  // still busy: it was not delivered
        }
        office_.report(std::move(outcome));
    }
}

Outcome Courier::given_up(const Message& message, Error why) const {
    return {hook_, std::move(why), message.number, false, address_number_};
}

Outcome Courier::deliver(const Waiting& one, const std::stop_token& stop) {
    const auto& limits = office_.limits;
    const s3::RetryPolicy policy{limits.first_pause, limits.longest_pause, limits.tried_for, {}};
    Outcome outcome{hook_, std::nullopt, one.message.number};
    for (int tries = 1;; ++tries) {
        std::optional<Secret> address;
        {
            const std::lock_guard lock(mutex_);
            address = address_;
            outcome.address = address_number_;
        }
        if (!address) {
            outcome.error = error_of(hook_, "it was taken out of the settings before a message was delivered");
            return outcome;
        }
        auto failure = failure_of(attempt(*address, one.message, stop), hook_, os::TimePoint::clock::now());
        if (!failure) {
            return outcome;
        }
        const bool final = failure->error.kind != ErrorKind::temporary;
        const auto wait = final ? milliseconds(0) : s3::backoff(policy, tries, failure->retry_after, dice());
        const bool too_late = Steady::now() + wait > one.said + limits.tried_for;
        if (too_late || !pause(wait, outcome.address, stop) || (final && address_number() == outcome.address)) {
            outcome.error = std::move(failure->error);
            return outcome;
        }
    }
}

s3::HttpReply Courier::attempt(const Secret& address, const Message& message, const std::stop_token& stop) {
    s3::HttpRequest request;
    request.method = "POST";
    request.url = with_leaf(address.reveal(), message.leaf);
    request.headers = {{"user-agent", office_.user_agent}, {"content-type", message.type}};
    request.body = stream::as_bytes(message.body);
    request.largest_reply = office_.limits.largest_reply;
    request.stall_after = office_.limits.stall_after;
    request.reply_within = office_.limits.reply_within;
    // A connection of its own, gone with the try: the next one may be a day away, and the memory of TLS is not small.
    return office_.connect()->perform(request, stop);
}

bool Courier::pause(milliseconds time, std::uint64_t number, const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    const auto is_over = [this] { return closed_ || (hook_ == health::Hook::ping && !queue_.empty()); };
    (void)changed_.wait_for(lock, stop, time, [&] { return is_over() || address_number_ != number; });
    return !is_over() && !stop.stop_requested();
}

}  // namespace lifeboat::notify
