#include "retention/gates.hpp"

#include <tuple>

namespace lifeboat::retention {
namespace {

bool older(const Candidate& a, const Candidate& b) {
    return std::tie(a.stored, a.id) < std::tie(b.stored, b.id);
}

const Candidate* newest_good(std::span<const Candidate> candidates) {
    const Candidate* found = nullptr;
    for (const auto& candidate : candidates) {
        if (candidate.condition == Condition::good && (found == nullptr || older(*found, candidate))) {
            found = &candidate;
        }
    }
    return found;
}

// Two of one moment count as doubt. `good` null: of all.
const Candidate* first_marked_after(std::span<const Candidate> candidates, const Candidate* good) {
    const Candidate* found = nullptr;
    for (const auto& candidate : candidates) {
        const bool after = good == nullptr || !older(candidate, *good);
        if (candidate.condition == Condition::marked && after && (found == nullptr || older(candidate, *found))) {
            found = &candidate;
        }
    }
    return found;
}

}  // namespace

// The words stay the same while the doubt does, however many follow: they are told again when they change.
std::optional<Stop> lineage_gate(std::span<const Candidate> candidates, const std::string& doubted) {
    const auto* good = newest_good(candidates);
    const auto* marked = first_marked_after(candidates, good);
    if (doubted.empty() && marked == nullptr) {
        return std::nullopt;
    }
    return Stop{Gate::lineage,
                "backup " + (doubted.empty() ? marked->id : doubted) +
                    " is marked, and nobody accepted it or a later one" +
                    (good == nullptr ? std::string("; none is trusted") : "; the last trusted one is " + good->id) +
                    ": nothing is deleted while it is not known which of them is the truth",
                "look at both with `lifeboat show`; once the newest is as it should be, `lifeboat accept latest`"};
}

std::optional<Stop> max_delete_gate(std::size_t going, std::size_t most) {
    if (going <= most) {
        return std::nullopt;
    }
    return Stop{Gate::max_delete,
                std::to_string(going) + " backups would be deleted at once, more than retention.max_delete (" +
                    std::to_string(most) + ") allows: none was",
                "look at `lifeboat prune --dry-run`; if it is right, `lifeboat prune --max-delete " +
                    std::to_string(going) + "`; if so many go every day, raise retention.max_delete"};
}

}  // namespace lifeboat::retention
