// One backup: every database of a server, and its globals, into the store.
#pragma once

#include "age/keys.hpp"
#include "catalogue/manifest.hpp"
#include "lineage/lineage.hpp"
#include "os/clock.hpp"
#include "postgres/client_program.hpp"
#include "postgres/giving_way.hpp"
#include "postgres/server_facts.hpp"
#include "store/object_store.hpp"

#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace lifeboat::backup {

enum class Role { primary, any };

struct BackupPlan {
    std::string instance;
    std::string lifeboat_version;
    postgres::Server server;
    std::vector<std::string> databases = {"*"};  // names or patterns with *
    std::vector<std::string> exclude;
    std::vector<std::string> exclude_table_data;  // pg_dump's patterns
    Role role = Role::primary;
    std::chrono::milliseconds lock_timeout{30000};  // for pg_dump's table locks
    std::chrono::milliseconds lock_wait{0};         // for another Lifeboat on this server
    std::chrono::milliseconds max_stall{300000};    // a dump that has not moved for so long is ended
    // How long another session may wait for a lock that a dump holds before the dump gives way; empty: for ever.
    std::optional<std::chrono::milliseconds> yield_to_ddl{5000};
    std::optional<std::uint64_t> read_rate;    // bytes a second of what the clients print; empty: as fast as can be
    std::optional<std::uint64_t> dump_memory;  // pg_dump's address space in bytes; empty: from the cgroup's limit
    std::string bin_dir;
    int compression_level = 2;
    std::vector<age::Recipient> recipients;  // empty: stored without encryption
    catalogue::RetentionRecord retention;    // on record only
    lineage::Rules lineage;                  // what becomes a mark
    // From the end of this backup until the next good one is overdue; empty: nobody knows. On record only.
    std::optional<std::chrono::milliseconds> overdue_after;
    // Asked once the server's lock is held and before anything is dumped: whether this run is still wanted. Another one
    // may have made the backup while we waited. Empty: it is.
    std::function<Result<bool>()> still_wanted;
};

// The address space that pg_dump may use, in bytes: what is `wanted`, or the cgroup's limit less what Lifeboat itself
// needs. Empty: there is no limit.
std::optional<std::uint64_t> dump_memory(const std::optional<std::uint64_t>& wanted);

// What happens, as it happens: for logs and progress. Called from the job's thread.
class BackupObserver {
public:
    BackupObserver() = default;
    BackupObserver(const BackupObserver&) = delete;
    BackupObserver& operator=(const BackupObserver&) = delete;
    virtual ~BackupObserver() = default;

    virtual void started(const catalogue::BackupId& id, const postgres::ServerFacts& server, std::size_t parts) = 0;
    // `part`: a database's name, or "globals".
    virtual void part_started(const std::string& part) = 0;
    // How large the part's archive may become; before it moves, if at all.
    virtual void part_estimated(const std::string& part, std::uint64_t bytes) = 0;
    virtual void part_moved(const std::string& part, std::uint64_t bytes_in, std::uint64_t bytes_out) = 0;  // often
    virtual void part_stored(const std::string& part, std::uint64_t bytes_in, std::uint64_t bytes_out) = 0;
    virtual void part_failed(const std::string& part, const Error& error) = 0;
    virtual void warned(const std::string& part, const std::string& text) = 0;  // `part` empty: the whole run
    virtual void marked(const catalogue::Mark& mark) = 0;  // the backup is stored, and an owner should look at it
};

// A dump was ended because somebody waited who comes first.
struct Yield {
    postgres::GaveWay to;
    std::string database = {};  // whose dump; empty: the run's as a whole
};

struct BackupOutcome {
    enum class Kind {
        good,        // the manifest is in the store; it may have marks
        partial,     // some parts failed; the rest is in the store under a manifest in partial/
        yielded,     // gave way, and nothing of it is in the store: to be tried again later
        not_ours,    // the server is a standby, and only a primary is to be dumped
        not_needed,  // BackupPlan::still_wanted said so
    };
    Kind kind = Kind::good;
    std::optional<catalogue::Manifest> manifest = std::nullopt;  // of good and partial ones
    std::optional<Yield> yield = std::nullopt;  // of yielded ones, and of partial ones where a part that failed did
};

// Success is a chain: pg_dump's exit code, every stage's finish, the store's word for every object, and last
// the manifest. Before that is written, the backup is compared with those before it (lineage/lineage.hpp); where they
// cannot be read it is stored all the same, and says that it was not compared. An error means that no backup came of
// it; what had been stored is taken back, as far as the store can be reached.
//
// The database comes first. A dump whose locks somebody waits for longer than plan.yield_to_ddl is ended; the run goes
// on with the other databases, and tries that one once more after them. A server that shuts down or is promoted ends
// the run. At most three connections to the server are open at once, and none after the run.
// Run it on a thread that outlives it (children die with the thread that started them).
Result<BackupOutcome> run_backup(const BackupPlan& plan, store::ObjectStore& store, const os::Clock& clock,
                                 BackupObserver& observer, const std::stop_token& stop);

}  // namespace lifeboat::backup
