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

}  // namespace

Pinger::Pinger(const Server& server, const Connection& connection)
    : conninfo_(connection.child_conninfo(connection.database(), "")) {
    if (server.password) {
        password_ = [followed = server.password] { return followed->to_try().front(); };
    } else {
        password_ = [password = connection.password()] { return password; };
    }
}

bool Pinger::turned_away(std::chrono::milliseconds longest, const std::stop_token& stop) const {
    const auto deadline = std::chrono::steady_clock::now() + longest;
    const Secret password = password_();
    const std::string password_text(password.reveal());
    const std::array keywords = {"dbname", "password", static_cast<const char*>(nullptr)};
    const std::array values = {conninfo_.c_str(), password_text.c_str(), static_cast<const char*>(nullptr)};
    OwnedConnection connection(PQconnectStartParams(keywords.data(), values.data(), 1));
    if (!connection || PQstatus(connection.get()) == CONNECTION_BAD) {
        return false;
    }
    // A server's error is then its severity and its SQLSTATE alone, whatever language it speaks.
    PQsetErrorVerbosity(connection.get(), PQERRORS_SQLSTATE);
    auto wanted = PGRES_POLLING_WRITING;
    while (wanted == PGRES_POLLING_WRITING || wanted == PGRES_POLLING_READING) {
        if (!wait_for(connection.get(), wanted, deadline, stop)) {
            return false;
        }
        wanted = PQconnectPoll(connection.get());
    }
    if (wanted == PGRES_POLLING_FAILED) {
        return std::string_view(PQerrorMessage(connection.get())).find("57P03") != std::string_view::npos;
    }
    const ClosedSession session(PQsocket(connection.get()));
    connection.reset();
    session.wait(std::chrono::seconds(1));
    return false;
}

}  // namespace lifeboat::postgres
