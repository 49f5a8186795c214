// Questions about a bucket that no backup asks: how it is set up, and what a key may do there.
//
// For the doctor. Each question is one request or two, none but try_to_delete() changes what is stored, and what the
// key may not see is an error: it is not known then.
#pragma once

#include "result/result.hpp"
#include "s3/bucket_config.hpp"
#include "s3/replies.hpp"
#include "store/object_key.hpp"
#include "store/s3_store.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace lifeboat::store {

// What keeps one version of an object from being deleted.
struct LockOfObject {
    std::string mode;   // "COMPLIANCE", "GOVERNANCE"; empty: none that this key may see
    std::string until;  // as the store writes it
};

// What a first listing came to.
struct Greeting {
    Status listed = done();
    bool known = false;         // the store answered, it has this bucket, and the signature was good
    bool other_region = false;  // the store says that the bucket is in another region than the one signed for
    std::string region;         // the one signed for
};

// What came of a deletion that was tried.
enum class Deletion {
    refused,  // the key has no right to, or the object is locked
    done,     // the version is gone, or was not there
};

// One thread at a time.
class BucketProbe {
public:
    BucketProbe() = default;
    BucketProbe(const BucketProbe&) = delete;
    BucketProbe& operator=(const BucketProbe&) = delete;
    virtual ~BucketProbe() = default;

    // Lists one object below `prefix`, which is in the store.
    virtual Greeting greet(const std::string& prefix) = 0;

    virtual Result<s3::Versioning> versioning() = 0;
    // ObjectLockReply{} where the bucket has no object lock.
    virtual Result<s3::ObjectLockReply> object_lock() = 0;
    // not_found where there is no such object, and the store says so to this key.
    virtual Result<LockOfObject> lock_of(const ObjectKey& key, const std::string& version_id) = 0;

    // The bucket's rules for what is below the store's prefix, their own prefixes without it; empty where one is for
    // all of that.
    virtual Result<std::vector<s3::LifecycleRule>> rules() = 0;

    // Whether an object could be written under `key`: begins an upload there and takes it back. Nothing stays.
    virtual Status may_write(const ObjectKey& key) = 0;

    // Deletes this version for good, if the store lets it: for what is not there, or can be written anew. `version_id`
    // empty: by name, which only hides where the bucket keeps versions.
    virtual Result<Deletion> try_to_delete(const ObjectKey& key, const std::string& version_id) = 0;

    // The store's clock less ours, by the last answer; empty before the first, or where it names no time.
    [[nodiscard]] virtual std::optional<std::chrono::seconds> clock_offset() const = 0;
};

// As open_s3.
Result<std::unique_ptr<BucketProbe>> open_bucket_probe(const S3Options& options);

// The same over another transport and timer, which must outlive the probe.
Result<std::unique_ptr<BucketProbe>> open_bucket_probe(const S3Options& options, s3::Transport& transport,
                                                       s3::Timer& timer);

}  // namespace lifeboat::store
