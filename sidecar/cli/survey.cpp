#include "survey.hpp"

#include <algorithm>

namespace lifeboat::cli {
namespace {

using catalogue::Catalogue;
using catalogue::State;
using supervisor::SurveyEnded;

constexpr std::chrono::days recent{30};
constexpr std::size_t most_recent = 1000;  // of these
constexpr std::size_t most_runs = 200;     // that a schedule has to know of
constexpr std::size_t most_unfinished = 50;
constexpr std::size_t most_contents = 2000;  // databases whose sizes are told one by one

health::BackupState state_of(State state) {
    switch (state) {
        case State::good: return health::BackupState::good;
        case State::marked: return health::BackupState::marked;
        case State::partial: return health::BackupState::partial;
        case State::hidden: return health::BackupState::hidden;
        case State::expired: break;
    }
    return health::BackupState::expired;
}

// Whole backups, whatever an owner or somebody else thought of them since: the run was no failure.
bool is_whole(State state) {
    return state == State::good || state == State::marked || state == State::hidden;
}

// The newest ones first, and no more than a report can carry.
template <class T, class Started>
void keep_newest(std::vector<T>& items, std::size_t most, Started started) {
    std::sort(items.begin(), items.end(), [&](const T& a, const T& b) { return started(a) > started(b); });
    items.resize(std::min(items.size(), most), items.empty() ? T{} : items.front());
}

// What runs without a manifest left: they count as failed, or a crash loop would become a dump loop.
void add_leftovers(SurveyEnded& seen, const std::vector<catalogue::Leftover>& leftovers) {
    for (const auto& leftover : leftovers) {
        seen.runs.failed.push_back({leftover.id.started(), std::nullopt});
        seen.store.unfinished.push_back(leftover.id.started());
    }
}

SurveyEnded of_catalogue(const Catalogue& catalogue, os::TimePoint now) {
    SurveyEnded seen;
    seen.store = survey_of(catalogue, now);
    for (const auto& backup : catalogue.backups) {
        if (is_whole(backup.state)) {
            // By the store's clock at the latest: a writer's may have been ahead.
            seen.runs.good.push_back(std::min(backup.manifest.started, backup.stored));
        } else if (backup.state == State::partial) {
            seen.runs.failed.push_back({backup.manifest.started, backup.manifest.finished});
        }
    }
    add_leftovers(seen, catalogue.leftovers);
    return seen;
}

SurveyEnded of_names(const std::vector<catalogue::BackupName>& names, const Error& why) {
    SurveyEnded seen;
    for (const auto& name : names) {
        health::BackupFacts facts;
        facts.id = name.id.text();
        facts.started = name.id.started();
        facts.finished = name.stored;
        ++seen.store.backups;
        seen.store.last_good = facts;
        seen.store.recent.push_back(facts);
        seen.runs.good.push_back(facts.started);
    }
    seen.limited = health::Problem{
        "the key cannot read manifests, so backups are known by their names and times alone: " + why.what, why.next};
    return seen;
}

Result<SurveyEnded> look(store::ObjectStore& store, const catalogue::Layout& layout,
                         const std::vector<catalogue::BackupName>& names, const config::Settings& settings,
                         os::TimePoint now) {
    auto catalogue = catalogue::read_catalogue(store, layout, settings.store.expires_after);
    if (catalogue) {
        return of_catalogue(*catalogue, now);
    }
    const auto kind = catalogue.error().kind;
    if (kind == ErrorKind::interrupted || kind == ErrorKind::temporary) {
        return std::move(catalogue).error();
    }
    auto seen = of_names(names, catalogue.error());
    auto leftovers = catalogue::find_leftovers(store, layout);
    if (!leftovers) {
        return std::move(leftovers).error();
    }
    add_leftovers(seen, leftovers->runs);
    return seen;
}

health::DrillFacts facts_of(const catalogue::Drill& drill) {
    const auto& result = drill.result;
    return {result.backup.text(),      drill.stored,         result.passed, result.failed_step,
            result.difference_count(), result.checks_failed, result.restore};
}

using Drills = std::vector<const catalogue::Drill*>;

// Those that were read of every backup, newest first.
Drills drills_of(const Catalogue& catalogue) {
    Drills drills;
    for (const auto& backup : catalogue.backups) {
        for (const auto& drill : backup.drills) {
            drills.push_back(&drill);
        }
    }
    std::stable_sort(drills.begin(), drills.end(), [](const auto* a, const auto* b) { return a->stored > b->stored; });
    return drills;
}

template <class Which>
const catalogue::Drill* newest(const Drills& drills, Which which) {
    const auto found = std::find_if(drills.begin(), drills.end(), [&](const auto* drill) { return which(*drill); });
    return found == drills.end() ? nullptr : *found;
}

health::DrillsFacts drills_in(const Catalogue& catalogue) {
    const auto drills = drills_of(catalogue);
    const auto passed = [](const catalogue::Drill& drill) { return drill.result.passed; };
    health::DrillsFacts facts;
    if (!drills.empty()) {
        facts.last = facts_of(*drills.front());
    }
    if (const auto* good = newest(drills, passed)) {
        facts.last_good = facts_of(*good);
    }
    const catalogue::Backup* last = nullptr;
    for (const auto& backup : catalogue.backups) {
        last = backup.state == State::good ? &backup : last;
    }
    for (const auto& recipient : last != nullptr ? last->manifest.recipients : std::vector<std::string>{}) {
        const auto* opened =
            newest(drills, [&](const auto& drill) { return passed(drill) && drill.result.recipient == recipient; });
        facts.recipients.push_back({recipient, opened ? std::optional(opened->stored) : std::nullopt});
    }
    return facts;
}

}  // namespace

namespace {

health::DatabaseFacts facts_of(const catalogue::DatabaseRecord& database) {
    health::DatabaseFacts facts;
    facts.name = database.name;
    for (const auto& object : database.objects) {
        facts.stored_bytes += object.size;
    }
    facts.dumped_bytes = database.archive_bytes;
    if (database.contents) {
        facts.tables = database.contents->tables;
        facts.rows = database.contents->rows;
    }
    return facts;
}

// Empty as soon as it is not known of one database.
std::optional<std::uint64_t> rows_in(const catalogue::Manifest& manifest) {
    std::uint64_t rows = 0;
    for (const auto& database : manifest.databases) {
        if (!database.contents) {
            return std::nullopt;
        }
        rows += database.contents->rows;
    }
    return rows;
}

}  // namespace

health::BackupFacts facts_of(const catalogue::Manifest& manifest, health::BackupState state) {
    health::BackupFacts facts;
    facts.id = manifest.id.text();
    facts.started = manifest.started;
    facts.finished = manifest.finished;
    facts.stored_bytes = manifest.stored_bytes();
    facts.state = state;
    std::uint64_t dumped = 0;
    for (const auto& database : manifest.databases) {
        facts.databases.push_back(database.name);
        if (facts.contents.size() < most_contents) {
            facts.contents.push_back(facts_of(database));
        }
        dumped += database.archive_bytes;
    }
    facts.dumped_bytes = dumped;
    facts.rows = rows_in(manifest);
    for (const auto& failure : manifest.failures) {
        facts.failed_databases.push_back(failure.database.value_or(""));
    }
    return facts;
}

health::StoreFacts survey_of(const Catalogue& catalogue, os::TimePoint now) {
    health::StoreFacts store;
    store.surveyed = now;
    store.backups = catalogue.backups.size();
    for (const auto& backup : catalogue.backups) {  // oldest first
        auto facts = facts_of(backup.manifest, state_of(backup.state));
        store.bytes += facts.stored_bytes;
        if (backup.state == State::good) {
            store.last_good = facts;
            store.newest_partial.reset();
        } else if (backup.state == State::partial) {
            store.newest_partial = facts;
        } else if (backup.state == State::hidden) {
            store.hidden.push_back(facts.id);
        }
        if (backup.stored > now - recent) {
            facts.contents.clear();
            store.recent.insert(store.recent.begin(), std::move(facts));
        }
    }
    store.drills = drills_in(catalogue);
    return store;
}

Result<SurveyEnded> survey(store::ObjectStore& store, const config::Settings& settings, os::TimePoint now) {
    auto layout = catalogue::Layout::of(settings.instance.name);
    if (!layout) {
        return std::move(layout).error();
    }
    auto names = catalogue::list_names(store, *layout);
    if (!names && names.error().kind == ErrorKind::not_found) {
        return SurveyEnded{};  // nothing was ever written there; the first backup finds out whether it can be
    }
    if (!names) {
        return std::move(names).error();
    }
    auto seen = look(store, *layout, *names, settings, now);
    if (!seen) {
        return seen;
    }
    keep_newest(seen->store.recent, most_recent, [](const auto& backup) { return backup.started; });
    keep_newest(seen->store.unfinished, most_unfinished, [](const auto& started) { return started; });
    keep_newest(seen->runs.good, most_runs, [](const auto& started) { return started; });
    keep_newest(seen->runs.failed, most_runs, [](const auto& attempt) { return attempt.started; });
    seen->newest_id = names->empty() ? "" : names->back().id.text();
    return seen;
}

}  // namespace lifeboat::cli
