// What the integration tests of reports cannot see of a connection to the API server.
#include "api.hpp"

#include "os/fd.hpp"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <thread>

namespace lifeboat::kubernetes {
namespace {

// Of nobody: its key was thrown away.
constexpr const char* authority =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBdDCCARugAwIBAgIUSjOMtsiK8NK4wBEYRXPlwJkjd1owCgYIKoZIzj0EAwIw\n"
    "DzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjYwOTE5MjJaGA8yMTI2MTEwMjA5MTky\n"
    "MlowDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABKRA\n"
    "M4E78JIDA5HRun/utM5yrryE+Nf3V6dYBHULaDV/iPoOjjSMvOHkqLFKL5JCNOFz\n"
    "kaL9ib0mJP5h3jmeMJCjUzBRMB0GA1UdDgQWBBQPIGppgVtgDKZCGfLRo2IOkYlc\n"
    "pzAfBgNVHSMEGDAWgBQPIGppgVtgDKZCGfLRo2IOkYlcpzAPBgNVHRMBAf8EBTAD\n"
    "AQH/MAoGCCqGSM49BAMCA0cAMEQCIAiZnSMmQ+mVeop5XAfLWnzbpPxj/eyRM8wA\n"
    "iiaCAdBkAiBiIZxjgaKCadB1Sp6Gjx2ktEFSSHVg4jn8jM4Pi2xSBQ==\n"
    "-----END CERTIFICATE-----\n";

// On loopback. Whoever connects gets no answer.
class SilentServer {
public:
    SilentServer() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* any = reinterpret_cast<sockaddr*>(&address);
        EXPECT_EQ(::bind(socket_.get(), any, size), 0);
        EXPECT_EQ(::listen(socket_.get(), 1), 0);
        EXPECT_EQ(::getsockname(socket_.get(), any, &size), 0);
        port_ = ntohs(address.sin_port);
    }

    [[nodiscard]] std::uint16_t port() const { return port_; }

    // A connection that has sent its first bytes.
    [[nodiscard]] os::Fd accept() const {
        pollfd entry{socket_.get(), POLLIN, 0};
        EXPECT_EQ(::poll(&entry, 1, 60'000), 1);
        os::Fd connection(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        entry.fd = connection.get();
        EXPECT_EQ(::poll(&entry, 1, 60'000), 1);
        return connection;
    }

private:
    os::Fd socket_;
    std::uint16_t port_ = 0;
};

// This process's descriptors that are connected to this port.
std::vector<int> connected_to(std::uint16_t port) {
    std::vector<int> found;
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir("/proc/self/fd"), ::closedir);
    while (const dirent* entry = ::readdir(folder.get())) {  // NOLINT(concurrency-mt-unsafe): a folder of our own
        const int fd = std::atoi(entry->d_name);             // NOLINT(cert-err34-c): a number, or "." for 0
        sockaddr_in peer{};
        socklen_t size = sizeof peer;
        if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) == 0 && ntohs(peer.sin_port) == port) {
            found.push_back(fd);
        }
    }
    return found;
}

TEST(CurlApi, LeavesItsConnectionToNoProgramThatIsStartedMeanwhile) {
    const SilentServer server;
    const auto api = curl_api({.user_agent = "lifeboat/1.2.3"});
    const Account account{"https://127.0.0.1:" + std::to_string(server.port()), authority, Secret("token"), {}};
    Reply reply;
    std::jthread asking([&](const std::stop_token& stop) {
        reply = api->perform(account, {"PATCH", "/api", "application/json", "{}"}, stop);
    });
    const auto connection = server.accept();
    const auto ours = connected_to(server.port());
    ASSERT_EQ(ours.size(), 1U);
    EXPECT_NE(::fcntl(ours.front(), F_GETFD) & FD_CLOEXEC, 0);
    asking.request_stop();
    asking.join();  // before the connection goes
    EXPECT_EQ(reply.broken, Broken::interrupted);
}

}  // namespace
}  // namespace lifeboat::kubernetes
