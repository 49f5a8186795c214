// A connection to a PostgreSQL server, by libpq.
#pragma once

#include "postgres/followed_password.hpp"
#include "result/result.hpp"
#include "secret/secret.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

struct pg_conn;

namespace lifeboat::postgres {

// Where a server is and who asks. What is absent comes from libpq's own sources, in its order: PG* names in
// the environment, ~/.pgpass, defaults.
struct Server {
    std::optional<Secret> uri;                             // postgresql://… or a keyword/value string
    std::shared_ptr<FollowedPassword> password = nullptr;  // stronger than the one in the URI
};

// Texts of one result; an absent optional is SQL's NULL.
using Row = std::vector<std::optional<std::string>>;
using Rows = std::vector<Row>;

// One thread at a time. Statements run in autocommit mode, and every time-out that a role or database may
// have set is off. A stop request ends a waiting connect or statement with ErrorKind::interrupted, and closes the
// connection towards the server at once, whatever its owner is at: a server that shuts down must not wait for us.
// Errors carry the server's primary message and hint, and never a value from a row.
class Connection {
public:
    // `database`: instead of the one that `server` names. Where the server refuses a password, and took one of
    // `server.password` before, this waits for the exchange to be over, for 90 s at most.
    static Result<Connection> open(const Server& server, const std::optional<std::string>& database,
                                   const std::stop_token& stop);

    Connection(Connection&&) noexcept;
    Connection& operator=(Connection&&) noexcept;
    ~Connection();

    // One statement, with $1, $2 … for the parameters.
    Result<Rows> query(const std::string& sql, const std::vector<std::string>& parameters = {});

    // One or more statements without result.
    Status execute(const std::string& sql);

    // A statement whose one result is one text.
    Result<std::string> value(const std::string& sql, const std::vector<std::string>& parameters = {});

    // From now on, a server that has not answered a statement for so long is one that was lost. Empty (at first): it
    // is waited for without end.
    void answer_within(std::optional<std::chrono::milliseconds> patience) { patience_ = patience; }

    // Ends the session, and returns when the server has let go of it: then its place among the connections that a role
    // may have is free. Waits a second at most. The connection is of no further use.
    void close();

    // Whether the server ended this session because it shuts down, or because an administrator said so; known once a
    // statement has failed.
    [[nodiscard]] bool was_told_to_go() const noexcept;
    // The same of a server that crashed. Also hears what has come by now and nobody has read, even after a stop.
    [[nodiscard]] bool was_crashed_on() noexcept;

    [[nodiscard]] int version_num() const;  // 150020
    [[nodiscard]] int major() const { return version_num() / 10000; }
    [[nodiscard]] std::string version_text() const;  // "15.20 (Debian 15.20-0+deb12u1)"
    [[nodiscard]] std::string database() const;
    [[nodiscard]] std::string user() const;
    // Whether something between us and the server answers in its stead: the process that the connection's start
    // named is not the one that runs our statements.
    Result<bool> through_pooler();

    [[nodiscard]] std::string where() const;  // "127.0.0.1:5432", "/run/postgresql:5432": for messages

    // What a child needs to connect as this connection did: a keyword/value string for `database` without any
    // password, and the password on its own. The server shows `name` for its session (application_name).
    [[nodiscard]] std::string child_conninfo(const std::string& database, const std::string& options,
                                             const std::string& name = "lifeboat") const;
    [[nodiscard]] Secret password() const;

private:
    struct Attempt;
    struct Farewell;

    Connection(pg_conn* connection, std::stop_token stop);
    static Attempt attempt(const Server& server, const Secret* password, const std::optional<std::string>& database,
                           const std::stop_token& stop);
    static Attempt attempt_all(const Server& server, const std::optional<std::string>& database,
                               const std::stop_token& stop);
    Status query_failed(const void* result);

    struct Closer {
        void operator()(pg_conn* connection) const;
    };
    using OnStop = std::stop_callback<std::function<void()>>;

    std::unique_ptr<Farewell> farewell_;  // libpq knows its address
    std::unique_ptr<pg_conn, Closer> connection_;
    std::stop_token stop_;
    std::optional<std::chrono::milliseconds> patience_ = std::nullopt;
    std::unique_ptr<OnStop> hang_up_;  // last: gone before the socket that it shuts down
};

}  // namespace lifeboat::postgres
