// How a bucket is set up, as S3 servers answer it: XML into values.
//
// The same promises as replies.hpp: foreign bytes do no harm, and what is not understood is an empty optional.
// API: AWS S3 API Reference, GetBucketVersioning and GetObjectLockConfiguration (2006-03-01).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace lifeboat::s3 {

enum class Versioning {
    on,
    suspended,  // versions that are there stay, and new ones replace each other
    off,        // never was on
};

// <VersioningConfiguration>
std::optional<Versioning> parse_versioning(std::string_view body);

// How objects are locked that are uploaded without a word about it.
struct DefaultRetention {
    std::string mode;        // "COMPLIANCE" or "GOVERNANCE"
    std::uint64_t days = 0;  // a year counts for 365
};

struct ObjectLockReply {
    bool enabled = false;
    std::optional<DefaultRetention> retention;
};

// <ObjectLockConfiguration>
std::optional<ObjectLockReply> parse_object_lock(std::string_view body);

}  // namespace lifeboat::s3
