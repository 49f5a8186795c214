// What the tests of this room share: an end for the stages, and both directions in one call.
#pragma once

#include "age/age_stream.hpp"
#include "age/keys.hpp"
#include "result/result.hpp"
#include "stream/sink.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lifeboat::age {

// Keeps what it is given, and knows whether it was finished.
class Collector final : public stream::Sink {
public:
    Status write(stream::Bytes chunk) override {
        text.append(stream::as_text(chunk));
        largest = std::max(largest, chunk.size());
        return done();
    }
    Status finish() override {
        ++finishes;
        return done();
    }

    std::string text;
    std::size_t largest = 0;
    int finishes = 0;
};

inline Status feed(stream::Sink& stage, std::string_view text, std::size_t piece) {
    while (!text.empty()) {
        const std::string_view front = text.substr(0, piece);
        if (Status written = stage.write(stream::as_bytes(front)); !written) {
            return written;
        }
        text.remove_prefix(front.size());
    }
    return stage.finish();
}

inline constexpr std::size_t at_once = static_cast<std::size_t>(-1);

inline std::string encrypt(const std::vector<Recipient>& recipients, std::string_view plaintext,
                           std::size_t piece = at_once) {
    Collector file;
    auto stage = encryptor(recipients, file);
    EXPECT_TRUE(stage.ok());
    EXPECT_TRUE(feed(**stage, plaintext, piece).ok());
    EXPECT_EQ(file.finishes, 1);
    return file.text;
}

// How far a file could be opened, and why no further.
struct Opened {
    Status status;
    std::string plaintext;
    int finishes = 0;
};

inline Opened decrypt(const std::vector<Identity>& identities, std::string_view file, std::size_t piece = at_once) {
    Collector plaintext;
    const auto stage = decryptor(identities, plaintext);
    Status status = feed(*stage, file, piece);
    return {std::move(status), std::move(plaintext.text), plaintext.finishes};
}

inline Identity new_identity() {
    return Identity::generate().value();
}

// Bytes that repeat with a period that fits no chunk, so a chunk in the wrong place shows.
inline std::string sample(std::size_t size) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i) {
        text[i] = static_cast<char>((i * 7 + i / 251) & 255U);
    }
    return text;
}

inline constexpr std::size_t chunk = 65536;
inline constexpr std::size_t tag = 16;
inline constexpr std::size_t nonce = 16;

// Where the payload's nonce begins: after the line of the MAC.
inline std::size_t header_size(const std::string& file) {
    return file.find('\n', file.find("\n--- ") + 1) + 1;
}

}  // namespace lifeboat::age
