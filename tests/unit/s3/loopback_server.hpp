// A server on loopback that does with each connection what the test says, byte by byte.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace lifeboat::test {

// One accepted connection. Every wait ends when the server does.
class Peer {
public:
    Peer(int fd, const std::atomic<bool>& ended) : fd_(fd), ended_(ended) {}
    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;
    ~Peer() { close(); }

    // The next request, head and body ("Content-Length" bytes); empty when the client has gone.
    std::string request() {
        while (buffered_.find("\r\n\r\n") == std::string::npos) {
            if (!receive()) {
                return {};
            }
        }
        const auto head = buffered_.find("\r\n\r\n") + 4;
        const auto whole = head + length_in(buffered_.substr(0, head));
        while (buffered_.size() < whole) {
            if (!receive()) {
                return {};
            }
        }
        std::string request = buffered_.substr(0, whole);
        buffered_.erase(0, whole);
        return request;
    }

    // The head of the next request alone, and of its body what came along.
    bool head() {
        while (buffered_.find("\r\n\r\n") == std::string::npos) {
            if (!receive()) {
                return false;
            }
        }
        return true;
    }

    // False when the client has gone.
    bool send(std::string_view text) const {
        while (!text.empty()) {
            const auto sent = ::send(fd_, text.data(), text.size(), MSG_NOSIGNAL);
            if (sent <= 0) {
                return false;
            }
            text.remove_prefix(static_cast<std::size_t>(sent));
        }
        return true;
    }

    // Does nothing until the client goes or the server ends. Takes no byte from the client.
    void hold() const {
        while (!ended_ && !gone()) {
        }
    }

    // Takes `bytes` bytes every `milliseconds`, until the client goes or the server ends.
    void sip(std::size_t bytes, int milliseconds) const {
        std::string drop(bytes, '\0');
        while (pause_ms(milliseconds) && ::recv(fd_, drop.data(), drop.size(), MSG_DONTWAIT) != 0) {
        }
    }

    // Waits so long, or until the client goes or the server ends; false then.
    [[nodiscard]] bool pause_ms(int milliseconds) const {
        pollfd waiting{fd_, POLLRDHUP, 0};
        return ::poll(&waiting, 1, milliseconds) == 0 && !ended_;
    }

    // Ends the connection with a reset rather than in order.
    void reset() {
        const linger now{1, 0};
        (void)::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
        close();
    }

    void close() {
        if (fd_ >= 0) {
            ::close(fd_);
            fd_ = -1;
        }
    }

private:
    [[nodiscard]] bool gone() const {
        pollfd waiting{fd_, POLLRDHUP, 0};
        return ::poll(&waiting, 1, 20) != 0;
    }

    bool receive() {
        for (;;) {
            pollfd waiting{fd_, POLLIN, 0};
            if (::poll(&waiting, 1, 20) != 0) {
                break;
            }
            if (ended_) {
                return false;
            }
        }
        std::string chunk(65'536, '\0');
        const auto count = ::recv(fd_, chunk.data(), chunk.size(), 0);
        if (count <= 0) {
            return false;
        }
        buffered_.append(chunk, 0, static_cast<std::size_t>(count));
        return true;
    }

    static std::size_t length_in(std::string head) {
        std::transform(head.begin(), head.end(), head.begin(), [](unsigned char c) { return std::tolower(c); });
        const auto at = head.find("\r\ncontent-length:");
        return at == std::string::npos ? 0 : std::strtoul(head.c_str() + at + 17, nullptr, 10);
    }

    int fd_;
    const std::atomic<bool>& ended_;
    std::string buffered_;
};

// Calls `serve` with each connection, in a thread of its own, and its number from 0.
class LoopbackServer {
public:
    using Serve = std::function<void(Peer&, int number)>;

    explicit LoopbackServer(Serve serve) : serve_(std::move(serve)), listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        const int small = 65'536;  // so that a peer that takes nothing is soon felt
        (void)::setsockopt(listener_, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
        auto* generic = reinterpret_cast<sockaddr*>(&address);  // NOLINT(*-reinterpret-cast)
        if (::bind(listener_, generic, size) != 0 || ::listen(listener_, 16) != 0 ||
            ::getsockname(listener_, generic, &size) != 0) {
            std::abort();
        }
        port_ = ntohs(address.sin_port);
        accepting_ = std::jthread([this] { accept_all(); });
    }
    LoopbackServer(const LoopbackServer&) = delete;
    LoopbackServer& operator=(const LoopbackServer&) = delete;
    ~LoopbackServer() {
        ended_ = true;
        accepting_.join();
        ::close(listener_);
        serving_.clear();
    }

    [[nodiscard]] std::uint16_t port() const { return static_cast<std::uint16_t>(port_); }

    [[nodiscard]] std::string url(const std::string& path = "/b/key") const {
        return "http://127.0.0.1:" + std::to_string(port_) + path;
    }
    [[nodiscard]] int connections() const { return connections_; }

private:
    void accept_all() {
        while (!ended_) {
            pollfd waiting{listener_, POLLIN, 0};
            if (::poll(&waiting, 1, 20) <= 0) {
                continue;
            }
            const int fd = ::accept(listener_, nullptr, nullptr);
            if (fd >= 0) {
                serving_.emplace_back([this, fd, number = connections_++] {
                    Peer peer(fd, ended_);
                    serve_(peer, number);
                });
            }
        }
    }

    Serve serve_;
    int listener_;
    int port_ = 0;
    std::atomic<bool> ended_{false};
    std::atomic<int> connections_{0};
    std::vector<std::jthread> serving_;  // of the accepting thread, while that runs
    std::jthread accepting_;
};

}  // namespace lifeboat::test
