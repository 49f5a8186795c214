// To whom a dump gave way, in words that may be shown anywhere.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace lifeboat::postgres {

struct GaveWay {
    enum class To {
        statement,  // another session waited for a lock that the dump held
        replay,     // so did a standby's replay of what its primary did
        promotion,  // the standby that was being dumped became the primary
        shutdown,   // the server takes no new sessions: it shuts down
    };
    To to = To::statement;
    std::string kind = {};  // of a statement: "ALTER TABLE", as statement_kind() has it; never its text
    std::chrono::milliseconds waited{0};
};

// The whole server stands behind it, and not one database of it.
constexpr bool is_of_the_server(const GaveWay& gave_way) {
    return gave_way.to == GaveWay::To::promotion || gave_way.to == GaveWay::To::shutdown;
}

// "ALTER TABLE", "the server's shutdown": what the dump gave way to.
std::string name_of(const GaveWay& gave_way);

// "gave way to ALTER TABLE, which had waited for 5 s for a lock of the dump".
std::string in_words(const GaveWay& gave_way);

// What one can do about it: one sentence.
std::string cure_of(const GaveWay& gave_way);

}  // namespace lifeboat::postgres
