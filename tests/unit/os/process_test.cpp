#include "os/process.hpp"

#include "forked.hpp"
#include "os/child_process.hpp"
#include "os/fd.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstdlib>

namespace lifeboat::os {
namespace {

// In the forked process: ends it with `code`, which names what went wrong.
void check(bool good, int code) {
    if (!good) {
        ::_exit(code);
    }
}

// A child that has ended and waits to be reaped.
pid_t ended_child() {
    const pid_t pid = ::fork();
    if (pid == 0) {
        ::_exit(0);
    }
    siginfo_t info{};
    check(::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT) == 0, 90);
    return pid;
}

bool is_there(pid_t pid) {
    return ::kill(pid, 0) == 0;  // also one that only waits to be reaped
}

TEST(OfferToDieFirst, SaysSoToTheKernelAndForLaterChildrenToo) {
    const int status = forked([] {
        check(offer_to_die_first(), 1);
        check(read_file("/proc/self/oom_score_adj", 100).value() == "1000\n", 2);
        ChildOptions options;
        options.program = "/bin/cat";
        options.arguments = {"/proc/self/oom_score_adj"};
        options.pipe_stdout = true;
        auto child = ChildProcess::start(options);
        check(read_all(child->standard_output().get(), "cat", 100).value() == "1000\n", 3);
        child->wait();
        ::_exit(0);
    });
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(AdoptOrphans, MakesTheirsOurs) {
    const int status = forked([] {
        adopt_orphans();
        auto pipe = make_pipe();
        const pid_t child = ::fork();
        if (child == 0) {
            if (const pid_t orphan = ::fork(); orphan != 0) {
                (void)!::write(pipe->write_end.get(), &orphan, sizeof orphan);
                ::_exit(0);
            }
            ::_exit(7);
        }
        pid_t orphan = 0;
        check(::read(pipe->read_end.get(), &orphan, sizeof orphan) == sizeof orphan, 1);
        check(::waitpid(child, nullptr, 0) == child, 2);
        int end = 0;
        check(::waitpid(orphan, &end, 0) == orphan, 3);
        ::_exit(WEXITSTATUS(end) == 7 ? 0 : 4);
    });
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(ReapOrphans, ReapsAllThatEndedAndNotOurs) {
    const int status = forked([] {
        const pid_t first = ended_child();
        const pid_t second = ended_child();
        reap_orphans({});
        check(!is_there(first) && !is_there(second), 1);

        const pid_t ours = ended_child();
        reap_orphans({ours});
        check(is_there(ours), 2);
        const pid_t later = ended_child();
        ::waitpid(ours, nullptr, 0);
        reap_orphans({ours});
        check(!is_there(later), 3);
        ::_exit(0);
    });
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(ReapOrphans, WaitsForNobody) {
    const int status = forked([] {
        reap_orphans({});  // there are none
        ChildOptions options;
        options.program = "/bin/cat";
        options.pipe_stdin = true;  // reads until that is closed
        auto child = ChildProcess::start(options);
        reap_orphans({});
        check(is_there(child->id()), 1);
        child->standard_input().reset();
        check(child->wait().success(), 2);
        ::_exit(0);
    });
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace lifeboat::os
