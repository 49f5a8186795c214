#include "health/recent.hpp"

#include <algorithm>

namespace lifeboat::health {

void keep_recent(std::vector<BackupFacts>& backups) {
    std::stable_sort(backups.begin(), backups.end(),
                     [](const BackupFacts& a, const BackupFacts& b) { return a.started > b.started; });
    backups.resize(std::min(backups.size(), most_recent_backups));
    std::size_t room = most_recent_names;
    for (auto& backup : backups) {
        backup.contents = {};
        auto& names = backup.databases;
        if (names.size() > room) {
            backup.names_left_out += names.size() - room;
            names.resize(room);
            names.shrink_to_fit();
        }
        room -= names.size();
    }
}

void keep_recent(std::vector<RunFacts>& failures, TimePoint now) {
    const auto is_old = [now](const RunFacts& run) { return run.ended < now - recent_days; };
    failures.erase(std::remove_if(failures.begin(), failures.end(), is_old), failures.end());
    std::stable_sort(failures.begin(), failures.end(),
                     [](const RunFacts& a, const RunFacts& b) { return a.ended > b.ended; });
    failures.resize(std::min(failures.size(), most_recent_failures));
}

}  // namespace lifeboat::health
