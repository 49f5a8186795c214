// What to do when one of PostgreSQL's client programs failed, as far as its words tell.
#pragma once

#include <string>
#include <string_view>

namespace lifeboat::postgres {

// `program`: "pg_dump", "pg_dumpall" or "pg_restore"; `said`: what it printed, the server's message in it. One
// instruction; where the words are not known (or in another language), to look into the server's log.
std::string next_step(std::string_view program, std::string_view said);

}  // namespace lifeboat::postgres
