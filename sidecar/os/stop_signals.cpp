#include "os/stop_signals.hpp"

#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <csignal>
#include <cstdint>

namespace lifeboat::os {
namespace {

sigset_t stop_set() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGUSR1);  // ends the watcher itself
    return set;
}

}  // namespace

StopSignals::StopSignals() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);  // a limit on file sizes is an error of the write, not the end of us
    const sigset_t set = stop_set();
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    watcher_ = std::jthread([this](const std::stop_token& end) { watch(end); });
}

StopSignals::~StopSignals() {
    watcher_.request_stop();
    pthread_kill(watcher_.native_handle(), SIGUSR1);
}

std::optional<int> StopSignals::received() const noexcept {
    const int signal = received_.load();
    return signal == 0 ? std::nullopt : std::optional(signal);
}

void StopSignals::watch(const std::stop_token& end) {
    const sigset_t set = stop_set();
    while (!end.stop_requested()) {
        int signal = 0;
        if (sigwait(&set, &signal) != 0 || signal == SIGUSR1) {
            continue;
        }
        take(signal);
        const std::uint64_t one = 1;
        (void)!::write(event_.get(), &one, sizeof one);
    }
}

void StopSignals::take(int signal) {
    if (service_ && signal == SIGHUP) {
        hangup_ = true;
        return;
    }
    if (received_.exchange(signal) != 0) {
        ::_exit(service_ ? 0 : 128 + signal);
    }
    stop_.request_stop();
}

void StopSignals::forget_event() const noexcept {
    std::uint64_t count = 0;
    (void)!::read(event_.get(), &count, sizeof count);
}

}  // namespace lifeboat::os
