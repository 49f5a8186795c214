#include "databases.hpp"

#include <algorithm>
#include <map>
#include <string_view>

namespace lifeboat::health {

namespace {

using States = std::map<std::string_view, DatabaseState>;

void take(States& states, const BackupFacts& backup) {
    for (const auto& name : backup.databases) {
        states[name] = DatabaseState{name, nullptr, &backup, false};
    }
    for (const auto& database : backup.contents) {
        const auto found = states.find(database.name);
        if (found != states.end()) {
            found->second.contents = &database;
        }
    }
}

void take_missing(States& states, const BackupFacts& partial) {
    for (const auto& name : partial.failed_databases) {
        auto& state = states[name];
        state.name = name;
        state.missing = true;
    }
}

std::uint64_t size_of(const DatabaseState& state) {
    return state.contents == nullptr ? 0 : state.contents->stored_bytes;
}

}  // namespace

std::vector<DatabaseState> databases_of(const StoreFacts& store) {
    States states;
    if (store.last_good) {
        take(states, *store.last_good);
    }
    if (store.newest_partial) {
        take(states, *store.newest_partial);
        take_missing(states, *store.newest_partial);
    }
    std::vector<DatabaseState> list;
    list.reserve(states.size());
    for (auto& [name, state] : states) {
        list.push_back(std::move(state));
    }
    std::stable_sort(list.begin(), list.end(), [](const DatabaseState& a, const DatabaseState& b) {
        return a.missing != b.missing ? a.missing : size_of(a) > size_of(b);
    });
    return list;
}

}  // namespace lifeboat::health
