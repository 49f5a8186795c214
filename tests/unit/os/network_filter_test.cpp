#include "os/network_filter.hpp"

#include "os/child_process.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <string>

namespace lifeboat::os {
namespace {

// perl is on every Debian, and its socket functions are the system calls.
ChildOptions perl(const std::string& script, const NetworkFilter* filter) {
    ChildOptions options;
    options.program = "/usr/bin/perl";
    options.arguments = {"-MSocket", "-MErrno", "-e", script};
    options.environment = {"PATH=/usr/bin:/bin", "LC_ALL=C"};
    options.network_filter = filter;
    return options;
}

// What the script printed before it ended well.
std::string said(const std::string& script, const NetworkFilter* filter) {
    auto options = perl(script, filter);
    options.pipe_stdout = true;
    options.own_stderr = false;
    auto child = ChildProcess::start(options);
    EXPECT_TRUE(child) << (child ? "" : child.error().what);
    if (!child) {
        return "not started";
    }
    std::array<char, 256> buffer{};
    const auto got = ::read(child->standard_output().get(), buffer.data(), buffer.size());
    EXPECT_TRUE(child->wait().success()) << script;
    return got < 0 ? "nothing" : std::string(buffer.data(), static_cast<std::size_t>(got));
}

std::string socket_of(const std::string& family, const std::string& type) {
    return "print socket(my $s, " + family + ", " + type + ", 0) ? 'made' : $!{EAFNOSUPPORT} ? 'no family' : $!";
}

// A Unix socket of this process, in the abstract: a child needs no folder to reach it.
class Listener {
public:
    explicit Listener(int type) : socket_(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0)) {
        name_ = "lifeboat-filter-test/" + std::to_string(::getpid());
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        name_.copy(address.sun_path + 1, sizeof address.sun_path - 1);
        const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name_.size());
        // NOLINTNEXTLINE(*-reinterpret-cast): the system call's own way
        EXPECT_EQ(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), length), 0);
        if (type == SOCK_STREAM) {
            EXPECT_EQ(::listen(socket_.get(), 1), 0);
        }
    }
    [[nodiscard]] std::string address() const { return "pack('Sa*', PF_UNIX, \"\\0" + name_ + "\")"; }

private:
    Fd socket_;
    std::string name_;
};

class ANetworkFilter : public testing::Test {
protected:
    void SetUp() override { ASSERT_TRUE(filter_) << "this kernel has no seccomp filters"; }
    [[nodiscard]] const NetworkFilter* filter() const { return &*filter_; }

private:
    std::optional<NetworkFilter> filter_ = NetworkFilter::build();
};

TEST_F(ANetworkFilter, LeavesNoSocketsButUnixOnes) {
    for (const char* family :
         {"PF_INET", "PF_INET6", "16", "17", "40"}) {  // the last: netlink, packets, virtual machines
        for (const char* type : {"SOCK_STREAM", "SOCK_DGRAM", "SOCK_RAW"}) {
            EXPECT_EQ(said(socket_of(family, type), filter()), "no family") << family << ' ' << type;
        }
    }
    EXPECT_EQ(said(socket_of("PF_INET", "SOCK_DGRAM"), nullptr), "made") << "without the filter";
    EXPECT_EQ(said(socket_of("PF_UNIX", "SOCK_STREAM"), filter()), "made");
    EXPECT_EQ(said("print socketpair(my $a, my $b, PF_UNIX, SOCK_STREAM, 0) ? 'made' : $!", filter()), "made");
}

TEST_F(ANetworkFilter, LetsNobodyConnectToAUnixSocket) {
    const Listener listener(SOCK_STREAM);
    const std::string connect = "socket(my $s, PF_UNIX, SOCK_STREAM, 0) or die; print connect($s, " +
                                listener.address() + ") ? 'connected' : $!{ENETUNREACH} ? 'nobody there' : $!";
    EXPECT_EQ(said(connect, nullptr), "connected");
    EXPECT_EQ(said(connect, filter()), "nobody there");
}

TEST_F(ANetworkFilter, LetsNobodySendToAnAddress) {
    const Listener listener(SOCK_DGRAM);
    const std::string send = "socket(my $s, PF_UNIX, SOCK_DGRAM, 0) or die; print defined(send($s, 'x', 0, " +
                             listener.address() + ")) ? 'sent' : $!{ENETUNREACH} ? 'nobody there' : $!";
    EXPECT_EQ(said(send, nullptr), "sent");
    EXPECT_EQ(said(send, filter()), "nobody there");
}

TEST_F(ANetworkFilter, HoldsForWhatTheChildStarts) {
    const std::string inner =
        "system(\"/usr/bin/perl\", \"-MSocket\", \"-e\", "
        "\"exit(socket(my \\$s, PF_INET, SOCK_STREAM, 0) ? 0 : 7)\"); print $? >> 8";
    EXPECT_EQ(said(inner, nullptr), "0");
    EXPECT_EQ(said(inner, filter()), "7");
}

TEST_F(ANetworkFilter, LeavesAServerOnAUnixSocketAtWork) {
    const std::string serve =
        "socketpair(my $a, my $b, PF_UNIX, SOCK_STREAM, 0) or die; send($a, 'asked', 0) or die; "
        "recv($b, my $got, 9, 0); socket(my $s, PF_UNIX, SOCK_STREAM, 0) or die; "
        "bind($s, pack('Sa*', PF_UNIX, \"\\0lifeboat-filter-server/$$\")) or die; listen($s, 1) or die; print $got";
    EXPECT_EQ(said(serve, filter()), "asked");
}

}  // namespace
}  // namespace lifeboat::os
