#include "proof/proof.hpp"

#include <algorithm>
#include <utility>

namespace lifeboat::proof {
namespace {

std::string version_of(const archive::ArchiveHeader& header) {
    if (header.version_major == 0) {
        return {};
    }
    return std::to_string(header.version_major) + "." + std::to_string(header.version_minor) + "." +
           std::to_string(header.version_revision);
}

}  // namespace

const DatabaseProof* Proof::find(std::string_view database) const {
    const auto found = std::ranges::find(databases, database, &DatabaseProof::name);
    return found == databases.end() ? nullptr : &*found;
}

DatabaseProof proof_of(std::string database, archive::ContentsReader&& reader) {
    DatabaseProof proof{std::move(database), version_of(reader.toc().header()), {}, {}};
    if (const auto verdict = reader.verdict(); !verdict) {
        proof.not_proven = verdict.error().what;
    }
    proof.contents = std::move(reader).contents();
    return proof;
}

std::optional<Totals> totals_of(const DatabaseProof& database) {
    const auto& objects = database.contents.large_objects;
    if (database.contents.kept == archive::Kept::nothing || !objects) {
        return std::nullopt;
    }
    Totals totals{database.contents.tables.size(), 0, objects->bytes};
    for (const auto& table : database.contents.tables) {
        if (!table.totals) {
            return std::nullopt;
        }
        totals.rows += table.totals->rows;
        totals.bytes += table.totals->bytes;
    }
    return totals;
}

}  // namespace lifeboat::proof
