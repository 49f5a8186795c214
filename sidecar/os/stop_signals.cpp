#include "os/stop_signals.hpp"

#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <algorithm>
#include <csignal>
#include <cstdint>

namespace lifeboat::os {
namespace {

sigset_t heard_signals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGUSR1);  // ends the watcher itself
    return set;
}

// The next of them; none when `deadline` came first.
std::optional<int> next_signal(const std::optional<std::chrono::steady_clock::time_point>& deadline) {
    const sigset_t set = heard_signals();
    if (!deadline) {
        int signal = 0;
        return sigwait(&set, &signal) == 0 ? signal : SIGCHLD;  // which says nothing but: look around
    }
    const auto left = std::max(*deadline - std::chrono::steady_clock::now(), std::chrono::nanoseconds(0));
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
    const timespec wait{seconds.count(), (left - seconds).count()};
    const int signal = sigtimedwait(&set, nullptr, &wait);
    if (signal > 0) {
        return signal;
    }
    return std::chrono::steady_clock::now() < *deadline ? std::optional(SIGCHLD) : std::nullopt;
}

}  // namespace

StopSignals::StopSignals() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);  // a limit on file sizes is an error of the write, not the end of us
    std::signal(SIGCHLD, SIG_DFL);  // whoever started us may have it ignored, and nobody could wait for a child then
    const sigset_t set = heard_signals();
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

StopSignals::~StopSignals() {
    if (watcher_.joinable()) {
        watcher_.request_stop();
        pthread_kill(watcher_.native_handle(), SIGUSR1);
    }
}

void StopSignals::listen(Role role, std::chrono::milliseconds patience) {
    role_ = role;
    patience_ = patience;
    watcher_ = std::jthread([this](const std::stop_token& end) { watch(end); });
}

std::optional<int> StopSignals::received() const noexcept {
    const int signal = received_.load();
    return signal == 0 ? std::nullopt : std::optional(signal);
}

void StopSignals::watch(const std::stop_token& end) {
    while (!end.stop_requested()) {
        const auto signal = next_signal(leave_by_);
        if (!signal) {
            leave();
        } else if (*signal != SIGUSR1) {
            take(*signal);
        }
    }
}

void StopSignals::take(int signal) {
    if (signal == SIGHUP && role_ == Role::service) {
        hangup_ = true;
    } else if (signal != SIGCHLD) {
        if (received_.exchange(signal) != 0) {
            leave();
        }
        if (role_ == Role::service) {
            leave_by_ = Steady::now() + patience_;
        }
        stop_.request_stop();
    }
    if (signal != SIGCHLD || role_ == Role::service) {
        const std::uint64_t one = 1;
        (void)!::write(event_.get(), &one, sizeof one);
    }
}

void StopSignals::leave() const {
    ::_exit(role_ == Role::service ? 0 : 128 + received_.load());
}

void StopSignals::forget_event() const noexcept {
    std::uint64_t count = 0;
    (void)!::read(event_.get(), &count, sizeof count);
}

}  // namespace lifeboat::os
