// What keeps a decision from being carried out, however right it is. Apart from the decision, so that each can be
// tested by itself.
#pragma once

#include "result/result.hpp"
#include "retention/decision.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <string>

namespace lifeboat::retention {

enum class Gate {
    lineage,     // a marked backup came after the newest good one: which of them is the truth is the owner's to say
    max_delete,  // more would go at once than the owner thinks likely
};

struct Stop {
    Gate gate = Gate::lineage;
    std::string what;
    std::string next;
};

// Closed while a marked backup is newer than the newest good one, and while the lineage is in doubt. `doubted`: the
// backup that raised the doubt, also where it is hidden or expired by now, which takes no doubt away; empty: there is
// none. What it says stays the same as long as nobody acts, so that whoever tells of it can tell once.
std::optional<Stop> lineage_gate(std::span<const Candidate> candidates, const std::string& doubted = {});

// Closed when more than `most` would go: then none goes.
std::optional<Stop> max_delete_gate(std::size_t going, std::size_t most);

}  // namespace lifeboat::retention
