// Bare sockets, as a client or a server in disorder would use them, and names that nobody else has.
#pragma once

#include "os/fd.hpp"
#include "os/random.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <string>
#include <utility>

namespace lifeboat::control {

// Long enough for any machine; only a failing test waits that long.
inline constexpr int patience_ms = 20'000;

inline std::string some_instance() {
    return "unit-test-" + os::random_hex(8);
}

struct BareAddress {
    sockaddr_un bytes{};
    socklen_t length;

    explicit BareAddress(const std::string& instance) {
        const std::string name = std::string(1, '\0') + "lifeboat/" + instance;
        bytes.sun_family = AF_UNIX;
        std::memcpy(bytes.sun_path, name.data(), name.size());
        length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    }

    [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&bytes); }
};

// Not open when nobody listens there. Blocks when it reads or writes.
inline os::Fd bare_client(const std::string& instance) {
    os::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const BareAddress address(instance);
    return ::connect(fd.get(), address.get(), address.length) == 0 ? std::move(fd) : os::Fd();
}

inline os::Fd bare_listener(const std::string& instance) {
    os::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const BareAddress address(instance);
    const bool listens = ::bind(fd.get(), address.get(), address.length) == 0 && ::listen(fd.get(), 8) == 0;
    return listens ? std::move(fd) : os::Fd();
}

inline void say(int fd, const std::string& text) {
    (void)!::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
}

inline bool readable(int fd, int timeout_ms) {
    pollfd entry{fd, POLLIN, 0};
    return ::poll(&entry, 1, timeout_ms) == 1;
}

// All that comes until the other end closes.
inline std::string hear(int fd) {
    std::string all;
    std::array<char, 4096> buffer{};
    while (readable(fd, patience_ms)) {
        const auto got = ::recv(fd, buffer.data(), buffer.size(), 0);
        if (got <= 0) {
            return all;
        }
        all.append(buffer.data(), static_cast<std::size_t>(got));
    }
    return all + " (and then nothing, nor an end)";
}

}  // namespace lifeboat::control
