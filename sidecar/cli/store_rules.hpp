// When the store's own rules take backups away, as the settings or the bucket say.
#pragma once

#include "catalogue/catalogue.hpp"
#include "config/settings.hpp"
#include "health/facts.hpp"
#include "store/object_store.hpp"

#include <chrono>
#include <optional>
#include <string>

namespace lifeboat::cli {

struct StoreRules {
    std::optional<std::chrono::milliseconds> expires_after;  // the shortest that concerns the instance; empty: never
    std::optional<os::TimePoint> on;                         // a day on which everything goes
    std::string unknown;                                     // why they are not known; empty: they are

    // When a backup that was stored then goes; empty: never, or not known.
    [[nodiscard]] std::optional<os::TimePoint> due(os::TimePoint stored) const;

    // For catalogue::read_catalogue: 0 where it is known that there is no rule, empty where it is not known, and where
    // a rule goes by the date, which no age tells.
    [[nodiscard]] std::optional<std::chrono::milliseconds> age_limit() const;
};

// `store.expires_after`; without it the bucket is asked, in one request. A key that may not read the rules is no error.
StoreRules read_rules(const config::Settings& settings, store::ObjectStore& store, const catalogue::Layout& layout);

// As catalogue::read_catalogue, with the bucket's own rule where one decides between hidden and expired.
Result<catalogue::Catalogue> read_catalogue_by_rules(const config::Settings& settings, store::ObjectStore& store,
                                                     const catalogue::Layout& layout);

// What they mean for the last good backup of `catalogue`.
void take_rules(health::StoreFacts& facts, const StoreRules& rules, const config::Settings& settings,
                const catalogue::Catalogue& catalogue);

}  // namespace lifeboat::cli
