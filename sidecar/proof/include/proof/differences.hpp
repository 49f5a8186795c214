// What is different between two proofs: of a backup and of what came back from it, or of two backups.
#pragma once

#include "proof/proof.hpp"

#include <functional>
#include <string>
#include <vector>

namespace lifeboat::proof {

enum class DifferenceKind {
    database,       // in one of the two only
    not_proven,     // cannot be compared, because one of the two has not read it
    table,          // in one of the two only
    rows,           // another number of rows
    content,        // as many rows, but not the same
    sequence,       // in one of the two only, or another value
    large_objects,  // other objects, or other bytes
    entry,          // an entry of the table of contents that is in one of the two only
    owner,
    privileges,
};

std::string_view name_of(DifferenceKind kind);  // "large_objects", for programs

struct Difference {
    DifferenceKind kind = DifferenceKind::content;
    std::string database;
    std::string object;  // "public.people", "INDEX public.people_pkey"; empty where the database as a whole is meant
    // A whole sentence without the database: "table public.people: 4 rows in the backup, 3 after the restore".
    // Names are quoted as in SQL where they are not plain, and hold no control characters.
    std::string text;
};

struct CompareOptions {
    // Where the one and the other stand, for the sentences.
    std::string first = "in the first";
    std::string second = "in the second";

    // Entries that may well be in one of the two only: what a restore leaves out on purpose. Empty: none.
    std::function<bool(const archive::TocLine&)> leave_out;

    // Whether the owners of privileges, comments and security labels count. Such an entry is owned by the owner of what
    // it is about, which has an entry of its own; but for what an extension or the server itself brings, whose owner is
    // whoever makes that.
    bool owners_of_privileges = true;
};

// Of each database in turn: tables, sequences, large objects, entries. Empty: there is none.
//
// Tables that are loaded through the root of their partition tree are compared together, as one: rows may move between
// partitions in a restore. Rows that are the same but for the order of their columns are the same, where both sides
// have TableContents::by_column. What was not read in one of the two is a difference (not_proven), never passed over.
std::vector<Difference> differences(const Proof& first, const Proof& second, const CompareOptions& options = {});
std::vector<Difference> differences(const DatabaseProof& first, const DatabaseProof& second,
                                    const CompareOptions& options = {});

}  // namespace lifeboat::proof
