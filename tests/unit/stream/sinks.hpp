// Ends of streams that tell a test what came, and sources of bytes for it.
#pragma once

#include "stream/sink.hpp"

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>

namespace lifeboat::stream {

class Collected final : public Sink {
public:
    Status write(Bytes chunk) override {
        text.append(as_text(chunk));
        return done();
    }
    Status finish() override {
        ++finishes;
        return done();
    }

    std::string text;
    int finishes = 0;
};

// Takes `limit` bytes, and fails from then on.
class Failing final : public Sink {
public:
    explicit Failing(std::size_t limit = 0) : left_(limit) {}
    Status write(Bytes chunk) override {
        if (chunk.size() > left_) {
            left_ = 0;
            return error();
        }
        left_ -= chunk.size();
        return done();
    }
    Status finish() override {
        ++finishes;
        return error();
    }

    static Error error() { return {ErrorKind::temporary, "the later stage failed", {}}; }

    int finishes = 0;

private:
    std::size_t left_;
};

inline std::string random_text(std::size_t size, unsigned seed = 1) {
    std::mt19937 dice(seed);
    std::string text(size, '\0');
    std::generate(text.begin(), text.end(), [&dice] { return static_cast<char>(dice() & 0xFFU); });
    return text;
}

// Compresses well, as dumps do.
inline std::string repetitive_text(std::size_t size) {
    std::string text;
    for (unsigned row = 0; text.size() < size; ++row) {
        text += std::to_string(row) + "\tthe same words in every row\n";
    }
    text.resize(size);
    return text;
}

// In pieces of 0 to `largest` bytes.
inline Status write_in_pieces(Sink& to, std::string_view text, std::size_t largest, unsigned seed = 1) {
    std::mt19937 dice(seed);
    std::uniform_int_distribution<std::size_t> size(0, largest);
    while (!text.empty()) {
        const auto piece = text.substr(0, size(dice));
        if (auto written = to.write(as_bytes(piece)); !written) {
            return written;
        }
        text.remove_prefix(piece.size());
    }
    return done();
}

}  // namespace lifeboat::stream
