#include "notify/sender.hpp"

#include "courier.hpp"
#include "os/errno_text.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace lifeboat::notify {

// What happened, for the one thread that asks.
class Sender::Ledger {
public:
    Ledger(int event, Office office) : event_(event), office_(std::move(office)) {
        office_.report = [this](Outcome outcome) { add(std::move(outcome)); };
    }

    [[nodiscard]] const Office& office() const { return office_; }

    std::vector<Outcome> take() {
        const std::lock_guard lock(mutex_);
        std::uint64_t count = 0;
        (void)!::read(event_, &count, sizeof count);
        return std::exchange(outcomes_, {});
    }

private:
    void add(Outcome outcome) {
        const std::lock_guard lock(mutex_);
        outcomes_.push_back(std::move(outcome));
        const std::uint64_t one = 1;
        (void)!::write(event_, &one, sizeof one);
    }

    const int event_;
    Office office_;
    std::mutex mutex_;
    std::vector<Outcome> outcomes_;
};

Result<std::unique_ptr<Sender>> Sender::open(const std::string& version,
                                             std::function<std::unique_ptr<s3::Transport>()> connect,
                                             const SenderLimits& limits) {
    os::Fd event(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!event) {
        return Error{ErrorKind::temporary, "cannot make an event: " + os::errno_text(errno),
                     "raise the limit on open files"};
    }
    auto ledger = std::make_unique<Ledger>(event.get(), Office{"Lifeboat/" + version, std::move(connect), limits, {}});
    return std::unique_ptr<Sender>(new Sender(std::move(ledger), std::move(event)));
}

Sender::Sender(std::unique_ptr<Ledger> ledger, os::Fd event) : event_(std::move(event)), ledger_(std::move(ledger)) {
    for (const auto hook : health::hooks) {
        couriers_.at(static_cast<std::size_t>(hook)) = std::make_unique<Courier>(hook, ledger_->office());
    }
}

Sender::~Sender() {
    for (const auto& courier : couriers_) {
        courier->stop();  // all of them, before the first one is waited for
    }
}

std::array<bool, health::hooks.size()> Sender::use(const Addresses& addresses) {
    std::array<bool, health::hooks.size()> changed{};
    for (std::size_t i = 0; i < couriers_.size(); ++i) {
        changed.at(i) = couriers_.at(i)->use(addresses.at(i));
    }
    return changed;
}

Wanted Sender::wanted() const {
    const auto is = [this](health::Hook hook) { return couriers_.at(static_cast<std::size_t>(hook))->wanted(); };
    return {is(health::Hook::on_failure), is(health::Hook::on_success), is(health::Hook::ping)};
}

void Sender::send(Message message) {
    auto& courier = *couriers_.at(static_cast<std::size_t>(message.hook));
    courier.send(std::move(message));
}

std::vector<Outcome> Sender::outcomes() {
    auto outcomes = ledger_->take();
    for (auto& outcome : outcomes) {
        outcome.readdressed = couriers_.at(static_cast<std::size_t>(outcome.hook))->address_number() != outcome.address;
    }
    return outcomes;
}

void Sender::close() {
    for (const auto& courier : couriers_) {
        courier->close();
    }
}

std::size_t Sender::drain(std::chrono::steady_clock::time_point until) {
    std::size_t left = 0;
    for (const auto& courier : couriers_) {
        left += courier->drain(until);
    }
    return left;
}

}  // namespace lifeboat::notify
