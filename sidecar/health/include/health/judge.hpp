// Are backups in order? And if not, why, and what is to be done?
#pragma once

#include "health/facts.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lifeboat::health {

// Public: the names stand in /healthz, in the metrics and in alerts. A code is added, never renamed.
enum class ReasonCode {
    no_backup_yet,  // no good backup is known
    overdue,        // the last good one is older than `health.overdue_after`
    failing,        // the last run failed, or the store cannot be read
    partial,        // the newest run left some databases out
    misconfigured,  // the newest settings are refused or lack an address to notify, or an address cannot be bound
    drained,        // told to start nothing new (`lifeboat drain`)
    tampered,       // somebody hid a backup or wrote over it
    unproven,       // the last drill failed, or the last good one is older than `drill.require_within`
    starved,        // three runs in a row gave way to somebody who waited for the dump's locks
    prune_stopped,  // what no rule keeps is not deleted until somebody looks
    lineage,        // a backup is marked and not accepted, or another server writes under this name
    expiring,       // the bucket's own rules take the last good backup away soon
};
inline constexpr std::array reason_codes{ReasonCode::no_backup_yet, ReasonCode::overdue,       ReasonCode::failing,
                                         ReasonCode::partial,       ReasonCode::misconfigured, ReasonCode::drained,
                                         ReasonCode::tampered,      ReasonCode::unproven,      ReasonCode::starved,
                                         ReasonCode::prune_stopped, ReasonCode::lineage,       ReasonCode::expiring};

// So many runs in a row that gave way are `starved`.
inline constexpr std::uint64_t most_yields = 3;

std::string_view name_of(ReasonCode code);  // "no_backup_yet"

// Whether it is about backups being made. Where it is not this sidecar's turn, that is the business of the sidecar
// whose turn it is.
bool is_for_whose_turn_it_is(ReasonCode code);

struct Reason {
    ReasonCode code = ReasonCode::failing;
    std::string message;  // for the team that owns the database: what is the matter
    std::string next;     // what to do; never empty
};

struct Verdict {
    std::vector<Reason> reasons;  // empty: backups are in order. At most one for each code, the most urgent first
    std::string note = {};        // what to know although nothing is wrong: "not this sidecar's turn: …"

    [[nodiscard]] bool healthy() const noexcept { return reasons.empty(); }
    [[nodiscard]] bool has(ReasonCode code) const noexcept;
};

// Pure: the same facts and time give the same verdict.
//
// Before the store has been read once nothing is known, and that is not healthy (no_backup_yet).
// Where it is not this sidecar's turn, there is no reason that is for whose turn it is.
Verdict judge(const Facts& facts, TimePoint now);

}  // namespace lifeboat::health
