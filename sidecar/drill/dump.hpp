// Dumps of what came back.
#pragma once

#include "archive_look.hpp"
#include "catalogue/manifest.hpp"
#include "postgres/client_program.hpp"

#include <map>
#include <set>
#include <stop_token>
#include <string>

namespace lifeboat::drill {

struct Dumping {
    const postgres::ClientPrograms& programs;
    postgres::Connection& connection;  // to the server; to any of its databases
    const catalogue::Manifest& manifest;
    const std::stop_token& stop;
};

// Dumps a database as the backup was dumped, and keeps nothing of it but what `look` does.
Status look_at_database(const Dumping& dumping, const catalogue::DatabaseRecord& record, ArchiveLook& look);

// Restores what `archive` was seen to begin with, which is all but rows, into the database `into`, which is there and
// empty: with what the restore of the whole of it had left out left out here, too. As `role`, so that it owns what has
// no owner of its own. `archive` kept its front.
Status restore_schema(const Dumping& dumping, ArchiveLook& archive, const std::string& into, const std::string& role);

// Dumps the schema of `database`, of which `record` is.
Status look_at_schema(const Dumping& dumping, const catalogue::DatabaseRecord& record, const std::string& database,
                      ArchiveLook& look);

// How these are made in `database`, by their shown_name(). Some may be missing: so much text is kept, and no more.
Result<std::map<std::string, std::string>> texts_of(const Dumping& dumping, const catalogue::DatabaseRecord& record,
                                                    const std::string& database, const std::set<std::string>& names);

// The script of roles and tablespaces.
Result<std::string> dump_globals(const Dumping& dumping);

}  // namespace lifeboat::drill
