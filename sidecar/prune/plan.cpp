#include "prune/prune.hpp"

#include "os/future.hpp"

#include <algorithm>

namespace lifeboat::prune {
namespace {

using catalogue::Backup;
using catalogue::State;
using retention::Candidate;
using retention::Condition;

// Hidden is all that is there as it was written and that somebody keeps from being seen. A marker that came when the
// backup was old may be the bucket's own rule at work (expired), or that of whoever waited until then: nothing tells
// one from the other where the rule is not known. So neither is a reason to let it go before the policy does. What was
// copied back is hidden however much of it came back: it must take nobody's place.
bool is_hidden(const Backup& backup) {
    return backup.misdated || backup.state == State::hidden || (backup.state == State::expired && backup.gone.empty());
}

Condition condition_of(const Backup& backup) {
    if (is_hidden(backup)) {
        // Whoever hides a marked one must not make the doubt go away.
        const bool raises_doubt = !backup.trusted && !backup.of_partial_run && !backup.misdated;
        return raises_doubt ? Condition::marked : Condition::hidden;
    }
    switch (backup.state) {
        case State::good: return Condition::good;
        case State::marked: return Condition::marked;
        case State::partial: return Condition::partial;
        case State::hidden:
        case State::expired: break;
    }
    // A listing that lacked something once must not make good ones go, and lets the others take nobody's place.
    return backup.trusted && !backup.of_partial_run ? Condition::expired : Condition::remnant;
}

bool is_there(const Backup& backup, const std::vector<store::StoredObject>& objects) {
    return std::none_of(objects.begin(), objects.end(), [&](const auto& object) {
        return std::find(backup.gone.begin(), backup.gone.end(), object.key) != backup.gone.end();
    });
}

Candidate candidate_of(const Backup& backup) {
    Candidate candidate;
    candidate.id = backup.manifest.id.text();
    candidate.stored = backup.stored;
    candidate.condition = condition_of(backup);
    for (const auto& database : backup.manifest.databases) {
        if (is_there(backup, database.objects)) {
            candidate.databases.push_back(database.name);
        }
    }
    const auto& globals = backup.manifest.globals;
    candidate.globals = !globals.empty() && is_there(backup, globals);
    candidate.proven = backup.proven_at.has_value();
    candidate.witness = backup.misdated_by ? backup.misdated_by->text() : "";
    return candidate;
}

const Backup* newest_good(const catalogue::Catalogue& catalogue) {
    const auto& backups = catalogue.backups;
    const auto found =
        std::find_if(backups.rbegin(), backups.rend(), [](const auto& each) { return each.state == State::good; });
    return found == backups.rend() ? nullptr : &*found;
}

retention::Losses losses_in(const catalogue::Catalogue& catalogue) {
    const auto losses = catalogue::accepted_losses(catalogue);
    return {losses.begin(), losses.end()};
}

std::vector<retention::Policy> policies_of(const Wishes& wishes, const catalogue::Catalogue& catalogue) {
    std::vector<retention::Policy> policies = {wishes.policy};
    if (wishes.heed_manifest && !catalogue.backups.empty()) {
        const auto* good = newest_good(catalogue);
        const auto& keep = (good != nullptr ? *good : catalogue.backups.back()).manifest.retention;
        policies.push_back({keep.keep_days, keep.keep_last, keep.keep_weekly, keep.keep_monthly, keep.keep_yearly,
                            "as its manifest asks"});
    }
    return policies;
}

// What is dated in the future answers no doubt of today's.
std::vector<Candidate> those_of_the_past(std::vector<Candidate> candidates, os::TimePoint now) {
    std::erase_if(candidates, [now](const auto& each) { return os::is_in_the_future(each.stored, now); });
    return candidates;
}

Error versions_unseen() {
    return {ErrorKind::refused,
            "this key may not list the versions of objects: a backup that seems to be gone may only be hidden from it, "
            "and nothing was deleted",
            "give the key the right to list versions: s3:ListBucketVersions"};
}

}  // namespace

std::size_t Plan::going() const {
    return static_cast<std::size_t>(std::count_if(rows.begin(), rows.end(), [](const auto& row) { return !row.keep; }));
}

Result<Plan> make_plan(store::ObjectStore& store, const catalogue::Layout& layout, const Wishes& wishes,
                       os::TimePoint our_time) {
    auto catalogue = catalogue::read_catalogue(store, layout, wishes.expires_after);
    if (!catalogue) {
        return std::move(catalogue).error();
    }
    if (!store.lists_everything()) {
        return versions_unseen();
    }
    Plan plan{layout, {}, {}, std::move(catalogue->refused), {}};
    for (const auto& refused : catalogue->refused_backups) {
        plan.unread.push_back(refused.id);
    }
    if (catalogue->backups.empty()) {
        return plan;
    }
    catalogue::rank_by_age(*catalogue, our_time);
    std::vector<Candidate> candidates;
    for (const auto& backup : catalogue->backups) {
        candidates.push_back(candidate_of(backup));
    }
    const auto now = std::min(catalogue->backups.back().stored, our_time);
    auto verdicts =
        retention::decide(candidates, policies_of(wishes, *catalogue), losses_in(*catalogue), wishes.zone, now);
    for (std::size_t i = 0; i < candidates.size(); ++i) {
        const auto& backup = catalogue->backups[i];
        plan.rows.push_back({backup.manifest.id, backup.state, backup.stored, backup.manifest.stored_bytes(),
                             verdicts[i].keep, std::move(verdicts[i].because), backup.of_partial_run,
                             backup.misdated_by});
    }
    if (const auto* good = newest_good(*catalogue)) {
        plan.anchor = good->manifest.id;
    }
    plan.stop = retention::lineage_gate(those_of_the_past(candidates, our_time),
                                        catalogue->doubt ? catalogue->doubt->since.text() : std::string());
    if (!plan.stop) {
        plan.stop = retention::max_delete_gate(plan.going(), wishes.max_delete);
    }
    return plan;
}

}  // namespace lifeboat::prune
