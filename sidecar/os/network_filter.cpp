#include "os/network_filter.hpp"

#include "os/fd.hpp"

#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <memory>

namespace lifeboat::os {
namespace {

struct Release {
    void operator()(void* context) const noexcept { ::seccomp_release(context); }
};

// No rule of seccomp sees what a pointer points to: where an address can be given by one, the call goes, or the
// pointer.
bool add_rules(scmp_filter_ctx filter) {
    constexpr unsigned int address_of_sendto = 4;
    const auto refuse = [filter](int error, int call) {
        return ::seccomp_rule_add(filter, SCMP_ACT_ERRNO(static_cast<std::uint32_t>(error)), call, 0) == 0;
    };
    const auto refuse_unless = [filter](int error, int call, unsigned int argument, scmp_datum_t value) {
        const scmp_arg_cmp other{argument, SCMP_CMP_NE, value, 0};
        return ::seccomp_rule_add_array(filter, SCMP_ACT_ERRNO(static_cast<std::uint32_t>(error)), call, 1, &other) ==
               0;
    };
    return refuse_unless(EAFNOSUPPORT, SCMP_SYS(socket), 0, AF_UNIX) && refuse(ENETUNREACH, SCMP_SYS(connect)) &&
           refuse_unless(ENETUNREACH, SCMP_SYS(sendto), address_of_sendto, 0) &&
           refuse(ENETUNREACH, SCMP_SYS(sendmsg)) && refuse(ENETUNREACH, SCMP_SYS(sendmmsg)) &&
           refuse(ENOSYS, SCMP_SYS(io_uring_setup));
}

// The library hands out what it made by a descriptor only.
std::optional<std::vector<sock_filter>> program_of(scmp_filter_ctx filter) {
    const Fd file(::memfd_create("network-filter", MFD_CLOEXEC));
    struct stat about {};
    if (!file || ::seccomp_export_bpf(filter, file.get()) != 0 || ::fstat(file.get(), &about) != 0) {
        return std::nullopt;
    }
    std::vector<sock_filter> program(static_cast<std::size_t>(about.st_size) / sizeof(sock_filter));
    const auto got = ::pread(file.get(), program.data(), static_cast<std::size_t>(about.st_size), 0);
    return got == about.st_size ? std::optional(std::move(program)) : std::nullopt;
}

}  // namespace

std::optional<NetworkFilter> NetworkFilter::build() {
    if (::prctl(PR_GET_SECCOMP) < 0) {
        return std::nullopt;
    }
    const std::unique_ptr<void, Release> filter(::seccomp_init(SCMP_ACT_ALLOW));
    if (!filter || !add_rules(filter.get())) {
        return std::nullopt;
    }
    auto program = program_of(filter.get());
    return program ? std::optional(NetworkFilter(std::move(*program))) : std::nullopt;
}

}  // namespace lifeboat::os
