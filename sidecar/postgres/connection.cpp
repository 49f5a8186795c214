#include "postgres/connection.hpp"

#include "archive/sql_text.hpp"
#include "closed_session.hpp"
#include "os/errno_text.hpp"
#include "postgres/diagnostics.hpp"

#include <libpq-fe.h>
#include <poll.h>
#include <sys/socket.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <mutex>

namespace lifeboat::postgres {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

constexpr auto default_connect_timeout = std::chrono::seconds(10);
constexpr auto stop_poll = std::chrono::milliseconds(100);

template <auto Release>
struct Releaser {
    void operator()(auto* handle) const { Release(handle); }
};
using PgResult = std::unique_ptr<PGresult, Releaser<PQclear>>;
using ConnOptions = std::unique_ptr<PQconninfoOption, Releaser<PQconninfoFree>>;

std::string trimmed(const char* text) {
    std::string line = text == nullptr ? "" : text;
    while (!line.empty() && (line.back() == '\n' || line.back() == ' ')) {
        line.pop_back();
    }
    for (char& c : line) {
        c = c == '\n' || c == '\t' ? ' ' : c;
    }
    return line;
}

bool contains(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

// A password with '@' or '/' in it, written as it is, reads as host, port or database, and would be quoted in a
// message as such. In a URI '@' stands once, behind the user and before the first '/'.
bool misplaced_at_sign(std::string_view uri) {
    const auto scheme = uri.find("://");
    if (scheme == std::string_view::npos) {
        return false;
    }
    std::string_view rest = uri.substr(scheme + 3);
    const auto first = rest.find_first_of("@/");
    if (first == std::string_view::npos) {
        return false;
    }
    rest.remove_prefix(first + 1);
    return rest.substr(0, rest.find('?')).find('@') != std::string_view::npos;
}

// libpq quotes a connection string that it cannot read, password and all, so its message is not used.
Status check_uri(const Secret& uri) {
    const std::string text(uri.reveal());
    char* message = nullptr;
    const ConnOptions parsed(PQconninfoParse(text.c_str(), &message));
    PQfreemem(message);
    if (!parsed || misplaced_at_sign(text)) {
        return Error{ErrorKind::usage, "the server's URI cannot be read",
                     "write it as postgresql://user@host:port/database, with special characters percent-encoded"};
    }
    for (const PQconninfoOption* option = parsed.get(); option->keyword != nullptr; ++option) {
        if (std::strcmp(option->keyword, "sslpassword") == 0 && option->val != nullptr && option->val[0] != '\0') {
            return Error{
                ErrorKind::usage,
                "the server's URI holds sslpassword, which pg_dump could only get as an argument that others can read",
                "use a key file without a passphrase, of mode 0600"};
        }
    }
    return done();
}

// libpq has no SQLSTATE for a connection that failed; a server that speaks another language is not understood.
bool says_wrong_password(const std::string& message) {
    return contains(message, "password authentication failed");
}

std::string connect_advice(const std::string& message, const PGconn* connection) {
    if (says_wrong_password(message) || contains(message, "no password supplied")) {
        return "check the user and the password that were given (postgres.uri, postgres.password_file, --to, "
               "PGPASSWORD)";
    }
    if (contains(message, "no pg_hba.conf entry")) {
        return "allow this user and address in the server's pg_hba.conf";
    }
    if (contains(message, "does not exist")) {
        return "create it, or correct the URI";
    }
    if (contains(message, "too many clients") || contains(message, "connection slots are reserved") ||
        contains(message, "too many connections")) {
        return "raise max_connections or the role's CONNECTION LIMIT, or grant pg_use_reserved_connections to the role "
               "(PostgreSQL 16 and newer)";
    }
    if (contains(message, "permission denied for database")) {
        return "as a superuser run: GRANT CONNECT ON DATABASE " + archive::quote_identifier(PQdb(connection)) + " TO " +
               archive::quote_identifier(PQuser(connection));
    }
    return "check that the server runs and that host and port are right";
}

Error connect_error(const PGconn* connection) {
    const std::string message = trimmed(PQerrorMessage(connection));
    return {ErrorKind::temporary, "cannot connect to PostgreSQL: " + message, connect_advice(message, connection)};
}

bool wait_for(int socket, short events, SteadyTime deadline, const std::stop_token& stop) {
    while (!stop.stop_requested() && std::chrono::steady_clock::now() < deadline) {
        pollfd entry{socket, events, 0};
        const int ready = ::poll(&entry, 1, static_cast<int>(stop_poll.count()));
        if (ready > 0 || (ready < 0 && errno != EINTR)) {
            return true;
        }
    }
    return false;
}

// False when the stop came first.
bool sleep_for(std::chrono::milliseconds pause, const std::stop_token& stop) {
    std::mutex mutex;
    std::unique_lock lock(mutex);
    std::condition_variable_any never;
    never.wait_for(lock, stop, pause, [] { return false; });
    return !stop.stop_requested();
}

Status finish_connecting(PGconn* connection, const std::stop_token& stop) {
    const auto deadline = std::chrono::steady_clock::now() + default_connect_timeout;
    auto wanted = PGRES_POLLING_WRITING;
    while (wanted != PGRES_POLLING_OK) {
        const short events = wanted == PGRES_POLLING_READING ? POLLIN : POLLOUT;
        if (!wait_for(PQsocket(connection), events, deadline, stop)) {
            if (stop.stop_requested()) {
                return Error{ErrorKind::interrupted, "stopped while connecting to PostgreSQL", {}};
            }
            return Error{ErrorKind::temporary, "cannot connect to PostgreSQL: no answer within 10 s",
                         "check that the server runs and that host and port are right"};
        }
        wanted = PQconnectPoll(connection);
        if (wanted == PGRES_POLLING_FAILED) {
            return connect_error(connection);
        }
    }
    return done();
}

using Cancel = std::unique_ptr<PGcancel, Releaser<PQfreeCancel>>;

void request(const Cancel& cancel) {
    std::array<char, 256> ignored{};
    PQcancel(cancel.get(), ignored.data(), static_cast<int>(ignored.size()));
}

// Waits in pieces, as libpq alone waits for ever: a cancel request that comes before its statement is lost, so it is
// repeated, and a server that does not answer it is given up (false).
bool await_answer(PGconn* connection, const Cancel& cancel, const std::stop_token& stop,
                  std::optional<SteadyTime>& give_up, const std::optional<SteadyTime>& deadline) {
    constexpr auto patience = std::chrono::seconds(3);
    while (PQisBusy(connection) != 0) {
        if (deadline && std::chrono::steady_clock::now() >= *deadline) {
            ::shutdown(PQsocket(connection), SHUT_RDWR);  // what may still come of it is nobody's answer
            return true;
        }
        if (stop.stop_requested()) {
            const auto now = std::chrono::steady_clock::now();
            give_up = give_up ? give_up : now + patience;
            if (now >= *give_up) {
                return false;
            }
            request(cancel);
        }
        pollfd entry{PQsocket(connection), POLLIN, 0};
        if (::poll(&entry, 1, static_cast<int>(stop_poll.count())) > 0 && PQconsumeInput(connection) == 0) {
            if (stop.stop_requested()) {
                request(cancel);  // we hung up ourselves: the server works on until it has something to say
            }
            return true;  // lost: PQgetResult says so
        }
    }
    return true;
}

// One result or the last of several; a failed one ends it.
PgResult await_result(PGconn* connection, const std::stop_token& stop,
                      const std::optional<std::chrono::milliseconds>& patience) {
    const auto deadline =
        patience ? std::optional(std::chrono::steady_clock::now() + *patience) : std::optional<SteadyTime>();
    const Cancel cancel(PQgetCancel(connection));  // now: a connection that was lost no longer has one
    std::optional<SteadyTime> give_up;
    PgResult last;
    while (await_answer(connection, cancel, stop, give_up, deadline)) {
        PgResult next(PQgetResult(connection));
        if (!next) {
            break;
        }
        if (!last || PQresultStatus(last.get()) != PGRES_FATAL_ERROR) {
            last = std::move(next);
        }
        const auto status = PQresultStatus(last.get());
        if (status == PGRES_COPY_OUT || status == PGRES_COPY_IN || status == PGRES_COPY_BOTH) {
            break;  // nobody here takes rows that way
        }
    }
    return last;
}

// A database of encoding SQL_ASCII holds bytes of no known meaning, also in the names of roles and tables. The server
// would refuse to send, or to take, those that are no UTF-8.
const char* client_encoding(const PGconn* connection) {
    const char* encoding = PQparameterStatus(connection, "server_encoding");
    return encoding != nullptr && std::strcmp(encoding, "SQL_ASCII") == 0 ? "SQL_ASCII" : "UTF8";
}

// Off by name, because a role or a database may have set any of them; which exist depends on the version.
std::string session_settings(const PGconn* connection, int version_num) {
    std::string sql =
        "SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0; "
        "SET search_path = pg_catalog; SET standard_conforming_strings = on; SET client_encoding = ";
    sql += client_encoding(connection);
    if (version_num >= 140000) {
        sql += "; SET idle_session_timeout = 0";
    }
    if (version_num >= 170000) {
        sql += "; SET transaction_timeout = 0";
    }
    return sql;
}

// The limit that this lifts holds for it as well: a role's own of a few milliseconds may end it on a busy machine.
Status lift_time_limit(Connection& connection) {
    constexpr int most_tries = 10;
    for (int tries = 1;; ++tries) {
        auto lifted = connection.execute("SET statement_timeout = 0");
        if (lifted || lifted.error().kind != ErrorKind::failed || tries == most_tries) {
            return lifted;
        }
    }
}

void append_option(std::string& conninfo, const std::string& keyword, const std::string& value) {
    conninfo += conninfo.empty() ? "" : " ";
    conninfo += keyword + "='";
    for (const char c : value) {
        if (c == '\'' || c == '\\') {
            conninfo += '\\';
        }
        conninfo += c;
    }
    conninfo += '\'';
}

// Which of the connection's own options a child gets. Passwords go another way; host, port, database and
// options are set by the caller; the rest is not about how to reach the server.
bool child_wants(std::string_view keyword) {
    static constexpr std::array<std::string_view, 18> wanted = {"user",
                                                                "hostaddr",
                                                                "connect_timeout",
                                                                "sslmode",
                                                                "sslcompression",
                                                                "sslcert",
                                                                "sslkey",
                                                                "sslrootcert",
                                                                "sslcrl",
                                                                "sslcrldir",
                                                                "sslsni",
                                                                "requirepeer",
                                                                "ssl_min_protocol_version",
                                                                "ssl_max_protocol_version",
                                                                "krbsrvname",
                                                                "gsslib",
                                                                "channel_binding",
                                                                "gssencmode"};
    return std::find(wanted.begin(), wanted.end(), keyword) != wanted.end();
}

}  // namespace

void Connection::Closer::operator()(pg_conn* connection) const {
    PQfinish(connection);
}

// What the server said as it ended the session: instead of an answer, or just behind one, where libpq takes it for a
// notice.
struct Connection::Farewell {
    bool told_to_go = false;
    bool crashed_on = false;

