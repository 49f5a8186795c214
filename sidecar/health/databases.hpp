// Each database, with the newest copy that there is of it.
#pragma once

#include "health/facts.hpp"

#include <string>
#include <vector>

namespace lifeboat::health {

struct DatabaseState {
    std::string name;                         // "" stands for the globals
    const DatabaseFacts* contents = nullptr;  // of that copy; null: not known
    const BackupFacts* backup = nullptr;      // the newest backup that holds it; null: none that is known
    bool missing = false;                     // the newest run left it out
};

// Of the last good backup and of what came after it: those that are missing first, then the largest. Points into
// `store`.
std::vector<DatabaseState> databases_of(const StoreFacts& store);

}  // namespace lifeboat::health
