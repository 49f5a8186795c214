// What a drill of a backup came to, in clear: so that whoever may list and read the store sees when a backup was last
// restored for a trial, without any key. What the drill found in detail names tables, and lies beside it, encrypted.
//
// JSON in UTF-8, described in docs/drill.md. Readers ignore fields that they do not know, and refuse a `format` that
// they do not know. Holds no table name, no row and no hash of plain text.
//
// Whoever may write to the store can write a result, too: one is as good as the key that it was written with.
#pragma once

#include "catalogue/backup_id.hpp"
#include "catalogue/layout.hpp"
#include "os/clock.hpp"
#include "result/result.hpp"
#include "store/object_store.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace lifeboat::catalogue {

inline constexpr std::string_view drill_format = "lifeboat-drill/1";

// No result is larger; a reader takes no more.
inline constexpr std::uint64_t largest_drill_result = std::uint64_t{64} * 1024;

struct DrillResult {
    BackupId backup;
    std::string instance;
    os::TimePoint started;  // by the clock of whoever drilled; it is in the key, too
    os::TimePoint finished;
    std::string lifeboat;  // the version that drilled
    std::string server;    // the version of the server that the backup was restored into; empty: none was reached
    bool passed = false;
    // Where a drill that failed ended, if it did not get to its end: "fetch", "restore", "compare", "checks".
    std::string failed_step = {};
    // How many differences of each kind there are ("rows", "entry"); kinds without any are left out.
    std::map<std::string, std::uint64_t> differences = {};
    std::uint64_t checks_passed = 0;  // of the owner's SQL checks
    std::uint64_t checks_failed = 0;
    // How long each step took; empty where it was not reached. Restoring is what a restore of this backup takes, with
    // all that it fetches.
    std::optional<std::chrono::milliseconds> fetch = {};
    std::optional<std::chrono::milliseconds> restore = {};
    std::optional<std::chrono::milliseconds> compare = {};
    // The age recipients whose identities each opened the backup; none: it is not encrypted.
    std::vector<std::string> recipients = {};
    std::uint64_t bytes = 0;  // stored, that were read

    [[nodiscard]] std::uint64_t difference_count() const;
    [[nodiscard]] bool was_opened_by(const std::string& recipient) const;
};

std::string to_json(const DrillResult& result);

// ErrorKind::corrupt names the field. Refuses a result whose backup or instance is not `id` and `layout`'s, one that
// says that it passed and counts something that did not, and texts that could do harm on a terminal.
Result<DrillResult> parse_drill_result(std::string_view json, const Layout& layout, const BackupId& id);

// Stores it under the time of its start. ErrorKind::exists: another drill of this backup began in the same second.
Result<store::StoredObject> store_drill_result(store::ObjectStore& store, const Layout& layout,
                                               const DrillResult& result);

}  // namespace lifeboat::catalogue
