// Keys of the age file format, version 1, X25519 only: whom a backup is encrypted to, and who can open it.
// Format: https://c2sp.org/age (age-encryption.org/v1). Text form: Bech32 as in BIP 173, without the
// 90-character limit.
#pragma once

#include "result/result.hpp"
#include "secret/secret.hpp"

#include <array>
#include <compare>
#include <string>
#include <string_view>
#include <vector>

namespace lifeboat::age {

// A public key, "age1…". Not a secret.
class Recipient {
public:
    // ErrorKind::usage says what is wrong (a checksum that does not fit, a secret key in its place, an
    // SSH or plugin recipient) and, for a secret key, never repeats it.
    static Result<Recipient> parse(std::string_view text);

    [[nodiscard]] std::string text() const;  // "age1…", lower case
    [[nodiscard]] const std::array<unsigned char, 32>& bytes() const noexcept { return bytes_; }

    friend auto operator<=>(const Recipient&, const Recipient&) = default;

private:
    friend class Identity;
    explicit Recipient(const std::array<unsigned char, 32>& bytes) : bytes_(bytes) {}
    std::array<unsigned char, 32> bytes_;
};

// A secret key, "AGE-SECRET-KEY-1…".
class Identity {
public:
    static Result<Identity> generate();
    static Result<Identity> parse(std::string_view text);  // errors never repeat the text

    [[nodiscard]] Recipient recipient() const;
    [[nodiscard]] Secret text() const;                                       // "AGE-SECRET-KEY-1…", upper case
    [[nodiscard]] const Secret& scalar() const noexcept { return scalar_; }  // 32 bytes

private:
    static Result<Identity> from_scalar(Secret scalar);
    Identity(Secret scalar, const Recipient& recipient) : scalar_(std::move(scalar)), recipient_(recipient) {}
    Secret scalar_;
    Recipient recipient_;
};

// Every identity of an identity file as age-keygen writes it: one key a line, blank lines and lines that
// begin with # are passed over. `name` is for messages ("/etc/key.txt", "standard input"). A file without
// any key, with a line that is no key (the error names its number), or that is itself encrypted, is
// ErrorKind::usage.
Result<std::vector<Identity>> parse_identities(std::string_view text, std::string_view name);

}  // namespace lifeboat::age
