#include "catalogue/catalogue.hpp"

#include <algorithm>
#include <set>

namespace lifeboat::catalogue {

namespace {

std::set<std::string> names_of(const Manifest& manifest) {
    std::set<std::string> names;
    for (const auto& database : manifest.databases) {
        names.insert(database.name);
    }
    return names;
}

// Oldest first. What is dated in the future stands before all others (rank_by_age()), and nobody knows when it was
// made.
std::vector<const Backup*> those_before(const Catalogue& catalogue, const Backup& backup) {
    std::vector<const Backup*> before;
    for (const auto& earlier : catalogue.backups) {
        if (earlier.in_the_future && !backup.in_the_future) {
            continue;
        }
        if (earlier.manifest.id == backup.manifest.id || earlier.stored > backup.stored) {
            break;
        }
        if (!earlier.misdated) {
            before.push_back(&earlier);
        }
    }
    return before;
}

// What they hold from the newest trusted one on.
std::set<std::string> held_by_whole_ones(const std::vector<const Backup*>& before) {
    std::set<std::string> held;
    for (const auto* earlier : before) {
        if (earlier->of_partial_run) {
            continue;
        }
        if (earlier->trusted) {
            held.clear();  // what was lost before it is another's matter
        }
        held.merge(names_of(earlier->manifest));
    }
    return held;
}

// What was never in a backup that others are compared with: no mark tells when that is gone. Without what was accepted
// already.
std::set<std::string> held_by_partial_ones_alone(const std::vector<const Backup*>& before,
                                                 const std::map<std::string, os::TimePoint>& accepted) {
    std::set<std::string> held;
    for (const auto* earlier : before) {
        for (const auto& name : names_of(earlier->manifest)) {
            const auto lost = accepted.find(name);
            if (earlier->of_partial_run && (lost == accepted.end() || lost->second <= earlier->stored)) {
                held.insert(name);
            }
        }
    }
    for (const auto* earlier : before) {
        for (const auto& database : earlier->manifest.databases) {
            if (!earlier->of_partial_run) {
                held.erase(database.name);
            }
        }
    }
    return held;
}

}  // namespace

std::vector<std::string> losses_of(const Catalogue& catalogue, const Backup& backup) {
    const auto before = those_before(catalogue, backup);
    auto lost = held_by_whole_ones(before);
    lost.merge(held_by_partial_ones_alone(before, accepted_losses(catalogue)));
    for (const auto& database : backup.manifest.databases) {
        lost.erase(database.name);
    }
    return {lost.begin(), lost.end()};
}

std::map<std::string, os::TimePoint> accepted_losses(const Catalogue& catalogue) {
    std::map<std::string, os::TimePoint> losses;
    for (const auto& acceptance : catalogue.acceptances) {
        for (const auto& name : acceptance.lost_databases) {
            auto& until = losses[name];
            until = std::max(until, acceptance.stored);
        }
    }
    return losses;
}

}  // namespace lifeboat::catalogue
