#include "catalogue/catalogue.hpp"

#include <algorithm>
#include <set>

namespace lifeboat::catalogue {

std::vector<std::string> losses_of(const Catalogue& catalogue, const Backup& backup) {
    std::set<std::string> lost;
    for (const auto& earlier : catalogue.backups) {  // oldest first
        if (earlier.manifest.id == backup.manifest.id || earlier.stored > backup.stored) {
            break;
        }
        if (earlier.of_partial_run) {
            continue;
        }
        if (earlier.trusted) {
            lost.clear();  // what was lost before it is another's matter
        }
        for (const auto& database : earlier.manifest.databases) {
            lost.insert(database.name);
        }
    }
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
