// Pages of a bucket's listings, one entry at a time.
#pragma once

#include "bucket/bucket.hpp"
#include "result/result.hpp"
#include "s3/replies.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

namespace lifeboat::store {

struct Listed {
    std::string key;         // in the bucket
    std::string version_id;  // empty where versions are not listed
    bool hide_marker = false;
    std::uint64_t size = 0;
    std::chrono::system_clock::time_point modified;
    std::string etag;
};

enum class Onward { go_on, stop };

// Keys ascending, each with its newest version first. `prefix` is in the bucket. An error from `visit` ends the
// listing and is returned.
Status list_bucket(Bucket& bucket, const std::string& prefix, const std::function<Result<Onward>(const Listed&)>& visit,
                   Purpose purpose = Purpose::look);

struct ListedUnfinished {
    std::string key;
    std::string upload_id;
    std::chrono::system_clock::time_point initiated;
};
Status list_unfinished(Bucket& bucket, const std::string& prefix,
                       const std::function<Status(const ListedUnfinished&)>& visit, Purpose purpose = Purpose::look);

// The bucket's rules of age. Not worth waiting long for.
Result<std::vector<s3::LifecycleRule>> read_lifecycle(Bucket& bucket);

}  // namespace lifeboat::store
