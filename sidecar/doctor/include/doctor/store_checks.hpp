// The store's side of the doctor: what this key can do there, and what the bucket does with what it holds.
#pragma once

#include "catalogue/catalogue.hpp"
#include "doctor/finding.hpp"
#include "store/bucket_probe.hpp"
#include "store/object_store.hpp"

#include <chrono>
#include <optional>
#include <string>

namespace lifeboat::doctor {

enum class Right { yes, no, unknown };

// What was seen of the key and of the bucket: thief.hpp draws its answers from this.
struct StoreSights {
    bool bucket = false;  // else a folder
    bool b2 = false;      // Backblaze B2, where the right to write is the right to hide
    Right reads = Right::unknown;
    Right writes = Right::unknown;
    Right deletes = Right::unknown;  // for good, by version id
    std::optional<s3::Versioning> versioning;
    std::optional<s3::ObjectLockReply> object_lock;
};

struct StoreQuestions {
    store::ObjectStore& store;
    store::BucketProbe* probe = nullptr;  // of a bucket; none for a folder
    catalogue::Layout layout;
    std::string endpoint_host = {};  // without a port; empty for a folder
    bool plain_http = false;
    unsigned keep_days = 0;
    std::optional<std::chrono::milliseconds> expires_after = {};
    std::chrono::system_clock::time_point now;
};

struct StoreFindings {
    Findings findings;
    StoreSights sights;
    std::optional<catalogue::Catalogue> catalogue;  // where the key may read it
};

// Nothing that is stored is changed but RESTORE.txt, which is deleted and written again where the store lets a locked
// or foreign-proof object go: there is no other way to see that.
StoreFindings check_store(const StoreQuestions& questions);

// Whether this host's name or address is one of a cluster's or of a private network.
enum class Reach { outside, private_network, cluster, this_machine };
Reach reach_of(const std::string& host);

}  // namespace lifeboat::doctor
