// Takes away what runs left that were killed: unfinished uploads, and data without a manifest.
#pragma once

#include "catalogue/catalogue.hpp"
#include "store/object_store.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace lifeboat::backup {

struct SweepOutcome {
    std::size_t uploads = 0;       // unfinished ones that were thrown away
    std::size_t objects = 0;       // of data without a manifest, deleted
    std::uint64_t bytes = 0;       // of those objects
    std::size_t too_young = 0;     // runs and uploads that may still be written
    std::optional<Error> refused;  // the store's word on the first that it would not let go
};

// Only under `instance`, and only what was last touched longer than `min_age` ago by the store's clock: the time of
// the newest manifest, or `our_time` where that is earlier, so that a clock that is off deletes nothing. Where the
// store may hold versions that the key cannot see, no data is deleted: what looks as if it had no manifest may have one
// that somebody hid. What is locked is passed over; for a key that may not delete the store is asked once, and no more.
// A kill at any moment leaves the rest to the next sweep; two sweeps at once do no harm.
Result<SweepOutcome> sweep(store::ObjectStore& store, const std::string& instance, std::chrono::milliseconds min_age,
                           os::TimePoint our_time);

// What sweep() would take, as far as the store lets it; nothing is deleted.
Result<SweepOutcome> would_sweep(store::ObjectStore& store, const std::string& instance,
                                 std::chrono::milliseconds min_age, os::TimePoint our_time);

}  // namespace lifeboat::backup
