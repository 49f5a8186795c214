// An owner's word that a marked backup is the truth now: docs/lineage.md.
//
// JSON in UTF-8 under accepted/<backup-id>.json, written by `lifeboat accept` and never written over. It is not signed:
// whoever can write into the store can write one.
#pragma once

#include "catalogue/backup_id.hpp"
#include "catalogue/layout.hpp"
#include "os/clock.hpp"
#include "result/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lifeboat::catalogue {

inline constexpr std::string_view acceptance_format = "lifeboat-acceptance/1";

// No acceptance is larger; a reader takes no more.
inline constexpr std::uint64_t largest_acceptance = std::uint64_t{4} * 1024 * 1024;

struct Acceptance {
    BackupId id;             // of the backup
    os::TimePoint stored;    // when the backup's manifest reached the store, by the store's clock
    os::TimePoint accepted;  // by the clock of whoever accepted it
    std::string by;          // "user@host", as that machine says
    std::string because;     // the owner's words
    // Databases that earlier backups hold and this one does not: their loss is accepted with it.
    std::vector<std::string> lost_databases = {};
    // Ids of the marked backups that this one follows: later ones may follow them as well.
    std::vector<std::string> settles = {};
};

std::string to_json(const Acceptance& acceptance, const Layout& layout);

// ErrorKind::corrupt names the field. Refuses one whose id or instance is not `id` and `layout`'s.
Result<Acceptance> parse_acceptance(std::string_view written, const Layout& layout, const BackupId& id);

}  // namespace lifeboat::catalogue
