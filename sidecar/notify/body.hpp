// The messages' bodies. Whatever stands in them may be served on the pod's address (health/facts.hpp): no secret, no
// row, no name of a table.
#pragma once

#include "health/judge.hpp"

#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace lifeboat::notify {

enum class Event {
    failure,   // something is wrong, and nothing was before
    change,    // other things are wrong than those that were told
    reminder,  // the same is still wrong
    recovery,  // nothing is wrong any more
    success,   // a backup was made
};

std::string_view name_of(Event event);  // as it stands in the body

struct HealthNews {
    Event event = Event::failure;
    std::set<health::ReasonCode> appeared = {};
    std::set<health::ReasonCode> gone = {};
    health::TimePoint since;  // when something became wrong
};

// JSON, for on_failure.
std::string health_body(const HealthNews& news, const health::Facts& facts, health::TimePoint now);

// JSON, for on_success: of the run that ended last, which made a backup.
std::string success_body(const health::Facts& facts, health::TimePoint now);

// Plain text, for ping: of the run that ended last; 10 kB at most, which is what such services keep.
std::string run_text(const health::Facts& facts);

// The backup that the last run made; null where it made none, or for another store than the one in force.
const health::BackupFacts* made_by_last_run(const health::Facts& facts);

}  // namespace lifeboat::notify
