// The sidecar's side of the control socket: how `lifeboat status` and `lifeboat drain` reach the running sidecar.
//
// An abstract Unix socket, "@lifeboat/<instance>", or "@lifeboat/" while no instance name is known. Abstract names
// belong to the network namespace, so every container of a pod sees them, and they end with the process: there is no
// file to clean up, and none to find stale.
//
// Who may ask: processes of the same user (SO_PEERCRED). Anyone else gets a message and nothing more.
//
// No thread of its own, and no call here waits: the caller's loop watches one descriptor. Everything a client can do is
// bounded, in memory (requests of at most `Limits::request` bytes, at most `Limits::connections` of them) and in time
// (slow ones are dropped), so that neither a slow nor a hostile client delays the loop or makes it grow.
//
// The protocol, for one connection: the client sends one line ("status\n", "drain\n"); the server answers
// "ok <bytes>\n" or "error <bytes>\n", then so many bytes of JSON, and closes.
#pragma once

#include "result/result.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

namespace lifeboat::control {

// An answer that may be given later, once. On the server's thread only. Safe to use when the client has gone, and when
// the Server has: then nothing happens. One that is destroyed without an answer tells the client that there will be
// none.
class Reply {
public:
    class Line;  // the connection; the server's own business

    explicit Reply(std::weak_ptr<Line> line) noexcept;
    Reply(Reply&&) noexcept;
    Reply& operator=(Reply&&) noexcept;
    Reply(const Reply&) = delete;
    Reply& operator=(const Reply&) = delete;
    ~Reply();

    // `json` is one JSON document.
    void answer(const std::string& json);
    void fail(const Error& error);

    // False once the client has hung up or has been dropped: nobody waits for this any more.
    [[nodiscard]] bool wanted() const noexcept;

private:
    std::weak_ptr<Line> line_;
};

// What the sidecar does when asked. Called from Server::on_ready() and Server::listen_as() alone, on their thread. None
// of them may wait, throw, or destroy the Server.
class Handler {
public:
    Handler() = default;
    Handler(const Handler&) = delete;
    Handler& operator=(const Handler&) = delete;
    virtual ~Handler() = default;

    // One JSON document. Without secrets, rows or names of tables.
    virtual std::string status() = 0;

    // Let go of the server now, and start nothing. Keep `reply`, and answer it when every connection to PostgreSQL is
    // closed; several may wait at once. A client hears of a failure after `Limits::answer` in any case. What the answer
    // holds is the caller's choice; a JSON object.
    virtual void drain(Reply reply) = 0;

    // From now on clients find us as `address` ("@lifeboat/basketball-api"). Called on changes only.
    virtual void reachable(const std::string& address) = 0;

    // The name could not be had; tried again every `Limits::retry` without a word until the reason changes or it
    // succeeds. The name held before, if there was one, is held on to meanwhile.
    virtual void unreachable(const Error& why) = 0;
};

// Real time, by the monotonic clock.
struct Limits {
    std::size_t request = 256;                // bytes of a request, with its line break
    std::size_t connections = 16;             // a further one replaces the oldest that does not ask or does not read
    std::chrono::milliseconds asking{5000};   // from connecting until the request is there
    std::chrono::milliseconds answer{30000};  // from the request until Reply::answer
    std::chrono::milliseconds sending{5000};  // from the answer until the client has taken all of it
    std::chrono::milliseconds retry{10000};   // between two tries to take a name
};

class Server {
public:
    // Listens nowhere yet: call listen_as(). Fails only when the process is out of descriptors or memory: worth
    // another try later. The handler must outlive the Server.
    static Result<std::unique_ptr<Server>> open(Handler& handler, const Limits& limits = {});

    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    ~Server();  // drops the name and every connection; waiting clients are told that the sidecar has ended

    // Takes the name of `instance`; empty: no name is known. Then drops the one held before. Connections live on.
    // Nothing happens when it is held already. Whether it worked is told by Handler::reachable() or unreachable(),
    // before this returns; one that is taken by another process is tried again until it is free or another is asked
    // for.
    void listen_as(const std::string& instance);

    // Watch for POLLIN, and call on_ready() when it is there. The same one for the Server's life; idle unless a client
    // is there or a name is waited for (it has its own timer inside, so the caller needs no deadline for it).
    [[nodiscard]] int fd() const noexcept;

    // Does what can be done without waiting, a bounded piece of it. May be called for nothing.
    void on_ready();

    // "@lifeboat/…" as held now; empty when none is.
    [[nodiscard]] const std::string& address() const noexcept;

private:
    class Desk;

    explicit Server(std::shared_ptr<Desk> desk) noexcept;

    std::shared_ptr<Desk> desk_;
};

}  // namespace lifeboat::control
