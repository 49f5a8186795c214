#include "closed_session.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <array>
#include <cerrno>

namespace lifeboat::postgres {

ClosedSession::ClosedSession(int socket) : socket_(socket < 0 ? -1 : ::fcntl(socket, F_DUPFD_CLOEXEC, 0)) {}

void ClosedSession::wait(std::chrono::milliseconds longest) const {
    if (!socket_) {
        return;
    }
    const auto deadline = std::chrono::steady_clock::now() + longest;
    std::array<char, 1024> ignored{};
    for (auto left = longest; left.count() > 0;
         left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now())) {
        pollfd entry{socket_.get(), POLLIN, 0};
        if (::poll(&entry, 1, static_cast<int>(left.count())) > 0) {
            const auto got = ::recv(socket_.get(), ignored.data(), ignored.size(), MSG_DONTWAIT);
            if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
                return;
            }
        }
    }
}

}  // namespace lifeboat::postgres
