#include "os/stop_signals.hpp"

#include "forked.hpp"
#include "os/fd.hpp"

#include <gtest/gtest.h>

#include <poll.h>
#include <cerrno>
#include <csignal>
#include <semaphore>

namespace lifeboat::os {
namespace {

using Role = StopSignals::Role;

// In the forked process: sends `signal` to it and returns once the stop was requested.
void stop_by(int signal, const StopSignals& signals) {
    std::binary_semaphore requested(0);
    const std::stop_callback on_stop(signals.token(), [&requested] { requested.release(); });
    ::kill(::getpid(), signal);
    requested.acquire();
}

bool exited_with(int status, int code) {
    return WIFEXITED(status) && WEXITSTATUS(status) == code;
}

TEST(StopSignals, RequestsTheStopAtTheFirstSignal) {
    for (const int signal : {SIGTERM, SIGINT}) {
        const int status = forked([signal] {
            StopSignals signals;
            signals.listen(Role::command);
            const bool calm = !signals.token().stop_requested() && !signals.received();
            stop_by(signal, signals);
            ::_exit(calm && signals.received() == signal ? 0 : 1);
        });
        EXPECT_TRUE(exited_with(status, 0)) << "signal " << signal;
    }
}

TEST(StopSignals, EndsTheProcessAtTheSecondSignal) {
    const int status = forked([] {
        StopSignals signals;
        signals.listen(Role::command);
        stop_by(SIGTERM, signals);
        ::kill(::getpid(), SIGINT);
        for (;;) {
            ::pause();  // a job that does not heed the first one
        }
    });
    EXPECT_TRUE(exited_with(status, 128 + SIGINT));
}

TEST(StopSignals, HearsWhatCameBeforeItListened) {
    for (const Role role : {Role::command, Role::service}) {
        const int status = forked([role] {
            StopSignals signals;
            ::kill(::getpid(), SIGTERM);
            std::binary_semaphore requested(0);
            const std::stop_callback on_stop(signals.token(), [&requested] { requested.release(); });
            signals.listen(role);
            requested.acquire();
            ::_exit(signals.received() == SIGTERM ? 0 : 1);
        });
        EXPECT_TRUE(exited_with(status, 0));
    }
}

// Waits for the event of a signal, and takes it.
bool event_of(const StopSignals& signals) {
    pollfd entry{signals.event_fd(), POLLIN, 0};
    const bool came = ::poll(&entry, 1, patience_s * 1000) == 1;
    signals.forget_event();
    return came;
}

TEST(StopSignals, OfAServiceReadTheSettingsAgainOnHangup) {
    const int status = forked([] {
        StopSignals signals;
        ::kill(::getpid(), SIGHUP);
        signals.listen(Role::service);
        const bool asked = event_of(signals) && signals.take_hangup() && !signals.take_hangup();
        ::_exit(asked && !signals.token().stop_requested() ? 0 : 1);
    });
    EXPECT_TRUE(exited_with(status, 0));
}

TEST(StopSignals, OfAServiceTellOfAChildsEnd) {
    const int status = forked([] {
        StopSignals signals;
        signals.listen(Role::service);
        if (::fork() == 0) {
            ::_exit(0);
        }
        ::_exit(event_of(signals) && !signals.token().stop_requested() ? 0 : 1);
    });
    EXPECT_TRUE(exited_with(status, 0));
}

TEST(StopSignals, OfAServiceEndItWellAtTheSecondSignal) {
    const int status = forked([] {
        StopSignals signals;
        signals.listen(Role::service);
        stop_by(SIGTERM, signals);
        ::kill(::getpid(), SIGTERM);
        for (;;) {
            ::pause();
        }
    });
    EXPECT_TRUE(exited_with(status, 0));
}

TEST(StopSignals, OfAServiceDoNotWaitForEverForItsEnd) {
    const int status = forked([] {
        StopSignals signals;
        signals.listen(Role::service, std::chrono::milliseconds(20));
        ::kill(::getpid(), SIGTERM);
        for (;;) {
            ::pause();  // as if a file system did not answer
        }
    });
    EXPECT_TRUE(exited_with(status, 0));
}

TEST(StopSignals, LetChildrenBeWaitedForWhereTheyWereIgnored) {
    const int status = forked([] {
        std::signal(SIGCHLD, SIG_IGN);
        StopSignals signals;
        signals.listen(StopSignals::Role::command);
        const pid_t pid = ::fork();
        if (pid == 0) {
            ::_exit(7);
        }
        int end = 0;
        ::_exit(::waitpid(pid, &end, 0) == pid && exited_with(end, 7) ? 0 : 1);
    });
    EXPECT_TRUE(exited_with(status, 0));
}

TEST(StopSignals, TurnsABrokenPipeIntoAnError) {
    const int status = forked([] {
        StopSignals signals;
        signals.listen(StopSignals::Role::command);
        auto pipe = make_pipe();
        pipe->read_end.reset();
        const std::byte byte{};
        ::_exit(write_all(pipe->write_end.get(), std::span(&byte, 1)) == EPIPE ? 0 : 1);
    });
    EXPECT_TRUE(exited_with(status, 0));
}

TEST(StopSignals, GoesAwayWithoutASignal) {
    const int status = forked([] {
        { StopSignals signals; }
        {
            StopSignals signals;
            signals.listen(Role::service);
        }
        ::_exit(0);
    });
    EXPECT_TRUE(exited_with(status, 0));
}

// In the forked process: whether the event comes, and is gone once it was forgotten.
bool event_comes(const StopSignals& signals) {
    pollfd entry{signals.event_fd(), POLLIN, 0};
    const bool came = ::poll(&entry, 1, patience_s * 1000) == 1;
    signals.forget_event();
    return came && ::poll(&entry, 1, 0) == 0;
}

TEST(StopSignals, WakeAPollLoop) {
    const int status = forked([] {
        StopSignals signals;
        signals.listen(StopSignals::Role::command);
        signals.forget_event();  // there is none: must not wait for one
        pollfd entry{signals.event_fd(), POLLIN, 0};
        const bool calm = ::poll(&entry, 1, 0) == 0;
        ::kill(::getpid(), SIGTERM);
        ::_exit(calm && event_comes(signals) && signals.token().stop_requested() ? 0 : 1);
    });
    EXPECT_TRUE(exited_with(status, 0));
}

TEST(StopSignals, OfAServiceTakeAHangupForARequest) {
    const int status = forked([] {
        StopSignals signals;
        signals.listen(StopSignals::Role::service);
        if (signals.take_hangup()) {
            ::_exit(1);
        }
        for (int i = 0; i < 3; ++i) {
            ::kill(::getpid(), SIGHUP);
            if (!event_comes(signals) || !signals.take_hangup() || signals.take_hangup()) {
                ::_exit(2);
            }
        }
        ::_exit(signals.token().stop_requested() || signals.received() ? 3 : 0);
    });
    EXPECT_TRUE(exited_with(status, 0)) << WEXITSTATUS(status);
}

TEST(StopSignals, OfAnythingElseEndItAtAHangup) {
    const int status = forked([] {
        StopSignals signals;
        signals.listen(StopSignals::Role::command);
        stop_by(SIGHUP, signals);
        ::_exit(signals.take_hangup() || signals.received() != SIGHUP ? 1 : 0);
    });
    EXPECT_TRUE(exited_with(status, 0));
}

TEST(StopSignals, OfAServiceEndItInOrderWhenAskedTwice) {
    const int status = forked([] {
        StopSignals signals;
        signals.listen(StopSignals::Role::service);
        stop_by(SIGTERM, signals);
        ::kill(::getpid(), SIGTERM);
        for (;;) {
            ::pause();  // a child of it will not end
        }
    });
    EXPECT_TRUE(exited_with(status, 0));
}

}  // namespace
}  // namespace lifeboat::os
