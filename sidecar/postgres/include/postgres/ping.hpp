// Does a server take new sessions?
#pragma once

#include "postgres/connection.hpp"

#include <chrono>
#include <stop_token>
#include <string>

namespace lifeboat::postgres {

// What PQping does, by a session that is asked for and left before it has begun: a server that shuts down in the smart
// way waits for the open ones, and tells only who comes anew. It does so first of all, before it asks who that is, so
// that nobody has to say so: a password costs both ends milliseconds of a processor each time, which other sessions
// notice. (libpq's own can neither be stopped nor kept from looking for a password elsewhere.)
class Pinger {
public:
    // Of the server that `connection` has reached, in the name of the same user.
    explicit Pinger(const Connection& connection);

    // Whether the server says that it takes nobody now (SQLSTATE 57P03): it shuts down, or starts. No answer within
    // `longest` is no such word, nor is a refusal for another reason. Returns when the server has let go of the
    // session. Any thread.
    [[nodiscard]] bool turned_away(std::chrono::milliseconds longest, const std::stop_token& stop) const;

private:
    std::string conninfo_;
};

}  // namespace lifeboat::postgres
