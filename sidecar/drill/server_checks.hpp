// What extensions want of a server beside their files.
#pragma once

#include "catalogue/manifest.hpp"
#include "postgres/connection.hpp"

#include <string>
#include <utility>
#include <vector>

namespace lifeboat::drill {

// Settings without which the throw-away server cannot take the backup: libraries that extensions want preloaded, and
// locks for as many tables.
std::vector<std::pair<std::string, std::string>> settings_for(const catalogue::Manifest& manifest);

// Each extension of the backup is made once, in a transaction that is rolled back: one whose files are there and that
// cannot be made all the same (most often for want of a preloaded library) is named, with what the server says. One
// whose files are not there is left to restore's own look.
Result<std::vector<std::string>> extensions_that_do_not_start(postgres::Connection& connection,
                                                              const catalogue::Manifest& manifest);

// Says so where the server certainly has too few locks: the dump of what came back locks every table of a database at
// once. Where it may have enough, as a server has some more than it promises, that shows.
Result<std::vector<std::string>> locks_that_are_missing(postgres::Connection& connection,
                                                        const catalogue::Manifest& manifest);

}  // namespace lifeboat::drill
