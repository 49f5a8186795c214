// What a bucket's lifecycle rules do to backups: undo them before their time, or never finish what was begun. Pure.
#pragma once

#include "catalogue/manifest.hpp"
#include "doctor/finding.hpp"
#include "s3/replies.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lifeboat::doctor {

enum class Right { yes, no, unknown };

struct RuleQuestions {
    std::string instance_prefix;                // "clinic/"
    catalogue::RetentionRecord retention = {};  // 0 switches a rule of ours off; all 0 keeps everything
    std::chrono::hours max_duration{};          // of one backup
    bool keeps_versions = false;                // the bucket does
    Right deletes = Right::unknown;             // whether this key may delete for good
    Right sees_uploads = Right::unknown;        // whether it may list unfinished uploads, and so sweep them
};

// `rules`: those of the store's prefix, their own prefixes below it. All that is not in order, or one pass.
Findings judge_rules(const std::vector<s3::LifecycleRule>& rules, const RuleQuestions& questions);

// What [retention] says where a bucket takes backups away after `days`; empty: that is late enough for all it keeps.
// `takes` begins the finding's text: "the bucket's rule takes backups away after 60 days".
std::optional<Finding> judge_days(std::uint64_t days, const catalogue::RetentionRecord& retention,
                                  const std::string& takes);

// After how many days a rule deletes what somebody hid among the manifests or data; empty: none does.
std::optional<std::uint64_t> hidden_deleted_after(const std::vector<s3::LifecycleRule>& rules,
                                                  const std::string& instance_prefix);

}  // namespace lifeboat::doctor
