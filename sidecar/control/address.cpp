#include "address.hpp"

#include "os/errno_text.hpp"

#include <sys/socket.h>
#include <sys/un.h>
#include <cerrno>
#include <cstddef>
#include <cstring>

namespace lifeboat::control {
namespace {

constexpr const char* family = "lifeboat/";

struct Address {
    sockaddr_un bytes{};
    socklen_t length = 0;
};

// A zero byte, then the name; the length ends it, not another zero.
std::optional<Address> abstract_address(const std::string& instance) noexcept {
    Address address;
    const std::size_t head = std::strlen(family);
    if (1 + head + instance.size() > sizeof address.bytes.sun_path) {
        return std::nullopt;
    }
    address.bytes.sun_family = AF_UNIX;
    std::memcpy(address.bytes.sun_path + 1, family, head);
    std::memcpy(address.bytes.sun_path + 1 + head, instance.data(), instance.size());
    address.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + head + instance.size());
    return address;
}

template <class Call>
int with_address(const std::string& instance, Call call) noexcept {
    const auto address = abstract_address(instance);
    if (!address) {
        return ENAMETOOLONG;
    }
    const auto* bytes = reinterpret_cast<const sockaddr*>(&address->bytes);
    return call(bytes, address->length) == 0 ? 0 : errno;
}

}  // namespace

std::string address_of(const std::string& instance) {
    return std::string("@") + family + instance;
}

Result<os::Fd> open_socket() {
    os::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!fd) {
        return Error{ErrorKind::temporary, "cannot open a Unix socket: " + os::errno_text(errno), ""};
    }
    return fd;
}

int bind_to(int fd, const std::string& instance) noexcept {
    return with_address(instance,
                        [fd](const sockaddr* address, socklen_t length) { return ::bind(fd, address, length); });
}

int connect_to(int fd, const std::string& instance) noexcept {
    return with_address(instance,
                        [fd](const sockaddr* address, socklen_t length) { return ::connect(fd, address, length); });
}

std::optional<Peer> peer_of(int fd) noexcept {
    ucred credentials{};
    socklen_t length = sizeof credentials;
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) {
        return std::nullopt;
    }
    return Peer{credentials.uid, credentials.pid};
}

}  // namespace lifeboat::control
