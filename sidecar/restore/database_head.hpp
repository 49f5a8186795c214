#pragma once

#include "archive/prerequisites.hpp"
#include "restore/incoming_stream.hpp"

#include <set>
#include <string>
#include <vector>

namespace lifeboat::restore {

// What the beginning of a database's archive tells.
struct DatabaseHead {
    archive::Prerequisites needs;

    // Entries that only a superuser can restore although the object is there already: comments on extensions.
    std::set<std::int32_t> superuser_only;
    std::set<std::int32_t> replication;   // subscriptions, publications, and what is said of them
    std::set<std::int32_t> running_code;  // people's own, as soon as they are restored: event triggers, REFRESH
    std::vector<std::int32_t> all_entries;

    std::set<std::string> superuser_kinds;  // of objects that only a superuser can make: "EVENT TRIGGER"
    bool subscriptions = false;
    bool uses_public = false;  // something is in the schema public
};

// Reads only as much of the archive as its table of contents needs. `head` must stay where it is.
Status read_head(const Source& source, const catalogue::DatabaseRecord& database, DatabaseHead& head);

}  // namespace lifeboat::restore
