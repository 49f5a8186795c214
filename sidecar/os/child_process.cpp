#include "os/child_process.hpp"

#include "os/errno_text.hpp"

#include <fcntl.h>
#include <grp.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <csignal>
#include <mutex>
#include <thread>

namespace lifeboat::os {
namespace {

// argv or envp for execve: pointers into strings that outlive the call.
std::vector<char*> pointers(const std::vector<std::string>& texts, const std::string* first = nullptr) {
    std::vector<char*> list;
    list.reserve(texts.size() + 2);
    if (first != nullptr) {
        list.push_back(const_cast<char*>(first->c_str()));  // NOLINT(*-const-cast): execve's signature
    }
    for (const auto& text : texts) {
        list.push_back(const_cast<char*>(text.c_str()));  // NOLINT(*-const-cast)
    }
    list.push_back(nullptr);
    return list;
}

struct Plan {
    const char* program;
    char* const* argv;
    char* const* envp;
    int in;
    int out;
    int err;
    const std::vector<int>* inherited;
    const std::optional<std::uint64_t>* address_space;
    pid_t parent;
    const ChildOptions* options;
};

bool put_on(const NetworkFilter& filter) noexcept {
    // The kernel only reads it.
    const sock_fprog program{static_cast<unsigned short>(filter.program().size()),
                             const_cast<sock_filter*>(filter.program().data())};  // NOLINT(*-const-cast)
    return ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

// What it may reach, in the order in which it still may ask for it.
bool confine(const ChildOptions& options) noexcept {
    if (options.leave_network) {
        (void)::unshare(CLONE_NEWNET);  // needs rights that not everybody has
    }
    if (options.user) {
        const auto [user, group] = *options.user;
        if (::setgroups(0, nullptr) != 0 || ::setresgid(group, group, group) != 0 ||
            ::setresuid(user, user, user) != 0) {
            return false;
        }
    }
    if (!options.folder.empty() && ::chdir(options.folder.c_str()) != 0) {
        return false;
    }
    if ((options.fence != nullptr || options.network_filter != nullptr) &&
        ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return false;
    }
    if (options.fence != nullptr && ::syscall(SYS_landlock_restrict_self, options.fence->get(), 0) != 0) {
        return false;
    }
    return options.network_filter == nullptr || put_on(*options.network_filter);
}

// Between fork and exec, in a process whose other threads are gone: system calls only, no allocation.
void become(const Plan& plan) noexcept {
    ::setpgid(0, 0);
    if (!confine(*plan.options)) {
        return;
    }
    ::prctl(PR_SET_PDEATHSIG, plan.options->death_signal);  // a change of the user had cleared it
    if (::getppid() != plan.parent) {
        ::_exit(127);  // the parent died before the line above took effect
    }
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::signal(SIGPIPE, SIG_DFL);
    ::signal(SIGXFSZ, SIG_DFL);
    if (::dup2(plan.in, 0) < 0 || ::dup2(plan.out, 1) < 0 || ::dup2(plan.err, 2) < 0) {
        return;
    }
    for (const int fd : *plan.inherited) {
        if (::fcntl(fd, F_SETFD, 0) != 0) {
            return;
        }
    }
    if (plan.address_space->has_value()) {
        const rlimit limit{plan.address_space->value(), plan.address_space->value()};
        if (::setrlimit(RLIMIT_AS, &limit) != 0) {
            return;
        }
    }
    ::execve(plan.program, plan.argv, plan.envp);
}

// Empty when exec succeeded (the pipe closed by itself), else its errno.
std::optional<int> exec_error(int report) {
    int error = 0;
    ssize_t got = 0;
    do {
        got = ::read(report, &error, sizeof error);
    } while (got < 0 && errno == EINTR);
    return got == static_cast<ssize_t>(sizeof error) ? std::optional(error) : std::nullopt;
}

}  // namespace

std::string ExitState::text() const {
    return signal ? "killed by signal " + std::to_string(*signal) : "exit code " + std::to_string(code.value_or(-1));
}

Result<ChildProcess> ChildProcess::start(const ChildOptions& options) {
    const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
    if (!null) {
        return failed("cannot open /dev/null: " + errno_text(errno));
    }
    constexpr std::size_t data_pipe = std::size_t{1} << 20U;  // fewer switches between child and reader
    Pipe in;
    Pipe out;
    for (auto& [wanted, pipe] : {std::pair{options.pipe_stdin, &in}, std::pair{options.pipe_stdout, &out}}) {
        if (wanted) {
            auto made = make_pipe(data_pipe);
            if (!made) {
                return std::move(made).error();
            }
            *pipe = std::move(*made);
        }
    }
    Pipe err;
    if (options.own_stderr) {
        auto made = make_pipe();
        if (!made) {
            return std::move(made).error();
        }
        err = std::move(*made);
    }
    auto report = make_pipe();
    if (!report) {
        return std::move(report).error();
    }

    const auto argv = pointers(options.arguments, &options.program);
    const auto envp = pointers(options.environment);
    const Plan plan{options.program.c_str(),
                    argv.data(),
                    envp.data(),
                    options.pipe_stdin ? in.read_end.get() : null.get(),
                    options.pipe_stdout ? out.write_end.get() : null.get(),
                    options.own_stderr ? err.write_end.get() : STDERR_FILENO,
                    &options.inherited,
                    &options.address_space,
                    ::getpid(),
                    &options};
    const pid_t pid = ::fork();
    if (pid < 0) {
        return Error{ErrorKind::temporary, "cannot start " + options.program + ": " + errno_text(errno),
                     "check the limits on memory and processes"};
    }
    if (pid == 0) {
        become(plan);
        const int error = errno;
        (void)!::write(report->write_end.get(), &error, sizeof error);
        ::_exit(127);
    }
    ::setpgid(pid, pid);  // also here: whoever comes first, a signal to the group must not miss
    ChildProcess child(pid, Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))));
    child.stdin_ = std::move(in.write_end);
    child.stdout_ = std::move(out.read_end);
    child.stderr_ = std::move(err.read_end);
    report->write_end.reset();
    if (const auto error = exec_error(report->read_end.get())) {
        child.wait();
        return failed("cannot run " + options.program + ": " + errno_text(*error));
    }
    return child;
}

