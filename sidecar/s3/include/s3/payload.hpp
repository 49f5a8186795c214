// The body of a request with the digests that S3 wants of it.
#pragma once

#include "stream/sink.hpp"

#include <array>
#include <string>
#include <vector>

namespace lifeboat::s3 {

// MD5 (RFC 1321) guards against accidents on the way, and is what ETags are made of; never for security.
using Md5 = std::array<unsigned char, 16>;

struct Payload {
    Payload();  // no bytes
    explicit Payload(stream::Bytes body);

    stream::Bytes bytes;  // not owned
    std::string sha256;   // 64 lower-case hex digits
    Md5 md5{};
};

Md5 md5_of(stream::Bytes bytes);
std::string md5_hex(const Md5& digest);
std::string md5_base64(const Md5& digest);

// The ETag of an object that was put together from parts, on servers that make it the usual way: the MD5 of the
// parts' MD5s, a hyphen, and their number.
std::string multipart_etag(const std::vector<Md5>& parts);

}  // namespace lifeboat::s3
