#include "typed_key.hpp"

#include "os/fd.hpp"

#include <poll.h>
#include <termios.h>
#include <unistd.h>
#include <array>
#include <cstdio>

namespace lifeboat::cli {
namespace {

constexpr int stop_poll_ms = 50;

// The terminal does not show what is typed, until this is gone.
class Unseen {
public:
    Unseen() : terminal_(::isatty(STDIN_FILENO) == 1 && ::tcgetattr(STDIN_FILENO, &before_) == 0) {
        if (!terminal_) {
            return;
        }
        termios unseen = before_;
        unseen.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        ::tcsetattr(STDIN_FILENO, TCSANOW, &unseen);
        std::fputs("lifeboat: type or paste the key (it is not shown), then Enter and Ctrl-D\n", stderr);
    }
    Unseen(const Unseen&) = delete;
    Unseen& operator=(const Unseen&) = delete;
    ~Unseen() {
        if (terminal_) {
            ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
        }
    }

private:
    termios before_{};
    bool terminal_;
};

}  // namespace

Result<std::string> read_typed_key(std::size_t limit, const std::stop_token& stop) {
    const Unseen unseen;
    std::string text;
    std::array<std::byte, 4096> buffer{};
    for (;;) {
        if (stop.stop_requested()) {
            return Error{ErrorKind::interrupted, "stopped while waiting for the key on standard input", {}};
        }
        pollfd entry{STDIN_FILENO, POLLIN, 0};
        if (::poll(&entry, 1, stop_poll_ms) <= 0) {
            continue;
        }
        auto got = os::read_some(STDIN_FILENO, buffer);
        if (!got) {
            return in_context("standard input", std::move(got).error());
        }
        if (*got == 0) {
            return text;
        }
        if (text.size() + *got > limit) {
            return failed("standard input is larger than " + std::to_string(limit) + " bytes");
        }
        text.append(reinterpret_cast<const char*>(buffer.data()), *got);  // NOLINT(*-reinterpret-cast)
    }
}

}  // namespace lifeboat::cli
