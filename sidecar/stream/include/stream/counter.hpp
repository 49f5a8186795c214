#pragma once

#include "stream/sink.hpp"

#include <atomic>
#include <cstdint>

namespace lifeboat::stream {

// Passes everything on and counts the bytes. The count may be read from any thread at any time.
class Counter final : public Sink {
public:
    explicit Counter(Sink& next) : next_(next) {}

    Status write(Bytes chunk) override;
    Status finish() override { return next_.finish(); }

    [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_.load(std::memory_order_relaxed); }

private:
    Sink& next_;
    std::atomic<std::uint64_t> bytes_{0};
};

// Takes everything and keeps nothing: the end of a stream that is only looked at.
class Discard final : public Sink {
public:
    Status write(Bytes /*chunk*/) override { return done(); }
    Status finish() override { return done(); }
};

}  // namespace lifeboat::stream
