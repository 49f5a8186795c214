// One backup against an earlier one: what is lost between the two. Pure. docs/lineage.md.
#pragma once

#include "catalogue/manifest.hpp"

#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace lifeboat::catalogue {

// Public: they stand in manifests. A kind is added, never renamed. Also follows_marked.
inline constexpr std::string_view new_server = "new_server";            // another system identifier, and fewer rows
inline constexpr std::string_view database_gone = "database_gone";      // one of the last trusted backup is not in it
inline constexpr std::string_view database_shrunk = "database_shrunk";  // its rows, bytes or tables are under min_ratio

struct LineageRules {
    double min_ratio = 0.5;  // of rows, bytes and tables of each database; 0 lets anything pass
};

struct Comparison {
    std::vector<Mark> marks;
    std::vector<std::string> notes;  // what an owner may want to know, and need not act on
};

// `now` against one backup. `on_server`: the databases that the server has, chosen or not, so that one that the
// settings leave out is told from one that is gone; both are marks.
//
// Where it is not known how many rows a database holds (an archive that could not be read, or a backup from before
// there were proofs), the size of pg_dump's archive stands in for rows, bytes and tables, under the same ratio, and the
// comparison has a note; its rows count for nothing in new_server. An unknown system identifier equals every other.
Comparison compare(const Manifest& before, const Manifest& now, const LineageRules& rules,
                   const std::set<std::string>& on_server);

}  // namespace lifeboat::catalogue
