// Two small databases' proofs, to change.
#pragma once

#include "proof/proof.hpp"

#include <string>
#include <utility>

namespace lifeboat::proof {

inline archive::TableContents table(std::string name, std::uint64_t rows, std::uint64_t bytes = 20,
                                    archive::ContentHash hash = {1, 2}) {
    archive::TableContents table;
    table.table = {"public", std::move(name)};
    table.totals = archive::RowTotals{rows, bytes, hash};
    table.unread = archive::Unread::no;
    return table;
}

inline DatabaseProof sample_database() {
    DatabaseProof database{"app", "1.14.0", {}, {}};
    auto& contents = database.contents;
    contents.tables = {table("orders", 3, 30, {3, 4}), table("people", 4)};
    contents.sequences = {{{"public", "people_id_seq"}, 12, true}};
    contents.large_objects = archive::LargeObjectTotals{2, 7, {5, 6}};
    contents.entries = {
        {"ACL", "public", "TABLE people", "app", "GRANT SELECT ON TABLE public.people TO reader;\n"},
        {"INDEX", "public", "people_name", "app", ""},
        {"TABLE", "public", "people", "app", ""},
    };
    return database;
}

inline Proof sample_proof() {
    Proof proof;
    proof.id = "20261122T142508Z-3313";
    proof.instance = "basketball-api";
    proof.databases = {sample_database()};
    return proof;
}

}  // namespace lifeboat::proof
