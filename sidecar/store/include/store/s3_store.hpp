// A bucket of an S3 server as an object store: Backblaze B2, AWS S3, Cloudflare R2, DigitalOcean Spaces, Wasabi,
// MinIO, Ceph and others of their kind. docs/stores.md says what each needs and what it cannot do.
//
//   - An object up to one part goes up in one PUT, a larger one in parts of one fixed size, several at a time. Each
//     part stays in memory until the store has it. A store holds part_size * (uploads + 1) bytes for an upload under
//     way, and the same for a read.
//   - Every body goes with its SHA-256 (signed) and its MD5; the store refuses what arrives otherwise.
//   - An object counts as stored when the store gave its ETag and then showed it with the right size (and ETag, where
//     that is the MD5 it looks like), by HEAD or, for a key that may not read, by a listing. A reply that was lost is
//     settled the same way, by a token that only this upload has; an upload that cannot be settled has failed.
//   - Nothing is replaced: If-None-Match guards the key where the store knows it; elsewhere the key is looked up right
//     before, which two writers of one key at the same moment can slip through.
//   - list() shows every version, and hide markers, where the store has them and the key may see them
//     (ListObjectVersions); elsewhere one version of each object (ListObjectsV2).
//   - remove() deletes by version id. It never hides.
//   - Requests are tried again by their kind of failure until `retry_for` has passed since the first one. A stop ends
//     every wait and every request at once, with ErrorKind::interrupted; an upload that is given up is still aborted,
//     as far as that takes less than three seconds.
#pragma once

#include "result/result.hpp"
#include "s3/credentials.hpp"
#include "s3/endpoint.hpp"
#include "s3/http.hpp"
#include "s3/retry.hpp"
#include "store/object_store.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

namespace lifeboat::store {

struct S3Options {
    std::string bucket;
    std::string prefix;                   // no slash at either end; may be empty
    std::optional<std::string> endpoint;  // "https://HOST"; empty: AWS in `region`
    std::optional<std::string> region;    // empty: derived from the endpoint
    s3::Addressing addressing = s3::Addressing::automatic;
    s3::ReadCredentials credentials;  // asked for every request: they may change
    std::optional<std::filesystem::path> ca_file;
    std::uint64_t part_size = std::uint64_t{8} << 20U;  // bytes; S3 wants 5 MiB at least
    unsigned uploads = 3;                               // parts under way at once
    unsigned largest_part_number = 10'000;              // an object has no more parts than this
    std::optional<std::uint64_t> upload_rate;           // bytes in a second; empty: unlimited
    std::optional<std::chrono::seconds> lock_for;       // object lock in compliance mode; empty: what the bucket says
    std::chrono::milliseconds retry_for{240'000};
    std::chrono::milliseconds stall_after{60'000};  // a request in which no byte moves for so long has failed
    // Hears why a request is tried once more, and after which pause; not of first hiccups. Called from any thread.
    std::function<void(const Error& why, std::chrono::milliseconds pause)> before_retry = {};
    std::stop_token stop;
};

// ErrorKind::usage when the endpoint is none, or the key holds what cannot stand in a header. Nothing is connected to
// before the first verb.
Result<std::unique_ptr<ObjectStore>> open_s3(const S3Options& options);

// The same over another transport and timer, which must outlive the store.
Result<std::unique_ptr<ObjectStore>> open_s3(const S3Options& options, s3::Transport& transport, s3::Timer& timer);

}  // namespace lifeboat::store
