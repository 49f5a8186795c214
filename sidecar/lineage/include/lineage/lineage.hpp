// Is a new backup of the same server's data as those before it? Pure: manifests in, marks out. docs/lineage.md.
//
// A mark says that an owner should look before the backup is trusted: a database that was re-created empty must not
// push out the backups of the real one. No mark names a table.
#pragma once

#include "catalogue/trust.hpp"

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace lifeboat::lineage {

// Public: they stand in manifests. A kind is added, never renamed. Also catalogue::follows_marked.
inline constexpr std::string_view new_server = "new_server";            // another system identifier, and fewer rows
inline constexpr std::string_view database_gone = "database_gone";      // one of the last trusted backup is not in it
inline constexpr std::string_view database_shrunk = "database_shrunk";  // its rows, bytes or tables are under min_ratio

struct Rules {
    double min_ratio = 0.5;  // of rows, bytes and tables of each database; 0 lets anything pass
};

struct Judgement {
    std::vector<catalogue::Mark> marks;
    std::vector<std::string> notes;  // what an owner may want to know, and need not act on
};

// `now` against one backup. `on_server`: the databases that the server has, chosen or not, so that one that the
// settings leave out is told from one that is gone; both are marks.
//
// Where it is not known how many rows a database holds (an archive that could not be read, or a backup from before
// there were proofs), the size of pg_dump's archive stands in for rows, bytes and tables, under the same ratio, and the
// judgement has a note; its rows count for nothing in new_server. An unknown system identifier equals every other.
Judgement compare(const catalogue::Manifest& before, const catalogue::Manifest& now, const Rules& rules,
                  const std::set<std::string>& on_server);

// What is written down with a new backup: the marks of a comparison with the newest trusted backup, and while a doubt
// lasts a follows_marked. With a doubt, one that is as good as the trusted backup, or as good as the newest that has
// marks of its own, only follows: to accept that one is to accept this one.
Judgement judge(const catalogue::Ancestry& ancestry, const catalogue::Manifest& now, const Rules& rules,
                const std::set<std::string>& on_server);

}  // namespace lifeboat::lineage
