#include "postgres/ping.hpp"

#include "closed_session.hpp"

#include <libpq-fe.h>
#include <poll.h>
#include <array>
#include <memory>
#include <string_view>

namespace lifeboat::postgres {
namespace {

struct Finish {
    void operator()(PGconn* connection) const { PQfinish(connection); }
};
using OwnedConnection = std::unique_ptr<PGconn, Finish>;
using SteadyTime = std::chrono::steady_clock::time_point;

bool wait_for(PGconn* connection, PostgresPollingStatusType wanted, SteadyTime deadline, const std::stop_token& stop) {
    const short events = wanted == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    constexpr int stop_poll_ms = 50;
    while (!stop.stop_requested() && std::chrono::steady_clock::now() < deadline) {
        pollfd entry{PQsocket(connection), events, 0};
        if (::poll(&entry, 1, stop_poll_ms) > 0) {
            return true;
        }
    }
    return false;
}

// The server has said something to the request for a session, and libpq did not begin anew for it (without TLS).
bool has_answer(const PGconn* connection) {
    switch (PQstatus(connection)) {
        case CONNECTION_STARTED:
        case CONNECTION_MADE:
        case CONNECTION_NEEDED:
        case CONNECTION_SSL_STARTUP:
        case CONNECTION_GSS_STARTUP: return false;
        default: return true;
    }
}

// As far as the server's first word, where `longest` is not over before it came.
PostgresPollingStatusType ask_for_session(PGconn* connection, SteadyTime deadline, const std::stop_token& stop) {
    auto wanted = PGRES_POLLING_WRITING;
    for (bool answered = false; !answered && wanted != PGRES_POLLING_FAILED && wanted != PGRES_POLLING_OK;) {
        if (!wait_for(connection, wanted, deadline, stop)) {
            break;
        }
        const bool asked = PQstatus(connection) == CONNECTION_AWAITING_RESPONSE;
        wanted = PQconnectPoll(connection);
        answered = asked && has_answer(connection);
    }
    return wanted;
}

}  // namespace

Pinger::Pinger(const Connection& connection) : conninfo_(connection.child_conninfo(connection.database(), "")) {}

bool Pinger::turned_away(std::chrono::milliseconds longest, const std::stop_token& stop) const {
    const auto deadline = std::chrono::steady_clock::now() + longest;
    // There is no such file, so that no password is looked for in the user's own.
    const std::array keywords = {"dbname", "passfile", static_cast<const char*>(nullptr)};
    const std::array values = {conninfo_.c_str(), "/dev/null/none", static_cast<const char*>(nullptr)};
    OwnedConnection connection(PQconnectStartParams(keywords.data(), values.data(), 1));
    if (!connection || PQstatus(connection.get()) == CONNECTION_BAD) {
        return false;
    }
    // A server's error is then its severity and its SQLSTATE alone, whatever language it speaks.
    PQsetErrorVerbosity(connection.get(), PQERRORS_SQLSTATE);
    const auto ended = ask_for_session(connection.get(), deadline, stop);
    const bool turned_away = ended == PGRES_POLLING_FAILED &&
                             std::string_view(PQerrorMessage(connection.get())).find("57P03") != std::string_view::npos;
    const ClosedSession session(PQsocket(connection.get()));
    connection.reset();
    session.wait(std::chrono::seconds(1));
    return turned_away;
}

}  // namespace lifeboat::postgres
