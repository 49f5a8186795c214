// File descriptors with an owner.
#pragma once

#include "result/result.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <utility>

namespace lifeboat::os {

// Owns one descriptor and closes it. Everything this project opens is close-on-exec.
class Fd {
public:
    Fd() = default;
    explicit Fd(int fd) noexcept : fd_(fd) {}
    Fd(const Fd&) = delete;
    Fd& operator=(const Fd&) = delete;
    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Fd& operator=(Fd&& other) noexcept {
        if (this != &other) {
            reset();
            fd_ = std::exchange(other.fd_, -1);
        }
        return *this;
    }
    ~Fd() { reset(); }

    [[nodiscard]] int get() const noexcept { return fd_; }
    [[nodiscard]] int release() noexcept { return std::exchange(fd_, -1); }
    explicit operator bool() const noexcept { return fd_ >= 0; }
    void reset() noexcept;

private:
    int fd_ = -1;
};

// First thing in main: opens /dev/null in place of any of standard input, output and error that the caller closed.
// Otherwise the next file that is opened gets its number, and what is logged or printed goes into that file.
void keep_standard_streams() noexcept;

struct Pipe {
    Fd read_end;
    Fd write_end;
};

// Asks the kernel for a buffer of `capacity` bytes, and takes what it gives.
Result<Pipe> make_pipe(std::size_t capacity = 65536);

// What read(2) gives, made whole across EINTR; 0 at the end of the file.
Result<std::size_t> read_some(int fd, std::span<std::byte> into);

// Writes everything, across short writes and EINTR. errno 0 on success, else the errno of the write that failed.
int write_all(int fd, std::span<const std::byte> bytes) noexcept;

// A whole small file. `limit` in bytes: a longer file is an error.
Result<std::string> read_file(const std::string& path, std::size_t limit);

// Everything up to the end of `fd`; more than `limit` bytes is an error. `name` is for messages.
Result<std::string> read_all(int fd, const std::string& name, std::size_t limit);

}  // namespace lifeboat::os
