// The table proof: what the archives of one backup hold, table by table, taken from the bytes that were stored.
//
// Names of tables are private: a proof is stored encrypted like the data. The manifest gets totals alone.
#pragma once

#include "archive/contents.hpp"
#include "result/result.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lifeboat::proof {

inline constexpr std::string_view proof_format = "lifeboat-proof/1";

struct DatabaseProof {
    std::string name;             // raw
    std::string archive_version;  // "1.14.0"; empty where not even that was read
    // Why the archive's contents are not proven: a sentence without names. Empty: they are. What stands in `contents`
    // is true in any case, but may lack something.
    std::string not_proven;
    archive::Contents contents;
};

struct Proof {
    std::string id;        // of the backup
    std::string instance;  // whose backup
    std::string algorithm = std::string(archive::content_hash_algorithm);
    std::vector<DatabaseProof> databases;
    // SHA-256 of the globals script that was stored with them, 64 lower-case hex digits; empty: not on record.
    std::string globals_sha256 = {};

    [[nodiscard]] const DatabaseProof* find(std::string_view database) const;
};

// Of an archive that was read to its end; `reader` has no contents then. An archive that is broken has a proof, too: it
// is for the caller to refuse it (ContentsReader::archive_broken).
DatabaseProof proof_of(std::string database, archive::ContentsReader&& reader);

// For the manifest, and for comparing backups without their proofs.
struct Totals {
    std::uint64_t tables = 0;
    std::uint64_t rows = 0;
    std::uint64_t bytes = 0;  // of rows and large objects
    std::uint64_t sequences = 0;
    std::uint64_t large_objects = 0;

    friend bool operator==(const Totals&, const Totals&) = default;
};

// Nothing where something was not read, or not kept: never the sum of a part.
std::optional<Totals> totals_of(const DatabaseProof& database);

}  // namespace lifeboat::proof
