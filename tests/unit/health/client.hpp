// A client that does as it is told, well or badly.
#pragma once

#include "health/server.hpp"
#include "os/fd.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <array>
#include <cerrno>
#include <chrono>
#include <string>
#include <string_view>

namespace lifeboat::test {

// So long a test waits for what must come at once, on a machine that has much else to do.
inline constexpr std::chrono::seconds patience{20};

class Client {
public:
    // Connects over IPv4 loopback. connected() says whether that went well.
    explicit Client(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        connected_ = ::connect(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    }

    [[nodiscard]] bool connected() const { return connected_; }

    // False when the server has gone.
    bool send(std::string_view text) const {
        while (!text.empty()) {
            const auto sent = ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL);
            if (sent <= 0) {
                return false;
            }
            text.remove_prefix(static_cast<std::size_t>(sent));
        }
        return true;
    }

    // All that comes until the server closes the connection. "(nothing in time)" if it does not.
    [[nodiscard]] std::string rest() const {
        const auto deadline = std::chrono::steady_clock::now() + patience;
        std::string all;
        std::array<char, 4096> buffer{};
        while (true) {
            const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
            pollfd waiting{fd_.get(), POLLIN, 0};
            if (left.count() <= 0 || ::poll(&waiting, 1, static_cast<int>(left.count())) == 0) {
                return "(nothing in time)";
            }
            const auto received = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
            if (received <= 0) {
                return all;
            }
            all.append(buffer.data(), static_cast<std::size_t>(received));
        }
    }

    // Whether the server has closed it, now.
    [[nodiscard]] bool closed() const {
        pollfd waiting{fd_.get(), POLLIN | POLLRDHUP, 0};
        return ::poll(&waiting, 1, 0) == 1 && (waiting.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
    }

private:
    os::Fd fd_;
    bool connected_ = false;
};

inline std::string ask(std::uint16_t port, std::string_view request) {
    const Client client(port);
    return client.connected() && client.send(request) ? client.rest() : "(refused)";
}

inline std::string get(std::uint16_t port, const std::string& path) {
    return ask(port, "GET " + path + " HTTP/1.1\r\nHost: test\r\n\r\n");
}

inline std::string status_of(const std::string& reply) {
    constexpr std::size_t begin = std::string_view("HTTP/1.1 ").size();
    return reply.size() < begin + 3 ? reply : reply.substr(begin, 3);
}

inline std::string body_of(const std::string& reply) {
    const auto head = reply.find("\r\n\r\n");
    return head == std::string::npos ? "" : reply.substr(head + 4);
}

}  // namespace lifeboat::test
