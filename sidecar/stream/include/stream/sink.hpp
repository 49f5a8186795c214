// The one shape that every stage of a backup and of a restore has: bytes in, bytes out, finish.
#pragma once

#include "result/result.hpp"

#include <cstddef>
#include <span>
#include <string_view>

namespace lifeboat::stream {

using Bytes = std::span<const std::byte>;

inline Bytes as_bytes(std::string_view text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}

inline std::string_view as_text(Bytes bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};  // NOLINT(*-reinterpret-cast)
}

// A stage holds a reference to the next one and passes on what it makes of its input. The chain is owned
// by whoever built it, which destroys it from the front to the back.
//
// One thread at a time. After an error a stage is only good for being destroyed: every further call
// returns an error. A stage that is destroyed without a successful finish() has promised nothing: the
// stage at the end throws away what it received.
class Sink {
public:
    Sink() = default;
    Sink(const Sink&) = delete;
    Sink& operator=(const Sink&) = delete;
    virtual ~Sink() = default;

    // Takes the whole chunk, of any size, or fails. The bytes may be reused when it returns.
    virtual Status write(Bytes chunk) = 0;

    // Called once, at the end of a complete stream: flushes this stage, then finishes the next one.
    virtual Status finish() = 0;
};

}  // namespace lifeboat::stream
