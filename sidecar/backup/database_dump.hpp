#pragma once

#include "catalogue/layout.hpp"
#include "part_writer.hpp"
#include "postgres/inspection.hpp"
#include "proof/proof.hpp"

#include <set>

namespace lifeboat::backup {

struct DumpedDatabase {
    catalogue::DatabaseRecord record;
    std::set<std::string> roles;  // every role that the archive names, but the server's own
    proof::DatabaseProof proof;   // from the very bytes that were stored
};

struct DumpTools {
    const BackupPlan& plan;
    const postgres::ClientPrograms& programs;
    bool in_recovery = false;
    BackupObserver& observer;
    PartWriter& writer;
    GivingWay& giving_way;
    const std::stop_token& stop;
};

// One database: what its dump would lack is found first, then it is dumped, then what passed is looked at. Taken
// anew when a table was rewritten while its locks were being taken. Beside the lock's, it has two connections at most:
// one for questions, and pg_dump's own.
Result<DumpedDatabase> dump_database(const DumpTools& tools, const std::string& name, const store::ObjectKey& key);

}  // namespace lifeboat::backup
