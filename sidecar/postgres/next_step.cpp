#include "postgres/next_step.hpp"

#include <algorithm>
#include <span>

namespace lifeboat::postgres {
namespace {

// The words of a server's or a client's message (PostgreSQL's src/backend, src/bin/pg_dump), and the cure.
struct Cure {
    std::string_view words;
    const char* next;
};

constexpr const char* lost = "see why in the server's log, and run it again once the server is up";

constexpr Cure of_any[] = {
    // NOLINT(*-avoid-c-arrays)
    {"due to conflict with recovery",
     "set hot_standby_feedback = on or a longer max_standby_streaming_delay on the standby, or back up the primary"},
    {"too many connections", "raise the CONNECTION LIMIT of the role or the database: three connections are needed"},
    {"too many clients", "raise max_connections, or run when the server is less busy"},
    {"server closed the connection", lost},
    {"terminating connection", lost},
    {"the database system is", lost},
};

constexpr Cure of_dumps[] = {
    // NOLINT(*-avoid-c-arrays)
    {"max_locks_per_transaction", "raise max_locks_per_transaction: a dump locks every table of a database"},
    {"invalid memory alloc",
     "PostgreSQL cannot send a row whose text is over 1 GB: cut the value, or leave the table's rows out with "
     "postgres.exclude_table_data"},
    {"out of memory",
     "raise postgres.dump_memory and the container's limit: pg_dump needs about three times its widest row"},
    {"memory for",
     "raise postgres.dump_memory and the container's limit: pg_dump needs about three times its widest row"},
    {"due to user request", "somebody cancelled it on the server (pg_cancel_backend): run it again"},
    {"cache lookup failed", "something was dropped while the dump began: run it again"},
    {"could not open relation with OID", "something was dropped while the dump began: run it again"},
    {"failed to get data for sequence", "a sequence was dropped while the dump began: run it again"},
    {"due to statement timeout", "run when nobody holds that table's lock, or raise postgres.lock_timeout"},
};

constexpr const char* not_allowed =
    "restore as a superuser, or have one grant or make what is named; owners and privileges can be left out with "
    "--no-owner --no-acl";
constexpr const char* there_already =
    "restore under another name (--database NAME=NEWNAME), or have the database dropped and made anew";
constexpr const char* other_encoding =
    "restore into a database of the backup's encoding: one that the restore makes itself (--database NAME=NEWNAME) is";
constexpr const char* not_installed =
    "install the package of that extension on the target's server, for its major version";
constexpr const char* made_before =
    "make that database first, empty, on a server whose settings name it (pg_cron: cron.database_name), and run it "
    "again: one that is there and empty is loaded under its own name";
constexpr const char* by_hand =
    "load the archive by hand, without what is named or after mending it: `lifeboat cat` gives it, `pg_restore "
    "--list` and `--use-list` choose from it";
constexpr const char* no_room = "make room on the target's disk, and run it again";
constexpr const char* damaged = "`lifeboat verify` tells whether the stored archive is whole";

constexpr Cure of_restores[] = {
    // NOLINT(*-avoid-c-arrays)
    {"max_locks_per_transaction",
     "raise max_locks_per_transaction on the target, restore under another name (--database NAME=NEWNAME), or use "
     "--jobs 2"},
    {"permission denied", not_allowed},
    {"must be superuser", not_allowed},
    {"must be owner", not_allowed},
    {"must be member", not_allowed},
    {"must be able to", not_allowed},
    {"only superuser", not_allowed},
    {"transition data type cannot be internal", not_allowed},  // but for a superuser
    {"shared_preload_libraries", "name the library in shared_preload_libraries of the target, and restart the server"},
    {"can only create extension in database", made_before},
    {"could not open extension control file", not_installed},
    {" is not available", not_installed},
    {"could not access file", not_installed},
    {"could not load library", not_installed},
    {"already exists", there_already},
    {"duplicate key value violates unique constraint \"pg_", there_already},  // a catalog's
    {"has no equivalent in encoding", other_encoding},
    {"invalid byte sequence for encoding", other_encoding},
    {"No space left on device", no_room},
    {"could not extend file", no_room},
    {"unrecognized configuration parameter",
     "the target does not know that setting: load its extension there (shared_preload_libraries), or restore into "
     "the major version of the backup"},
    {"violates", by_hand},
    {"does not exist", by_hand},
    {"could not read from input file", damaged},
    {"corrupt", damaged},
    {"out of memory", "give the target's server more memory, or restore with fewer --jobs"},
    {"deadlock detected", "keep others out of the database while it is restored, and run it again"},
    {"canceling statement", "somebody or a time limit ended it on the server: run it again"},
};

const Cure* find(std::span<const Cure> cures, std::string_view said) {
    const auto found = std::find_if(cures.begin(), cures.end(), [&](const Cure& known) {
        return said.find(known.words) != std::string_view::npos;
    });
    return found == cures.end() ? nullptr : &*found;
}

}  // namespace

std::string next_step(std::string_view program, std::string_view said) {
    const std::span<const Cure> own =
        program == "pg_restore" ? std::span<const Cure>(of_restores) : std::span<const Cure>(of_dumps);
    for (const auto& cures : {std::span<const Cure>(of_any), own}) {
        if (const auto* cure = find(cures, said)) {
            return cure->next;
        }
    }
    return "see the server's log for the same moment";
}

}  // namespace lifeboat::postgres
