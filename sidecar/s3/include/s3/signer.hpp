// AWS Signature Version 4 for S3, in the Authorization header.
//
// libcurl's own signer is wrong in the versions that Debian ships (unsorted queries, a signed Expect, '+' in
// continuation tokens), hence this one. Source: "Signature Calculations for the Authorization Header: Transferring
// Payload in a Single Chunk", Amazon S3 API reference.
#pragma once

#include "s3/encoding.hpp"
#include "secret/secret.hpp"

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace lifeboat::s3 {

// SHA-256 of no bytes.
inline constexpr std::string_view empty_payload = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

struct Credentials {
    std::string access_key_id;
    Secret secret_access_key;
    std::optional<Secret> session_token;
};

// Header names in lower case, so that the map's order is the canonical one.
using Headers = std::map<std::string, std::string>;

struct SigningInput {
    std::string method;        // "GET"
    std::string path;          // absolute, neither encoded nor normalised: "/bucket/a key"; empty means "/"
    Query query;               // not encoded yet
    Headers headers;           // all that are to be signed; must hold "host"; no line breaks in values
    std::string payload_hash;  // 64 lower-case hex digits, or "UNSIGNED-PAYLOAD"
};

// The headers to add to `input.headers` before sending: authorization, x-amz-date, x-amz-content-sha256, and
// x-amz-security-token where there is a session token. `now` is the time by the server's clock, to the second.
// What an earlier sign() added to `input.headers` is not signed again but replaced, so signing anew is no special case.
// The result holds a secret (the token): it is sent and never logged. Any thread. Throws std::runtime_error where
// OpenSSL has no HMAC-SHA256 to offer, which is a broken installation.
Headers sign(const SigningInput& input, const Credentials& credentials, std::string_view region,
             std::chrono::system_clock::time_point now);

// The steps, for tests against published vectors. `input.headers` holds everything that is signed.
std::string canonical_request(const SigningInput& input);
std::string string_to_sign(std::string_view canonical, std::string_view region,
                           std::chrono::system_clock::time_point now);

}  // namespace lifeboat::s3
