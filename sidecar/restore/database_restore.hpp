#pragma once

#include "archive/prerequisites.hpp"
#include "postgres/client_program.hpp"
#include "restore/restore_job.hpp"
#include "target.hpp"

namespace lifeboat::restore {

// One database on its way back.
struct DatabaseTask {
    const catalogue::DatabaseRecord& record;
    std::string new_name;
    const archive::Prerequisites& needs;
    DatabaseState before = DatabaseState::missing;
};

struct DatabaseTools {
    const Source& source;
    const postgres::Server& target;
    postgres::Connection& connection;  // to another database of the target
    const postgres::ClientPrograms& programs;
    RestoreObserver& observer;
    const std::stop_token& stop;
};

// Creates the database where it is missing, loads its archive, applies its settings, privileges and comment,
// and analyses it. On an error a database that this call created is dropped again.
Status restore_database(const DatabaseTools& tools, const DatabaseTask& task);

}  // namespace lifeboat::restore
