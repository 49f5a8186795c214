// The connections that are open, oldest first, and who has to go.
#pragma once

#include "answers.hpp"

#include <chrono>
#include <cstddef>
#include <list>
#include <optional>

namespace lifeboat::health {

// One thread alone. Does not own the sockets: it shuts a connection down, and whoever owns it sees its end and
// closes it.
class Connections {
public:
    using Clock = std::chrono::steady_clock;

    struct Connection {
        int socket = -1;
        Surface surface = Surface::pod;
        Clock::time_point deadline;
        bool shut = false;
        std::list<Connection>::iterator self;
    };

    Connections(std::size_t most, std::chrono::milliseconds lifetime) : most_(most), lifetime_(lifetime) {}

    // The address stays good until closed(). Makes room if there are too many now.
    Connection* opened(int socket, Surface surface, Clock::time_point now);
    void closed(Connection* connection);

    // The oldest goes. False when there is none.
    bool shut_oldest();

    // Those whose time is up.
    void shut_expired(Clock::time_point now);

    [[nodiscard]] std::optional<Clock::time_point> next_deadline() const;
    [[nodiscard]] bool empty() const noexcept { return all_.empty(); }

private:
    [[nodiscard]] std::list<Connection>::iterator oldest();

    std::size_t most_;
    std::chrono::milliseconds lifetime_;
    std::list<Connection> all_;
    std::size_t open_ = 0;  // of them, not shut
};

}  // namespace lifeboat::health
