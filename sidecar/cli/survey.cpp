#include "survey.hpp"

#include <chrono>

namespace lifeboat::cli {
namespace {

constexpr std::chrono::days recent{30};

health::BackupState state_of(catalogue::State state) {
    switch (state) {
        case catalogue::State::good: return health::BackupState::good;
        case catalogue::State::marked: return health::BackupState::marked;
        case catalogue::State::partial: return health::BackupState::partial;
        case catalogue::State::hidden: return health::BackupState::hidden;
        case catalogue::State::expired: break;
    }
    return health::BackupState::expired;
}

health::BackupFacts facts_of(const catalogue::Backup& backup) {
    const auto& manifest = backup.manifest;
    health::BackupFacts facts;
    facts.id = manifest.id.text();
    facts.started = manifest.started;
    facts.finished = manifest.finished;
    facts.stored_bytes = manifest.stored_bytes();
    std::uint64_t dumped = 0;
    for (const auto& database : manifest.databases) {
        dumped += database.archive_bytes;
        facts.databases.push_back(database.name);
    }
    facts.dumped_bytes = dumped;
    for (const auto& failure : manifest.failures) {
        facts.failed_databases.push_back(failure.database.value_or(""));
    }
    facts.state = state_of(backup.state);
    return facts;
}

}  // namespace

health::StoreFacts survey_of(const catalogue::Catalogue& catalogue, os::TimePoint now) {
    health::StoreFacts facts;
    facts.surveyed = now;
    facts.backups = catalogue.backups.size();
    for (const auto& backup : catalogue.backups) {  // oldest first
        facts.bytes += backup.manifest.stored_bytes();
        switch (backup.state) {
            case catalogue::State::good:
                facts.last_good = facts_of(backup);
                facts.newest_partial.reset();
                break;
            case catalogue::State::partial: facts.newest_partial = facts_of(backup); break;
            case catalogue::State::hidden: facts.hidden.push_back(backup.manifest.id.text()); break;
            case catalogue::State::marked:
            case catalogue::State::expired: break;
        }
        if (backup.stored > now - recent) {
            facts.recent.insert(facts.recent.begin(), facts_of(backup));
        }
    }
    return facts;
}

}  // namespace lifeboat::cli
