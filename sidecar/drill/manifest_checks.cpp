#include "manifest_checks.hpp"

#include "result/in_quotes.hpp"

#include <set>

namespace lifeboat::drill {
namespace {

std::string listed(const std::set<std::string>& names) {
    std::string text;
    for (const auto& name : names) {
        text += (text.empty() ? "" : ", ") + in_quotes(name);
    }
    return text.empty() ? "none" : text;
}

std::string totals_text(const catalogue::ContentTotals& totals) {
    return std::to_string(totals.tables) + " tables, " + std::to_string(totals.rows) + " rows, " +
           std::to_string(totals.bytes) + " bytes, " + std::to_string(totals.sequences) + " sequences, " +
           std::to_string(totals.large_objects) + " large objects";
}

}  // namespace

std::vector<Finding> differences_from_manifest(const catalogue::DatabaseRecord& record, const ArchiveLook& archive) {
    std::vector<Finding> found;
    const auto add = [&](const std::string& text) { found.push_back({"manifest", record.name, "", text}); };
    const auto compare = [&](const std::string& what, const std::string& manifest, const std::string& holds) {
        if (manifest != holds) {
            add(what + ": " + manifest + " by the manifest, " + holds + " in the archive");
        }
    };
    compare("the database", in_quotes(record.name), in_quotes(archive.header().database));
    compare("bytes of the archive", std::to_string(record.archive_bytes), std::to_string(archive.bytes()));
    compare("encoding", record.needs.encoding, archive.needs().encoding());
    std::set<std::string> extensions;
    for (const auto& extension : record.needs.extensions) {
        extensions.insert(extension.name);
    }
    auto held = archive.needs().extensions();
    held.erase("plpgsql");  // every server has it, so that no manifest names it; an archive does where it was made anew
    compare("extensions", listed(extensions), listed(held));
    if (const auto holds = archive.totals(); record.contents && holds) {
        compare("contents", totals_text(*record.contents),
                totals_text({holds->tables, holds->rows, holds->bytes, holds->sequences, holds->large_objects}));
    }
    return found;
}

}  // namespace lifeboat::drill
