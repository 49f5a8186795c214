#include "catalogue/catalogue.hpp"
#include "os/future.hpp"

#include <algorithm>

namespace lifeboat::catalogue {

void rank_by_age(Catalogue& catalogue, os::TimePoint now) {
    for (auto& backup : catalogue.backups) {
        backup.in_the_future = os::is_in_the_future(backup.stored, now);
    }
    std::stable_partition(catalogue.backups.begin(), catalogue.backups.end(),
                          [](const auto& backup) { return backup.in_the_future; });
}

}  // namespace lifeboat::catalogue
