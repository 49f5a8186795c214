// Whose fault a failure in the middle of a drill is: the backup's, or that of the server that it was restored into.
#pragma once

#include "postgres/connection.hpp"
#include "postgres/scratch_server.hpp"

#include <stop_token>
#include <string>

namespace lifeboat::drill {

// Of these the backup is no cause; all others say something about it, or may.
bool says_nothing_of_backup(ErrorKind kind);

// The error tells what is the matter with the server or its disk, if that is what went wrong. `own` is the throw-away
// server, or null where the server is that of --to.
Status server_is_well(const Error& error, postgres::ScratchServer* own);

// The error tells that a restore under a passing name fails for what can be made in the database of one name only, if
// that is what went wrong.
Status any_name_will_do(const Error& error);

// A database may have come back with a role for its sessions (ALTER DATABASE … SET role), who may read less than we:
// then the error says so.
Status sessions_are_ours(const postgres::Server& server, const std::string& database, const Error& error,
                         const std::stop_token& stop);

}  // namespace lifeboat::drill
