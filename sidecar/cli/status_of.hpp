// Whether an instance is safe, as the running sidecar says or as the store alone shows.
#pragma once

#include "catalogue/catalogue.hpp"
#include "health/facts.hpp"
#include "os/clock.hpp"
#include "result/result.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace lifeboat::cli {

struct InstanceStatus {
    enum class State {
        healthy,
        unhealthy,
        absent,   // it was expected, and the store holds nothing of it
        unknown,  // it could not be found out
    };
    enum class Source { sidecar, store };

    struct Reason {
        std::string code;  // the health room's reason codes: "overdue"
        std::string message;
        std::string next;
    };
    struct LastGood {
        std::string id;
        os::TimePoint finished;
        std::uint64_t bytes = 0;
        std::size_t databases = 0;
    };
    struct Stored {
        std::uint64_t backups = 0;
        std::uint64_t bytes = 0;
    };
    struct Sidecar {
        std::string version;
        std::optional<os::TimePoint> started;
        std::optional<os::TimePoint> next_run;
        std::string next_because;
        std::string running;  // in words; empty: nothing is
    };

    std::string instance;  // empty: the sidecar does not know its name
    State state = State::unknown;
    Source source = Source::store;
    std::vector<Reason> reasons;     // why it is not healthy, the most urgent first
    std::vector<std::string> notes;  // what to know although it is not wrong
    std::optional<LastGood> last_good;
    std::optional<os::TimePoint> next_overdue;
    std::optional<os::TimePoint> last_good_due;  // when the store's own rules take it away
    std::uint64_t marked = 0;                    // marked backups that wait for the owner's word
    std::optional<health::DrillsFacts> drills;   // empty: the sidecar's version does not tell of them
    std::optional<Stored> stored;
    Sidecar sidecar;  // only from the sidecar

    // For programs. What the sidecar answered, with "source" and "state" before it; or from the store: instance,
    // healthy (null: unknown), reasons, notes, now, last_good, next_overdue, newest_partial, drills, store, by the same
    // names.
    nlohmann::ordered_json document;
};

// From what the store holds of it. When the next backup is overdue stands in the manifest of the last good one;
// `overdue_after` is for those that do not say. `drill_within`: how old the last good drill may be; empty: as old as it
// is. `expiry`: what is known of the store's own rules, for the last good backup of `catalogue`; empty: nothing.
InstanceStatus status_of(const catalogue::Catalogue& catalogue, std::optional<std::chrono::milliseconds> overdue_after,
                         os::TimePoint now, std::optional<std::chrono::milliseconds> drill_within = std::nullopt,
                         const health::ExpiryFacts& expiry = {});

// Of an expected instance of which the store at `location` holds nothing.
InstanceStatus absent_status(const std::string& instance, const std::string& location, os::TimePoint now);

// Of one that could not be looked at.
InstanceStatus unknown_status(const std::string& instance, const Error& why, os::TimePoint now);

// From what the sidecar answered to `status` (health::status_json). Fields that it lacks are left out; without
// "healthy" it is none.
Result<InstanceStatus> status_from_sidecar(const std::string& answer);

}  // namespace lifeboat::cli
