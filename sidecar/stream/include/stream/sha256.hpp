// SHA-256 (FIPS 180-4), over OpenSSL.
#pragma once

#include "stream/sink.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace lifeboat::stream {

class Sha256 {
public:
    Sha256();
    Sha256(Sha256&&) noexcept;
    Sha256& operator=(Sha256&&) noexcept;
    ~Sha256();

    void update(Bytes chunk);
    std::string hex();  // 64 lower-case digits; call once, last

private:
    struct State;
    std::unique_ptr<State> state_;
};

std::string sha256_hex(std::string_view text);

// Passes everything on, counting and hashing it.
class Sha256Tap final : public Sink {
public:
    explicit Sha256Tap(Sink& next) : next_(next) {}

    Status write(Bytes chunk) override;
    Status finish() override { return next_.finish(); }

    [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
    std::string hex() { return hash_.hex(); }  // call once, last

private:
    Sink& next_;
    Sha256 hash_;
    std::uint64_t bytes_ = 0;
};

}  // namespace lifeboat::stream
