#include "survey.hpp"

#include "health/recent.hpp"
#include "os/future.hpp"
#include "store_rules.hpp"

#include <algorithm>

namespace lifeboat::cli {
namespace {

using catalogue::Catalogue;
using catalogue::State;
using supervisor::SurveyEnded;

constexpr std::size_t most_runs = 200;  // that a schedule has to know of
constexpr std::size_t most_unfinished = 50;

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

SurveyEnded of_catalogue(const Catalogue& catalogue, os::TimePoint now, const std::string& server) {
    SurveyEnded seen;
    seen.store = survey_of(catalogue, now, server);
    for (const auto& backup : catalogue.backups) {
        if (is_of_another(backup.manifest, server)) {
            continue;  // this server has no backup by that
        }
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

SurveyEnded of_names(std::vector<catalogue::BackupName> names, const Error& why, os::TimePoint now) {
    SurveyEnded seen;
    std::stable_partition(names.begin(), names.end(),
                          [now](const auto& name) { return os::is_in_the_future(name.stored, now); });
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
    seen.store.lineage_note = "no backup is compared with those before it: the key cannot read manifests";
    seen.limited = health::Problem{
        "the key cannot read manifests, so backups are known by their names and times alone: " + why.what, why.next};
    return seen;
}

Result<SurveyEnded> look(store::ObjectStore& store, const catalogue::Layout& layout,
                         const std::vector<catalogue::BackupName>& names, const config::Settings& settings,
                         os::TimePoint now, const std::string& server) {
    const auto rules = read_rules(settings, store, layout);
    auto catalogue = catalogue::read_catalogue(store, layout, rules.age_limit());
    if (catalogue) {
        catalogue::rank_by_age(*catalogue, now);
        auto seen = of_catalogue(*catalogue, now, server);
        take_rules(seen.store, rules, settings, *catalogue);
        return seen;
    }
    const auto kind = catalogue.error().kind;
    if (kind == ErrorKind::interrupted || kind == ErrorKind::temporary) {
        return std::move(catalogue).error();
    }
    auto seen = of_names(names, catalogue.error(), now);
    auto leftovers = catalogue::find_leftovers(store, layout);
    if (!leftovers) {
        return std::move(leftovers).error();
    }
    add_leftovers(seen, leftovers->runs);
    return seen;
}

// ---- lineage ----

const catalogue::Backup* find(const Catalogue& catalogue, const catalogue::BackupId& id) {
    const auto found = std::find_if(catalogue.backups.begin(), catalogue.backups.end(), [&](const auto& backup) {
        return backup.manifest.id == id && !backup.of_partial_run;
    });
    return found == catalogue.backups.end() ? nullptr : &*found;
}

std::optional<health::DoubtFacts> doubt_of(const Catalogue& catalogue) {
    if (!catalogue.doubt) {
        return std::nullopt;
    }
    const auto* const first = find(catalogue, catalogue.doubt->since);
    const auto* const newest = find(catalogue, catalogue.doubt->marked.back());
    return health::DoubtFacts{first->manifest.id.text(), first->manifest.marks.front().reason,
                              catalogue.doubt->marked.size(), newest->manifest.id.text(), newest->manifest.finished};
}

// Another server's backup that came after one of this server, and is the newest of all, or not long gone by. After
// pg_upgrade, or in a server made from a backup, there is none of this server before it; with two servers under one
// name they take turns.
const catalogue::Backup* of_another_since(const Catalogue& catalogue, const std::string& server, os::TimePoint now) {
    constexpr std::chrono::hours not_long{24};
    bool own_before = false;
    const catalogue::Backup* other = nullptr;
    for (const auto& backup : catalogue.backups) {  // oldest first
        const auto& manifest = backup.manifest;
        if (backup.of_partial_run || backup.misdated || manifest.server.system_identifier.empty()) {
            continue;
        }
        if (!is_of_another(manifest, server)) {
            const auto memory = other != nullptr && other->manifest.next_overdue
                                    ? 2 * (*other->manifest.next_overdue - other->manifest.finished)
                                    : os::TimePoint::duration(2 * not_long);
            other = other != nullptr && now - other->stored < memory ? other : nullptr;
            own_before = true;
        } else if (own_before) {
            other = &backup;
        }
    }
    return other;
}

const catalogue::Backup* newest_whole(const Catalogue& catalogue) {
    const auto found = std::find_if(catalogue.backups.rbegin(), catalogue.backups.rend(),
                                    [](const auto& backup) { return !backup.of_partial_run && !backup.misdated; });
    return found == catalogue.backups.rend() ? nullptr : &*found;
}

void take_lineage(health::StoreFacts& store, const Catalogue& catalogue, os::TimePoint now,
                  const std::string& server_or_none) {
    store.doubt = doubt_of(catalogue);
    const auto* const newest = newest_whole(catalogue);
    if (newest == nullptr) {
        return;
    }
    const auto& server = server_or_none.empty() ? newest->manifest.server.system_identifier : server_or_none;
    if (const auto* const other = of_another_since(catalogue, server, now)) {
        store.other_server = health::Problem{
            "two servers make backups under the name '" + catalogue.instance + "': " + other->manifest.id.text() +
                " is of system " + other->manifest.server.system_identifier + ", and this one is system " + server,
            "give each server an instance.name of its own; if the other was replaced by this one, this passes by "
            "itself"};
    } else if (is_of_another(newest->manifest, server)) {
        store.lineage_note = "the newest backup, " + newest->manifest.id.text() + ", is of another server (system " +
                             newest->manifest.server.system_identifier + ") than this one (system " + server +
                             "): a first one of this server is due at once";
    } else if (newest->manifest.lineage && !newest->manifest.lineage->not_checked.empty()) {
        store.lineage_note =
            "the newest backup was not compared with those before it: " + newest->manifest.lineage->not_checked;
    }
}

health::DrillFacts facts_of(const catalogue::Drill& drill) {
    const auto& result = drill.result;
    return {result.backup.text(),      drill.stored,         result.passed, result.failed_step,
            result.difference_count(), result.checks_failed, result.restore};
}

// A drill, and what was drilled.
struct Drilled {
    const catalogue::Drill* drill;
    const catalogue::Backup* backup;
};
using Drills = std::vector<Drilled>;

// Those that were read of every backup, newest first.
Drills drills_of(const Catalogue& catalogue) {
    Drills drills;
    for (const auto& backup : catalogue.backups) {
        for (const auto& drill : backup.drills) {
            drills.push_back({&drill, &backup});
        }
    }
    std::stable_sort(drills.begin(), drills.end(),
                     [](const Drilled& a, const Drilled& b) { return a.drill->stored > b.drill->stored; });
    return drills;
}

template <class Which>
const Drilled* newest(const Drills& drills, Which which) {
    const auto found = std::find_if(drills.begin(), drills.end(), which);
    return found == drills.end() ? nullptr : &*found;
}

bool passed(const Drilled& one) {
    return one.drill->result.passed;
}

// That a partial or a doubtful backup comes back is no proof of what the owner relies on.
bool counts(const Drilled& one) {
    return one.backup->state != State::partial && one.backup->state != State::marked;
}

// One that failed, and that none has taken back: see health::DrillsFacts.
const Drilled* unanswered(const Drills& drills) {
    const auto* failed = newest(drills, [](const Drilled& one) { return !passed(one); });
    if (failed == nullptr) {
        return nullptr;
    }
    const auto answers = [failed](const Drilled& one) {
        return passed(one) && counts(one) && one.drill->stored >= failed->drill->stored &&
               one.backup->stored >= failed->backup->stored;
    };
    return newest(drills, answers) == nullptr ? failed : nullptr;
}

health::DrillsFacts drills_in(const Catalogue& catalogue) {
    const auto drills = drills_of(catalogue);
    health::DrillsFacts facts;
    if (!drills.empty()) {
        facts.last = facts_of(*drills.front().drill);
    }
    if (const auto* good = newest(drills, [](const Drilled& one) { return passed(one) && counts(one); })) {
        facts.last_good = facts_of(*good->drill);
    }
    if (const auto* failed = unanswered(drills)) {
        facts.unanswered = facts_of(*failed->drill);
    }
    const catalogue::Backup* last = nullptr;
    for (const auto& backup : catalogue.backups) {
        last = backup.state == State::good ? &backup : last;
    }
    for (const auto& recipient : last != nullptr ? last->manifest.recipients : std::vector<std::string>{}) {
        const auto* opened = newest(
            drills, [&](const Drilled& one) { return passed(one) && one.drill->result.was_opened_by(recipient); });
        facts.recipients.push_back({recipient, opened ? std::optional(opened->drill->stored) : std::nullopt});
    }
    return facts;
}

}  // namespace

bool is_of_another(const catalogue::Manifest& manifest, const std::string& server) {
    const auto& identifier = manifest.server.system_identifier;
    return !server.empty() && !identifier.empty() && identifier != server;
}

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
        if (facts.contents.size() < health::most_contents) {
            facts.contents.push_back(facts_of(database));
        }
        dumped += database.archive_bytes;
    }
    facts.dumped_bytes = dumped;
    for (const auto& mark : manifest.marks) {
        facts.marks.push_back(mark.reason);
    }
    facts.rows = rows_in(manifest);
    for (const auto& failure : manifest.failures) {
        facts.failed_databases.push_back(failure.database.value_or(""));
    }
    return facts;
}

health::StoreFacts survey_of(const Catalogue& catalogue, os::TimePoint now, const std::string& server) {
    health::StoreFacts store;
    // Where this server has a good backup of its own, another's does not stand in for it.
    const bool any_own = std::any_of(catalogue.backups.begin(), catalogue.backups.end(), [&](const auto& backup) {
        return backup.state == State::good && !is_of_another(backup.manifest, server);
    });
    take_lineage(store, catalogue, now, server);
    store.surveyed = now;
    store.backups = catalogue.backups.size();
    for (const auto& backup : catalogue.backups) {  // oldest first
        auto facts = facts_of(backup.manifest, state_of(backup.state));
        facts.proven_at = backup.proven_at;
        store.bytes += facts.stored_bytes;
        if (!backup.tampering.empty() && (backup.state != State::hidden || backup.misdated)) {
            store.meddled.push_back(facts.id + " (" + backup.tampering + ")");
        }
        if (backup.state == State::good) {
            if (any_own && is_of_another(backup.manifest, server)) {
                continue;
            }
            store.last_good = facts;
            store.newest_partial.reset();
        } else if (backup.state == State::marked) {
            store.newest_partial.reset();
        } else if (backup.state == State::partial) {
            store.newest_partial = facts;
        } else if (backup.state == State::hidden && !backup.misdated) {
            store.hidden.push_back(facts.id);
        }
    }
    for (const auto& backup : catalogue.backups) {
        if (backup.stored > now - health::recent_days) {
            auto facts = facts_of(backup.manifest, state_of(backup.state));
            facts.proven_at = backup.proven_at;
            facts.contents.clear();
            store.recent.insert(store.recent.begin(), std::move(facts));
        }
    }
    for (const auto& refused : catalogue.refused) {
        if (refused.kind == ErrorKind::corrupt) {
            store.meddled.push_back(refused.what);
        }
    }
    store.drills = drills_in(catalogue);
    return store;
}

Result<SurveyEnded> survey(store::ObjectStore& store, const config::Settings& settings, os::TimePoint now,
                           const std::string& server) {
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
    auto seen = look(store, *layout, *names, settings, now, server);
    if (!seen) {
        return seen;
    }
    health::keep_recent(seen->store.recent);
    keep_newest(seen->store.unfinished, most_unfinished, [](const auto& started) { return started; });
    keep_newest(seen->runs.good, most_runs, [](const auto& started) { return started; });
    keep_newest(seen->runs.failed, most_runs, [](const auto& attempt) { return attempt.started; });
    seen->newest_id = names->empty() ? "" : names->back().id.text();
    return seen;
}

}  // namespace lifeboat::cli
