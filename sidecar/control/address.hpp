// Abstract Unix addresses of sidecars, and who is at the other end of a connection.
#pragma once

#include "os/fd.hpp"
#include "result/result.hpp"

#include <sys/types.h>
#include <optional>
#include <string>

namespace lifeboat::control {

// "@lifeboat/basketball-api", as /proc/net/unix and people write it.
std::string address_of(const std::string& instance);

// Not blocking, closed on exec.
Result<os::Fd> open_socket();

// bind(2) and connect(2) to the address of `instance`; 0 or an errno.
int bind_to(int fd, const std::string& instance) noexcept;
int connect_to(int fd, const std::string& instance) noexcept;

struct Peer {
    uid_t user = 0;
    pid_t process = 0;  // 0: in a process namespace that cannot be seen from here, such as another container's
};

// Of a connected socket, as the kernel noted it when the connection was made; a client sees who called listen(2).
std::optional<Peer> peer_of(int fd) noexcept;

}  // namespace lifeboat::control
