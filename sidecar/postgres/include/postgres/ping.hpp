// Does a server take new sessions?
#pragma once

#include "postgres/connection.hpp"
#include "secret/secret.hpp"

#include <chrono>
#include <functional>
#include <stop_token>
#include <string>

namespace lifeboat::postgres {

// What PQping does, by a session that is begun and ended: a server that shuts down in the smart way waits for the open
// ones, and tells only who comes anew. (libpq's own can neither be stopped nor kept from looking for a password
// elsewhere.)
class Pinger {
public:
    // Of the server that `connection` has reached, as the same user. The password is what server.password has then.
    Pinger(const Server& server, const Connection& connection);

    // Whether the server says that it takes nobody now (SQLSTATE 57P03): it shuts down, or starts. No answer within
    // `longest` is no such word, nor is a refusal for another reason. Returns when the server has let go of the
    // session. Any thread.
    [[nodiscard]] bool turned_away(std::chrono::milliseconds longest, const std::stop_token& stop) const;

private:
    std::string conninfo_;
    std::function<Secret()> password_;
};

}  // namespace lifeboat::postgres
