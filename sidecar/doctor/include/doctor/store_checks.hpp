// The store's side of the doctor: what this key can do there, and what the bucket does with what it holds.
#pragma once

#include "catalogue/catalogue.hpp"
#include "doctor/bucket_rules.hpp"
#include "doctor/finding.hpp"
#include "store/bucket_probe.hpp"
#include "store/object_store.hpp"

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

namespace lifeboat::doctor {

// What was seen of the key and of the bucket: thief.hpp draws its answers from this.
struct StoreSights {
    bool bucket = false;  // else a folder
    bool b2 = false;      // Backblaze B2, where the right to write is the right to hide
    Right reads = Right::unknown;
    bool catalogue = false;      // the manifests were read
    bool plain_backups = false;  // some are stored without encryption
    Right writes = Right::unknown;
    Right deletes = Right::unknown;  // for good, where nothing is locked
    std::optional<s3::Versioning> versioning = std::nullopt;
    bool lock_seen = false;  // the bucket said whether it has object lock, and which default retention
    // For how many days everything is locked in compliance mode; empty: not at all, or it was not seen.
    std::optional<std::uint64_t> locked_days = std::nullopt;
    Right locks_hold = Right::unknown;  // seen by a deletion that was tried
    bool rules_seen = false;            // the bucket said which lifecycle rules it has
    // In days, by those rules; empty: none deletes what was hidden or written over, or they were not seen.
    std::optional<std::uint64_t> hidden_deleted_after = std::nullopt;
};

struct StoreQuestions {
    store::ObjectStore& store;
    catalogue::Layout layout;

    // Of a bucket.
    store::BucketProbe* probe = nullptr;
    std::string endpoint_host = {};  // without a port
    bool plain_http = false;
    bool region_given = false;                    // by store.region
    std::optional<std::uint64_t> lock_days = {};  // that each upload asks for: store.object_lock

    // Of a folder.
    std::filesystem::path folder = {};

    bool for_reading = false;  // nobody makes backups with this key
    catalogue::RetentionRecord retention = {};
    std::chrono::hours max_duration{};
    std::optional<std::chrono::milliseconds> expires_after = {};
    std::chrono::system_clock::time_point now = {};
    std::string scratch_name = "doctor";  // no object has it; for deletions that must find nothing
};

struct StoreFindings {
    Findings findings;
    StoreSights sights;
    std::optional<catalogue::Catalogue> catalogue;  // where the key may read it
};

// Nothing that is stored is changed. One exception: where the key may delete and the store says that RESTORE.txt is
// locked, its deletion is tried; a store that lets it go does not keep its word, and it is written again.
// Errors of kind `interrupted`, from a store whose time is over, become `unknown`; of the first question, `fail`.
StoreFindings check_store(const StoreQuestions& questions);

}  // namespace lifeboat::doctor