    void hear_notice(const PGresult* notice) noexcept {
        const char* severity = PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
        if (severity != nullptr && std::strcmp(severity, "FATAL") == 0) {
            hear(notice);
        } else if (says(notice, crash_shutdown)) {
            crashed_on = true;  // a warning is all that a server says of it
        }
    }
    void hear(const PGresult* message) noexcept {
        told_to_go = told_to_go || says(message, admin_shutdown);
        crashed_on = crashed_on || says(message, crash_shutdown);
    }

private:
    // Of PostgreSQL's errcodes.txt.
    static constexpr const char* admin_shutdown = "57P01";
    static constexpr const char* crash_shutdown = "57P02";

    static bool says(const PGresult* message, const char* code) noexcept {
        const char* state = PQresultErrorField(message, PG_DIAG_SQLSTATE);
        return state != nullptr && std::strcmp(state, code) == 0;
    }
};

Connection::Connection(pg_conn* connection, std::stop_token stop)
    : farewell_(std::make_unique<Farewell>()), connection_(connection), stop_(std::move(stop)) {
    PQsetNoticeReceiver(
        connection,
        [](void* farewell, const PGresult* notice) { static_cast<Farewell*>(farewell)->hear_notice(notice); },
        farewell_.get());
}
Connection::Connection(Connection&&) noexcept = default;
Connection& Connection::operator=(Connection&& other) noexcept {
    hang_up_.reset();  // before its socket's number can be another's
    connection_ = std::move(other.connection_);
    stop_ = std::move(other.stop_);
    patience_ = other.patience_;
    farewell_ = std::move(other.farewell_);
    hang_up_ = std::move(other.hang_up_);
    return *this;
}
Connection::~Connection() = default;

bool Connection::was_told_to_go() const noexcept {
    return farewell_->told_to_go;
}

bool Connection::was_crashed_on() noexcept {
    if (PQconsumeInput(connection_.get()) == 1) {
        (void)PQisBusy(connection_.get());  // takes it to pieces
    }
    return farewell_->crashed_on;
}

struct Connection::Attempt {
    Result<Connection> connection;
    bool password_refused = false;
};

Connection::Attempt Connection::attempt(const Server& server, const Secret* password,
                                        const std::optional<std::string>& database, const std::stop_token& stop) {
    const std::string uri(server.uri ? server.uri->reveal() : "");
    const std::string password_text(password != nullptr ? password->reveal() : "");
    std::vector<const char*> keywords = {"fallback_application_name"};
    std::vector<const char*> values = {"lifeboat"};
    const auto add = [&](const char* keyword, const char* value) {
        keywords.push_back(keyword);
        values.push_back(value);
    };
    if (server.uri) {
        add("dbname", uri.c_str());  // libpq takes the first dbname apart; later keywords are stronger
    }
    if (password != nullptr) {
        add("password", password_text.c_str());
    }
    if (database) {
        add("dbname", database->c_str());
    }
    add(nullptr, nullptr);
    // A database name that looks like a connection string is only ever expanded in the first dbname.
    const int expand = server.uri ? 1 : 0;
    Connection connection(PQconnectStartParams(keywords.data(), values.data(), expand), stop);
    if (!connection.connection_ || PQstatus(connection.connection_.get()) == CONNECTION_BAD) {
        return {connect_error(connection.connection_.get())};
    }
    if (auto connected = finish_connecting(connection.connection_.get(), stop); !connected) {
        const bool refused = says_wrong_password(connected.error().what);
        return {std::move(connected).error(), refused};
    }
    connection.hang_up_ = std::make_unique<OnStop>(
        stop, [socket = PQsocket(connection.connection_.get())] { ::shutdown(socket, SHUT_RDWR); });
    if (auto lifted = lift_time_limit(connection); !lifted) {
        return {std::move(lifted).error()};
    }
    if (auto set = connection.execute(session_settings(connection.connection_.get(), connection.version_num())); !set) {
        return {std::move(set).error()};
    }
    return {std::move(connection)};
}

// With every password that may be the right one. The error is of the first: that is the one its owner gave.
Connection::Attempt Connection::attempt_all(const Server& server, const std::optional<std::string>& database,
                                            const std::stop_token& stop) {
    if (!server.password) {
        return attempt(server, nullptr, database, stop);
    }
    std::optional<Attempt> first;
    for (const Secret& password : server.password->to_try()) {
        Attempt tried = attempt(server, &password, database, stop);
        if (tried.connection) {
            server.password->accepted(password);
        }
        if (tried.connection || !tried.password_refused) {
            return tried;
        }
        first = first ? std::move(first) : std::move(tried);
    }
    return *std::move(first);
}

Result<Connection> Connection::open(const Server& server, const std::optional<std::string>& database,
                                    const std::stop_token& stop) {
    if (server.uri) {
        if (auto checked = check_uri(*server.uri); !checked) {
            return std::move(checked).error();
        }
    }
    constexpr auto patience = std::chrono::seconds(90);
    constexpr auto longest_pause = std::chrono::milliseconds(10'000);
    const auto give_up = std::chrono::steady_clock::now() + patience;
    for (auto pause = std::chrono::milliseconds(200);; pause = std::min(2 * pause, longest_pause)) {
        auto tried = attempt_all(server, database, stop);
        const bool may_pass = tried.password_refused && server.password && server.password->was_accepted();
        if (!may_pass) {
            return std::move(tried.connection);
        }
        if (std::chrono::steady_clock::now() + pause > give_up) {
            server.password->give_up();
            return std::move(tried.connection);
        }
        if (!sleep_for(pause, stop)) {
            return Error{ErrorKind::interrupted, "stopped while connecting to PostgreSQL", {}};
        }
    }
}

Status Connection::query_failed(const void* result) {
    const auto* failure = static_cast<const PGresult*>(result);
    farewell_->hear(failure);
    if (stop_.stop_requested()) {
        return Error{ErrorKind::interrupted, "stopped while waiting for PostgreSQL", {}};
    }
    if (PQstatus(connection_.get()) != CONNECTION_OK) {
        return Error{ErrorKind::temporary,
                     "the connection to PostgreSQL was lost: " + trimmed(PQerrorMessage(connection_.get())),
                     "see the server's log; the next try connects anew"};
    }
    // The primary message only, as DETAIL may quote a row; and so may even that, where a value is of the wrong form.
    const char* primary = PQresultErrorField(failure, PG_DIAG_MESSAGE_PRIMARY);
    const char* hint = PQresultErrorField(failure, PG_DIAG_MESSAGE_HINT);
    return Error{ErrorKind::failed, "the server refused a statement", hint != nullptr ? hint : "",
                 fit_for_logs(trimmed(primary != nullptr ? primary : PQerrorMessage(connection_.get())))};
}

Result<Rows> Connection::query(const std::string& sql, const std::vector<std::string>& parameters) {
    if (stop_.stop_requested()) {
        return Error{ErrorKind::interrupted, "stopped", {}};
    }
    std::vector<const char*> values;
    values.reserve(parameters.size());
    for (const auto& parameter : parameters) {
        values.push_back(parameter.c_str());
    }
    const PgResult result = PQsendQueryParams(connection_.get(), sql.c_str(), static_cast<int>(values.size()), nullptr,
                                              values.data(), nullptr, nullptr, 0) == 1
                                ? await_result(connection_.get(), stop_, patience_)
                                : nullptr;
    const auto status = PQresultStatus(result.get());
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
        return query_failed(result.get()).error();
    }
    Rows rows(static_cast<std::size_t>(PQntuples(result.get())));
    for (int row = 0; row < PQntuples(result.get()); ++row) {
        for (int column = 0; column < PQnfields(result.get()); ++column) {
            auto& cell = rows[static_cast<std::size_t>(row)].emplace_back();
            if (PQgetisnull(result.get(), row, column) == 0) {
                cell.emplace(PQgetvalue(result.get(), row, column),
                             static_cast<std::size_t>(PQgetlength(result.get(), row, column)));
            }
        }
    }
    return rows;
}

Status Connection::execute(const std::string& sql) {
    if (stop_.stop_requested()) {
        return Error{ErrorKind::interrupted, "stopped", {}};
    }
    const PgResult result =
        PQsendQuery(connection_.get(), sql.c_str()) == 1 ? await_result(connection_.get(), stop_, patience_) : nullptr;
    const auto status = PQresultStatus(result.get());
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK && status != PGRES_EMPTY_QUERY) {
        return query_failed(result.get());
    }
    return done();
}

