#include "listener.hpp"

#include "client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <cstddef>
#include <thread>

namespace lifeboat::health {
namespace {

using testing::HasSubstr;

// From now on this thread's kernel knows no IPv6: socket(AF_INET6) fails with EAFNOSUPPORT.
bool take_ipv6_away() {
    std::array<sock_filter, 6> program{{
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, args)),  // the low half, on little-endian machines
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAFNOSUPPORT),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    }};
    const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) == 0;
}

TEST(Listener, WithoutIpv6AnyAddressIsAnyIpv4Address) {
    std::thread([] {
        ASSERT_TRUE(take_ipv6_away());
        ASSERT_EQ(::socket(AF_INET6, SOCK_STREAM, 0), -1);
        const auto listener = listen_on({"::", 0}, "health.listen");
        ASSERT_TRUE(listener.ok()) << listener.error().what;
        EXPECT_EQ(listener->bound.host, "0.0.0.0");
        EXPECT_TRUE(test::Client(listener->bound.port).connected());
    }).join();
}

TEST(Listener, WithoutIpv6ASpecificIpv6AddressIsAnError) {
    std::thread([] {
        ASSERT_TRUE(take_ipv6_away());
        const auto listener = listen_on({"::1", 9847}, "health.listen");
        ASSERT_FALSE(listener.ok());
        EXPECT_THAT(listener.error().what, HasSubstr("cannot listen on [::1]:9847: Address family not supported"));
    }).join();
}

TEST(Listener, AnyAddressTakesIpv4Clients) {
    const auto listener = listen_on({"::", 0}, "health.listen");
    ASSERT_TRUE(listener.ok()) << listener.error().what;
    EXPECT_TRUE(test::Client(listener->bound.port).connected());
}

TEST(Listener, ATakenPortIsAnErrorThatNamesTheSetting) {
    const auto first = listen_on({"127.0.0.1", 0}, "health.page");
    ASSERT_TRUE(first.ok());
    const auto second = listen_on(first->bound, "health.page");
    ASSERT_FALSE(second.ok());
    EXPECT_THAT(second.error().what, HasSubstr("cannot listen on 127.0.0.1:"));
    EXPECT_THAT(second.error().what, HasSubstr("Address already in use"));
    EXPECT_THAT(second.error().next, HasSubstr("health.page"));
}

TEST(Listener, AHostNameIsNotAnAddress) {
    const auto listener = listen_on({"localhost", 0}, "health.page");
    ASSERT_FALSE(listener.ok());
    EXPECT_THAT(listener.error().what, HasSubstr("not a numeric IP address"));
}

}  // namespace
}  // namespace lifeboat::health
