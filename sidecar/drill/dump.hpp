// Dumps of what came back.
#pragma once

#include "archive_look.hpp"
#include "catalogue/manifest.hpp"
#include "postgres/client_program.hpp"

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

// Dumps the database's schema, restores it into the database `into`, which is there and empty, and looks at both:
// `look` at what is dumped first, `again` at a dump of what came of it. As `role`, so that it owns what has no owner of
// its own.
Status look_at_schema_twice(const Dumping& dumping, const catalogue::DatabaseRecord& record, const std::string& into,
                            const std::string& role, ArchiveLook& look, ArchiveLook& again);

// The script of roles and tablespaces.
Result<std::string> dump_globals(const Dumping& dumping);

}  // namespace lifeboat::drill