Result<std::string> Connection::value(const std::string& sql, const std::vector<std::string>& parameters) {
    auto rows = query(sql, parameters);
    if (!rows) {
        return std::move(rows).error();
    }
    if (rows->size() != 1 || rows->front().size() != 1) {
        return failed("the server's answer has an unexpected shape");
    }
    return rows->front().front().value_or("");
}

void Connection::close() {
    hang_up_.reset();
    const ClosedSession session(PQsocket(connection_.get()));
    connection_.reset();
    session.wait(std::chrono::seconds(1));
}

Result<bool> Connection::through_pooler() {
    auto process = value("SELECT pg_catalog.pg_backend_pid()");
    if (!process) {
        return std::move(process).error();
    }
    return *process != std::to_string(PQbackendPID(connection_.get()));
}

int Connection::version_num() const {
    return PQserverVersion(connection_.get());
}

std::string Connection::version_text() const {
    const char* text = PQparameterStatus(connection_.get(), "server_version");
    return text == nullptr ? "" : text;
}

std::string Connection::database() const {
    return PQdb(connection_.get());
}
std::string Connection::user() const {
    return PQuser(connection_.get());
}

std::string Connection::where() const {
    return std::string(PQhost(connection_.get())) + ":" + PQport(connection_.get());
}

std::string Connection::child_conninfo(const std::string& database, const std::string& options,
                                       const std::string& name) const {
    std::string conninfo;
    append_option(conninfo, "dbname", database);
    append_option(conninfo, "host", PQhost(connection_.get()));
    append_option(conninfo, "port", PQport(connection_.get()));
    std::string session_options;
    const ConnOptions all(PQconninfo(connection_.get()));
    for (const PQconninfoOption* option = all.get(); option != nullptr && option->keyword != nullptr; ++option) {
        if (option->val == nullptr || option->val[0] == '\0') {
            continue;
        }
        if (std::strcmp(option->keyword, "options") == 0) {
            session_options = std::string(option->val) + " ";
        } else if (child_wants(option->keyword)) {
            append_option(conninfo, option->keyword, option->val);
        }
    }
    append_option(conninfo, "options", session_options + options);
    append_option(conninfo, "application_name", name);
    append_option(conninfo, "keepalives_idle", "60");
    return conninfo;
}

Secret Connection::password() const {
    const char* text = PQpass(connection_.get());
    return Secret(text == nullptr ? "" : text);
}

}  // namespace lifeboat::postgres
