#include "retention/gates.hpp"

#include <tuple>

namespace lifeboat::retention {
namespace {

bool older(const Candidate& a, const Candidate& b) {
    return std::tie(a.stored, a.id) < std::tie(b.stored, b.id);
}

const Candidate* newest(std::span<const Candidate> candidates, Condition condition) {
    const Candidate* found = nullptr;
    for (const auto& candidate : candidates) {
        if (candidate.condition == condition && (found == nullptr || older(*found, candidate))) {
            found = &candidate;
        }
    }
    return found;
}

}  // namespace

std::optional<Stop> lineage_gate(std::span<const Candidate> candidates, const std::string& doubted) {
    const auto* marked = newest(candidates, Condition::marked);
    const auto* good = newest(candidates, Condition::good);
    const bool marked_is_newest = marked != nullptr && (good == nullptr || !older(*marked, *good));
    if (doubted.empty() && !marked_is_newest) {
        return std::nullopt;
    }
    const auto& newest_marked = doubted.empty() ? marked->id : doubted;
    return Stop{
        Gate::lineage,
        "the newest backup, " + newest_marked + ", is marked" +
            (good == nullptr ? std::string(", and none is trusted") : ", and the last trusted one is " + good->id) +
            ": nothing is deleted while it is not known which of them is the truth",
        "look at both with `lifeboat show`; once the newer is as it should be, accept it"};
}

std::optional<Stop> max_delete_gate(std::size_t going, std::size_t most) {
    if (going <= most) {
        return std::nullopt;
    }
    return Stop{Gate::max_delete,
                std::to_string(going) + " backups would be deleted at once, more than retention.max_delete (" +
                    std::to_string(most) + ") allows: none was",
                "look at `lifeboat prune --dry-run`; if it is right, `lifeboat prune --max-delete " +
                    std::to_string(going) + "`"};
}

}  // namespace lifeboat::retention
