#include "os/process.hpp"

#include "os/fd.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <algorithm>
#include <span>
#include <string_view>

namespace lifeboat::os {

bool offer_to_die_first() noexcept {
    constexpr std::string_view most = "1000";
    const Fd file(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
    return file && write_all(file.get(), std::as_bytes(std::span(most))) == 0;
}

void adopt_orphans() noexcept {
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
}

void reap_orphans(const std::vector<pid_t>& ours) noexcept {
    // A look at one ended child shows the same one until it is reaped: behind one of `ours` the others wait for the
    // next call, and it is not there for long.
    siginfo_t info{};
    while (::waitid(P_ALL, 0, &info, WEXITED | WNOWAIT | WNOHANG) == 0 && info.si_pid != 0) {
        if (std::find(ours.begin(), ours.end(), info.si_pid) != ours.end()) {
            return;
        }
        ::waitpid(info.si_pid, nullptr, WNOHANG);
        info = {};
    }
}

}  // namespace lifeboat::os
