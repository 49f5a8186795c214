#include "os/fd.hpp"

#include "os/errno_text.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <array>
#include <cerrno>

namespace lifeboat::os {

void Fd::reset() noexcept {
    if (fd_ >= 0) {
        ::close(std::exchange(fd_, -1));
    }
}

void keep_standard_streams() noexcept {
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; ++fd) {
        if (::fcntl(fd, F_GETFD) < 0 && errno == EBADF) {
            (void)::open("/dev/null", O_RDWR);  // takes the lowest free number, which is this one
        }
    }
}

Result<Pipe> make_pipe(std::size_t capacity) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        return failed("cannot make a pipe: " + errno_text(errno));
    }
    Pipe pipe{Fd(ends[0]), Fd(ends[1])};
    (void)::fcntl(ends[1], F_SETPIPE_SZ, static_cast<int>(capacity));
    return pipe;
}

Result<std::size_t> read_some(int fd, std::span<std::byte> into) {
    for (;;) {
        const ssize_t got = ::read(fd, into.data(), into.size());
        if (got >= 0) {
            return static_cast<std::size_t>(got);
        }
        if (errno != EINTR) {
            return failed("cannot read: " + errno_text(errno));
        }
    }
}

int write_all(int fd, std::span<const std::byte> bytes) noexcept {
    while (!bytes.empty()) {
        const ssize_t put = ::write(fd, bytes.data(), bytes.size());
        if (put >= 0) {
            bytes = bytes.subspan(static_cast<std::size_t>(put));
        } else if (errno != EINTR) {
            return errno;
        }
    }
    return 0;
}

Result<std::string> read_all(int fd, const std::string& name, std::size_t limit) {
    std::string text;
    std::array<std::byte, 16384> buffer{};
    for (;;) {
        auto got = read_some(fd, buffer);
        if (!got) {
            return in_context(name, std::move(got).error());
        }
        if (*got == 0) {
            return text;
        }
        if (text.size() + *got > limit) {
            return failed(name + " is larger than " + std::to_string(limit) + " bytes");
        }
        text.append(reinterpret_cast<const char*>(buffer.data()), *got);  // NOLINT(*-reinterpret-cast)
    }
}

Result<std::string> read_file(const std::string& path, std::size_t limit) {
    const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) {
        const int error = errno;
        return Error{error == ENOENT ? ErrorKind::not_found : ErrorKind::failed,
                     "cannot open " + path + ": " + errno_text(error),
                     error == EACCES ? "let this user read it" : "check the path"};
    }
    return read_all(fd.get(), path, limit);
}

}  // namespace lifeboat::os
