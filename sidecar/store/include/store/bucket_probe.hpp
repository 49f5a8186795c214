// Questions about a bucket that no backup asks: how it is set up, and what a key may do there.
//
// For the doctor. Each question is one request or two, none changes what is stored, and a right that the key lacks is
// an error of its own kind: what could not be seen is not known.
#pragma once

#include "result/result.hpp"
#include "s3/bucket_config.hpp"
#include "store/object_key.hpp"
#include "store/s3_store.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>

namespace lifeboat::store {

// What keeps one version of an object from being deleted.
struct LockOfObject {
    std::string mode;   // "COMPLIANCE", "GOVERNANCE"; empty: none that this key may see
    std::string until;  // as the store writes it
};

// What came of a deletion that was tried.
enum class Deletion {
    refused,  // the key has no right to, or the object is locked
    done,     // the version is gone
};

// One thread at a time.
class BucketProbe {
public:
    BucketProbe() = default;
    BucketProbe(const BucketProbe&) = delete;
    BucketProbe& operator=(const BucketProbe&) = delete;
    virtual ~BucketProbe() = default;

    virtual Result<s3::Versioning> versioning() = 0;
    // ObjectLockReply{} where the bucket has no object lock.
    virtual Result<s3::ObjectLockReply> object_lock() = 0;
    virtual Result<LockOfObject> lock_of(const ObjectKey& key, const std::string& version_id) = 0;

    // Whether an object could be written under `key`: begins an upload there and takes it back. Nothing stays.
    virtual Status may_write(const ObjectKey& key) = 0;

    // Deletes this version for good, if the store lets it: only for what can be written anew.
    virtual Result<Deletion> try_to_delete(const ObjectKey& key, const std::string& version_id) = 0;

    // The store's clock less ours, by the last answer; empty before the first, or where it names no time.
    [[nodiscard]] virtual std::optional<std::chrono::seconds> clock_offset() const = 0;
};

// As open_s3.
Result<std::unique_ptr<BucketProbe>> open_bucket_probe(const S3Options& options);

}  // namespace lifeboat::store
