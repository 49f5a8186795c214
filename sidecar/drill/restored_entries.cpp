#include "restored_entries.hpp"

#include <set>
#include <string>

namespace lifeboat::drill {
namespace {

bool of_replication(const archive::TocLine& line) {
    const bool about = line.kind() == "COMMENT" || line.kind() == "SECURITY LABEL";
    const auto what = about ? line.name() : line.kind();
    return what.starts_with("SUBSCRIPTION") || what.starts_with("PUBLICATION");
}

// The language that every new database has. Where it was dropped and made anew, pg_dump takes it for somebody's own
// extension; a restore finds it there, and the next dump does not list it.
bool there_from_the_start(const archive::TocLine& line) {
    return (line.kind() == "EXTENSION" && line.name() == "plpgsql") ||
           (line.kind() == "COMMENT" && line.name() == "EXTENSION plpgsql");
}

// An extension comes with its comment, also where that was taken away.
bool brought_comment(const archive::TocLine& line, const std::set<std::string>& comments) {
    return line.kind() == "COMMENT" && line.name().starts_with("EXTENSION ") &&
           comments.count(std::string(line.name())) == 0;
}

std::set<std::string> names_of_comments(const proof::DatabaseProof& database) {
    std::set<std::string> names;
    for (const auto& line : database.contents.entries) {
        if (line.kind() == "COMMENT") {
            names.emplace(line.name());
        }
    }
    return names;
}

// Between majors large objects are listed in another way; their bytes are compared all the same.
bool listed_in_another_way(const archive::TocLine& line) {
    const bool about = line.kind() == "COMMENT" || line.kind() == "SECURITY LABEL" || line.kind() == "ACL";
    const auto what = about ? line.name() : line.kind();
    return what.starts_with("BLOB") || what.starts_with("LARGE OBJECT");
}

}  // namespace

proof::CompareOptions after_restore(const proof::DatabaseProof& backup, RestoredInto server) {
    proof::CompareOptions options{"in the backup", "after the restore",
                                  [comments = names_of_comments(backup), server](const archive::TocLine& line) {
                                      return of_replication(line) || there_from_the_start(line) ||
                                             brought_comment(line, comments) ||
                                             (!server.same_major && listed_in_another_way(line)) ||
                                             (!server.has_all_settings && line.kind() == "DATABASE PROPERTIES");
                                  }};
    options.owners_of_privileges = false;
    return options;
}

}  // namespace lifeboat::drill