struct ChildProcess::Life {
    std::mutex mutex;
    pid_t pid;
    std::optional<ExitState> exit;  // once set, the process id may be someone else's

    explicit Life(pid_t id) : pid(id) {}
};

ChildProcess::ChildProcess(pid_t pid, Fd end_fd) : life_(std::make_unique<Life>(pid)), end_fd_(std::move(end_fd)) {}

ChildProcess::ChildProcess(ChildProcess&&) noexcept = default;

ChildProcess::~ChildProcess() {
    if (life_) {
        signal(SIGKILL);
        wait();
    }
}

void ChildProcess::signal(int signal) noexcept {
    const std::lock_guard lock(life_->mutex);
    if (!life_->exit) {
        ::kill(-life_->pid, signal);
    }
}

pid_t ChildProcess::id() const noexcept {
    return life_->pid;
}

std::optional<ExitState> ChildProcess::ended() {
    return gone() ? std::optional(wait()) : std::nullopt;
}

std::optional<ExitState> ChildProcess::wait(const std::stop_token& stop) {
    // A child that ends is seen at once by those who wait long for it, and costs the others few wake-ups.
    auto pause = std::chrono::milliseconds(1);
    while (!gone()) {
        if (stop.stop_requested()) {
            return std::nullopt;
        }
        std::this_thread::sleep_for(pause);
        pause = std::min(pause * 2, std::chrono::milliseconds(50));
    }
    return wait();
}

ExitState ChildProcess::end(std::chrono::milliseconds grace) {
    signal(SIGTERM);
    const auto deadline = std::chrono::steady_clock::now() + grace;
    while (!gone() && std::chrono::steady_clock::now() < deadline) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    signal(SIGKILL);
    return wait();
}

bool ChildProcess::gone() const noexcept {
    siginfo_t info{};
    return ::waitid(P_PID, static_cast<id_t>(life_->pid), &info, WEXITED | WNOWAIT | WNOHANG) != 0 || info.si_pid != 0;
}

ExitState ChildProcess::wait() {
    // First without reaping, so that no other thread's signal can meet a process id that was given away.
    siginfo_t info{};
    while (::waitid(P_PID, static_cast<id_t>(life_->pid), &info, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
    }
    const std::lock_guard lock(life_->mutex);
    if (!life_->exit) {
        int status = 0;
        while (::waitpid(life_->pid, &status, 0) < 0 && errno == EINTR) {
        }
        life_->exit = WIFSIGNALED(status) ? ExitState{std::nullopt, WTERMSIG(status)}
                                          : ExitState{WEXITSTATUS(status), std::nullopt};
    }
    return *life_->exit;
}

}  // namespace lifeboat::os
