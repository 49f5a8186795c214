// The server's end of a session that we have closed.
#pragma once

#include "os/fd.hpp"

#include <chrono>

namespace lifeboat::postgres {

// libpq says good-bye and closes its socket at once; the server's process is gone a moment later, and counts against
// the limits on connections until then. Take this before libpq closes, and wait for the server to hang up after it.
class ClosedSession {
public:
    explicit ClosedSession(int socket);

    void wait(std::chrono::milliseconds longest) const;

private:
    os::Fd socket_;  // of our own, so that the connection stays up
};

}  // namespace lifeboat::postgres
