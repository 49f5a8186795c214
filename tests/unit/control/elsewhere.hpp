// What needs another process: as another user, or alone in a network of its own.
#pragma once

#include "os/fd.hpp"
#include "sockets.hpp"

#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <functional>
#include <optional>
#include <string>
#include <utility>

namespace lifeboat::control {

inline constexpr uid_t somebody_else = 65533;

// A forked process; what its body returns can be read from `said`. Killed with this object.
class Elsewhere {
public:
    explicit Elsewhere(const std::function<std::string(int)>& body) {
        auto pipe = os::make_pipe();
        said_ = std::move(pipe->read_end);
        process_ = ::fork();
        if (process_ == 0) {
            ::alarm(2 * patience_ms / 1000);
            const std::string text = body(pipe->write_end.get());
            (void)!::write(pipe->write_end.get(), text.data(), text.size());
            ::_exit(0);
        }
    }
    Elsewhere(const Elsewhere&) = delete;
    Elsewhere& operator=(const Elsewhere&) = delete;
    ~Elsewhere() {
        ::kill(process_, SIGKILL);
        ::waitpid(process_, nullptr, 0);
    }

    [[nodiscard]] int said() const { return said_.get(); }

    [[nodiscard]] std::string whole_word() const {
        return os::read_all(said_.get(), "the other process", 1U << 20U).value();
    }

private:
    os::Fd said_;
    pid_t process_ = -1;
};

inline bool can_become_somebody_else() {
    return ::geteuid() == 0;
}

// What `body` returns, run in a network namespace that holds no other socket. Empty where the system allows none.
inline std::optional<std::string> alone(const std::function<std::string()>& body) {
    const Elsewhere process([&](int) -> std::string {
        if (::unshare(CLONE_NEWNET) != 0 && ::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) {
            return "not possible";
        }
        return "did: " + body();
    });
    const std::string word = process.whole_word();
    return word.rfind("did: ", 0) == 0 ? std::optional(word.substr(5)) : std::nullopt;
}

}  // namespace lifeboat::control
