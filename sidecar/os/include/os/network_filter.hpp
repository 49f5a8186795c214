// What a child that runs other people's code may reach by sockets: nobody.
#pragma once

#include <linux/filter.h>
#include <optional>
#include <vector>

namespace lifeboat::os {

// A seccomp filter (seccomp(2)), which a child puts on itself and hands on to all that it starts. It needs no rights.
//
// There are no sockets but Unix ones, and those can be connected to and cannot connect: a server that listens on one
// goes on to serve, and nothing that runs in it reaches this machine's network, another service's Unix socket, or by
// io_uring what is refused otherwise. What is refused looks as on a machine without a network: EAFNOSUPPORT for a
// socket, ENETUNREACH for a connection. A program of another architecture (32 bits on 64) is ended.
class NetworkFilter {
public:
    // Empty where the kernel has no seccomp filters.
    static std::optional<NetworkFilter> build();

    [[nodiscard]] const std::vector<sock_filter>& program() const noexcept { return program_; }

private:
    explicit NetworkFilter(std::vector<sock_filter> program) : program_(std::move(program)) {}
    std::vector<sock_filter> program_;
};

}  // namespace lifeboat::os
