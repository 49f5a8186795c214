// Is a new backup of the same server's data as those before it? Pure: manifests in, marks out. docs/lineage.md.
//
// A mark says that an owner should look before the backup is trusted: a database that was re-created empty must not
// push out the backups of the real one. No mark names a table.
#pragma once

#include "catalogue/comparison.hpp"
#include "catalogue/trust.hpp"

#include <set>
#include <string>

namespace lifeboat::lineage {

using catalogue::compare;
using catalogue::database_gone;
using catalogue::database_shrunk;
using catalogue::new_server;
using Rules = catalogue::LineageRules;
using Judgement = catalogue::Comparison;

// What is written down with a new backup: the marks of a comparison with the newest trusted backup, and while a doubt
// lasts a follows_marked. With a doubt, one that is as good as the trusted backup, or as good as the newest that has
// marks of its own, only follows: whether to accept an earlier one is to accept this one too, a comparison of the two
// tells then (catalogue/trust.hpp).
Judgement judge(const catalogue::Ancestry& ancestry, const catalogue::Manifest& now, const Rules& rules,
                const std::set<std::string>& on_server);

}  // namespace lifeboat::lineage
