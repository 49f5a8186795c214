#include "listener.hpp"

#include "os/errno_text.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>

namespace lifeboat::health {

namespace {

// The kernel's buffers of a connection are the pod's memory too. Requests are small, and answers are queued bit by bit.
constexpr int receive_buffer = 16 * 1024;
constexpr int send_buffer = 32 * 1024;
constexpr int backlog = 512;

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;

    [[nodiscard]] const sockaddr* get() const {
        return reinterpret_cast<const sockaddr*>(&storage);  // NOLINT(cppcoreguidelines-pro-type-reinterpret-cast)
    }
    [[nodiscard]] sockaddr* get() {
        return reinterpret_cast<sockaddr*>(&storage);  // NOLINT(cppcoreguidelines-pro-type-reinterpret-cast)
    }
};

SocketAddress socket_address(const sockaddr_in& v4) {
    SocketAddress address;
    std::memcpy(&address.storage, &v4, sizeof v4);
    address.size = sizeof v4;
    return address;
}

SocketAddress socket_address(const sockaddr_in6& v6) {
    SocketAddress address;
    std::memcpy(&address.storage, &v6, sizeof v6);
    address.size = sizeof v6;
    return address;
}

std::optional<SocketAddress> numeric(const Address& address) {
    sockaddr_in v4{};
    if (inet_pton(AF_INET, address.host.c_str(), &v4.sin_addr) == 1) {
        v4.sin_family = AF_INET;
        v4.sin_port = htons(address.port);
        return socket_address(v4);
    }
    sockaddr_in6 v6{};
    if (inet_pton(AF_INET6, address.host.c_str(), &v6.sin6_addr) == 1) {
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(address.port);
        return socket_address(v6);
    }
    return std::nullopt;
}

Address bound_address(int socket) {
    SocketAddress name;
    name.size = sizeof name.storage;
    if (getsockname(socket, name.get(), &name.size) != 0) {
        return {};
    }
    std::array<char, INET6_ADDRSTRLEN> host{};
    if (name.storage.ss_family == AF_INET) {
        sockaddr_in v4{};
        std::memcpy(&v4, &name.storage, sizeof v4);
        inet_ntop(AF_INET, &v4.sin_addr, host.data(), host.size());
        return {host.data(), ntohs(v4.sin_port)};
    }
    sockaddr_in6 v6{};
    std::memcpy(&v6, &name.storage, sizeof v6);
    inet_ntop(AF_INET6, &v6.sin6_addr, host.data(), host.size());
    return {host.data(), ntohs(v6.sin6_port)};
}

bool set(int socket, int level, int option, int value) {
    return setsockopt(socket, level, option, &value, sizeof value) == 0;
}

// errno of what failed first, or 0.
int prepare(int socket, const SocketAddress& address) {
    // Our own closed connections may still hold the port for a minute after a restart.
    bool fine = set(socket, SOL_SOCKET, SO_REUSEADDR, 1);
    if (address.storage.ss_family == AF_INET6) {
        fine = fine && set(socket, IPPROTO_IPV6, IPV6_V6ONLY, 0);
    }
    fine = fine && set(socket, SOL_SOCKET, SO_RCVBUF, receive_buffer) &&
           set(socket, SOL_SOCKET, SO_SNDBUF, send_buffer) && bind(socket, address.get(), address.size) == 0 &&
           listen(socket, backlog) == 0;
    return fine ? 0 : errno;
}

bool means_no_ipv6(int error) {
    return error == EAFNOSUPPORT || error == EADDRNOTAVAIL;
}

}  // namespace

std::string text_of(const Address& address) {
    const bool v6 = address.host.find(':') != std::string::npos;
    return (v6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

Result<Listener> listen_on(const Address& address, const std::string& key) {
    const auto wanted = numeric(address);
    if (!wanted) {
        return Error{ErrorKind::usage, "cannot listen on " + text_of(address) + ": not a numeric IP address",
                     "set " + key + " to an address such as \"0.0.0.0:9847\""};
    }
    os::Fd socket(::socket(wanted->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const int error = socket ? prepare(socket.get(), *wanted) : errno;
    if (error == 0) {
        auto bound = bound_address(socket.get());
        return Listener{std::move(socket), std::move(bound)};
    }
    if (address.host == "::" && means_no_ipv6(error)) {
        return listen_on({"0.0.0.0", address.port}, key);
    }
    return Error{ErrorKind::temporary, "cannot listen on " + text_of(address) + ": " + os::errno_text(error),
                 "free that port, or set " + key + " to another address; it is tried again by itself"};
}

}  // namespace lifeboat::health
