// A stored backup back into a PostgreSQL server.
#pragma once

#include "postgres/client_program.hpp"
#include "restore/incoming_stream.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace lifeboat::restore {

// One database of the backup, and the name it gets.
struct DatabaseChoice {
    std::string name;
    std::string new_name;
};

struct RestorePlan {
    postgres::Server target;
    std::string bin_dir;
    std::vector<DatabaseChoice> databases;  // empty: all of them, under their names
    bool globals = true;                    // roles, memberships, tablespaces
    bool alter_roles = false;               // also change roles that exist already
    bool owners = true;                     // false: everything belongs to who restores, or to `role`
    bool privileges = true;                 // false: no GRANT and REVOKE
    std::optional<std::string> role;        // SET ROLE before anything is created
    bool overwrite = false;                 // replace databases that are not empty
    unsigned jobs = 1;                      // more: through an unlinked file under TMPDIR, as large as the archive
    std::chrono::milliseconds lock_wait{0};
    bool for_drill = false;   // it is a trial: errors and cures name no flag that only `lifeboat restore` has
    bool replication = true;  // false: no subscriptions, no publications (nor what is said of them)

    // Makes a stage that sees the plain archive of a database (by its name in the backup) on its way, before `next`;
    // empty: none. It is finished only when every byte was checked.
    std::function<std::unique_ptr<stream::Sink>(const std::string& database, stream::Sink& next)> inspector = {};
};

class RestoreObserver {
public:
    RestoreObserver() = default;
    RestoreObserver(const RestoreObserver&) = delete;
    RestoreObserver& operator=(const RestoreObserver&) = delete;
    virtual ~RestoreObserver() = default;

    // `part`: a database's new name, or "globals"; `stored_bytes`: how much will be fetched.
    virtual void part_started(const std::string& part, std::uint64_t stored_bytes) = 0;
    // How much of it was fetched, and how much has gone to the server: often, from any thread, one at a time.
    virtual void part_moved(const std::string& part, std::uint64_t fetched_bytes, std::uint64_t plain_bytes) = 0;
    virtual void part_restored(const std::string& part) = 0;
    virtual void noted(const std::string& text) = 0;  // what was left as it is, and why
    // A setting that is in the backup and did not come back, as the target would not have it.
    enum class SettingOf { role, database };
    virtual void setting_left_out(SettingOf /*of*/, const std::string& /*name*/, const std::string& text) {
        noted(text);
    }
};

// What a restore would do, and what stands in its way.
struct RestorePreview {
    struct Database {
        std::string name;
        std::string new_name;
        enum class Deed { create, load_into_empty, replace } deed = Deed::create;
    };
    std::vector<Database> databases;
    std::vector<std::string> roles_to_create;
    std::vector<std::string> lacks;  // what the target does not have and needs, one line each with the cure
};

// Looks at the backup's heads and at the target, and changes nothing. ErrorKind::refused for a database of the
// target that is not empty (unless it is to be overwritten).
Result<RestorePreview> preview_restore(const RestorePlan& plan, const Source& source,
                                       const catalogue::Manifest& manifest, RestoreObserver& observer,
                                       const std::stop_token& stop);

// Globals first, then each database. What the target lacks is found before the first change.
//
// A database that is missing, or to be replaced, is made and loaded under a passing name, given its settings and
// privileges, analysed, and takes its own name last: under that name it is whole or not there, and one that is
// replaced goes only then. What a killed run left under a passing name, the next run drops. A database that is
// there and empty is loaded in one transaction (with several jobs: not, and an error tells so).
//
// Roles that exist already are left as they are, unless alter_roles. After an error, what its text calls restored
// is whole and stays. Holds the same lock on the target as a backup.
Status run_restore(const RestorePlan& plan, const Source& source, const catalogue::Manifest& manifest,
                   RestoreObserver& observer, const std::stop_token& stop);

}  // namespace lifeboat::restore
