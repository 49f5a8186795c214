// A stored backup, restored and compared with what it was taken from.
#pragma once

#include "drill/report.hpp"
#include "postgres/connection.hpp"
#include "restore/restore_job.hpp"

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace lifeboat::drill {

// A question of the owner's. `expect`: ">", ">=", "<", "<=", "=", "!=" and a number or a text; a text alone is meant to
// be equal.
struct SqlCheck {
    std::string database;
    std::string query;  // gives one row of one column
    std::string expect;
};

struct DrillPlan {
    std::string bin_dir;                 // of the server's programs and of the clients
    std::optional<postgres::Server> to;  // empty: a throw-away server of its own
    std::vector<SqlCheck> checks;
};

class DrillObserver : public restore::RestoreObserver {
public:
    // Another stage begins (Stage::name); of this database, or of the backup as a whole.
    virtual void stage_started(const std::string& stage, const std::string& database) = 0;
    // How much of a restored database's dump has been read.
    virtual void compared(const std::string& database, std::uint64_t plain_bytes) = 0;
};

// Takes the backup as a stranger with the key would: fetches, checks, decrypts and restores all of it, dumps what came
// back, and compares that with the backup's table proof, with what its archives hold themselves, and with its manifest:
// every table's rows, sequences, large objects, every entry of the tables of contents with its owner and privileges,
// roles and their memberships. Definitions are compared between this restore and another one of what came back, as
// PostgreSQL spells some expressions differently after one.
//
// Subscriptions and publications are not restored: a copy must not take from the original's stream. They are compared
// from the archive alone.
//
// What is wrong with the backup is a finding. An error means that the drill could not be held: no room, no server, a
// server that lacks what the backup needs (all of it is named, and nothing was restored), a key that does not fit, a
// store that does not answer, a stop. Then there is no report, and nothing is said about the backup.
//
// Its own server (postgres/scratch_server.hpp) is gone afterwards in any case; databases are dropped there as soon as
// they were compared, so that the largest decides what room is needed. In `to` everything stays as it was restored;
// databases there that hold anything are refused (ErrorKind::refused), and roles that it has are left as they are.
//
// For one thread that outlives it, in a process that called os::adopt_orphans() and os::hide_own_memory().
Result<Report> run_drill(const DrillPlan& plan, const restore::Source& source, const catalogue::Manifest& manifest,
                         DrillObserver& observer, const std::stop_token& stop);

}  // namespace lifeboat::drill
