#include "connections.hpp"

#include <sys/socket.h>
#include <algorithm>

namespace lifeboat::health {

Connections::Connection* Connections::opened(int socket, Surface surface, Clock::time_point now) {
    all_.push_back({socket, surface, now + lifetime_, false, {}});
    auto& connection = all_.back();
    connection.self = std::prev(all_.end());
    if (++open_ > most_) {
        shut_oldest();
    }
    return &connection;
}

void Connections::closed(Connection* connection) {
    open_ -= connection->shut ? 0 : 1;
    all_.erase(connection->self);
}

bool Connections::shut_oldest() {
    const auto victim = oldest();
    if (victim == all_.end()) {
        return false;
    }
    victim->shut = true;
    --open_;
    (void)::shutdown(victim->socket, SHUT_RDWR);
    return true;
}

void Connections::shut_expired(Clock::time_point now) {
    while (true) {
        const auto next = next_deadline();
        if (!next || *next > now) {
            return;
        }
        shut_oldest();
    }
}

std::optional<Connections::Clock::time_point> Connections::next_deadline() const {
    const auto next =
        std::find_if(all_.begin(), all_.end(), [](const Connection& connection) { return !connection.shut; });
    return next == all_.end() ? std::nullopt : std::optional(next->deadline);
}

std::list<Connections::Connection>::iterator Connections::oldest() {
    return std::find_if(all_.begin(), all_.end(), [](const Connection& connection) { return !connection.shut; });
}

}  // namespace lifeboat::health
