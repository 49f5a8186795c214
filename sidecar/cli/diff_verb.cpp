#include "format.hpp"
#include "proof/differences.hpp"
#include "stored_proof.hpp"
#include "verbs.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <set>

namespace lifeboat::cli {
namespace {

using Json = nlohmann::ordered_json;
using catalogue::ContentTotals;
using catalogue::Manifest;

struct Compared {
    const catalogue::Backup& first;
    const catalogue::Backup& second;
    // Empty: they were not compared table by table.
    std::optional<std::vector<proof::Difference>> differences = {};
};

std::set<std::string> databases_of(const Compared& compared) {
    std::set<std::string> names;
    for (const auto* backup : {&compared.first, &compared.second}) {
        for (const auto& database : backup->manifest.databases) {
            names.insert(database.name);
        }
    }
    return names;
}

// What the manifest says of it; empty: it is not there, or nothing is known.
const ContentTotals* totals_of(const Manifest& manifest, const std::string& database) {
    const auto* record = manifest.find(database);
    return record != nullptr && record->contents ? &*record->contents : nullptr;
}

// ---- for people ----

// "3", or "3 -> 5 (+2)".
std::string change(std::uint64_t first, std::uint64_t second) {
    if (first == second) {
        return std::to_string(first);
    }
    const std::string by = first < second ? "+" + std::to_string(second - first) : "-" + std::to_string(first - second);
    return std::to_string(first) + " -> " + std::to_string(second) + " (" + by + ")";
}

std::vector<std::string> totals_row(const Compared& compared, const std::string& name) {
    const auto* first = totals_of(compared.first.manifest, name);
    const auto* second = totals_of(compared.second.manifest, name);
    const bool in_first = compared.first.manifest.find(name) != nullptr;
    const bool in_second = compared.second.manifest.find(name) != nullptr;
    std::vector<std::string> row = {name};
    if (in_first != in_second) {
        row.emplace_back(in_first ? "only in the first" : "only in the second");
        row.insert(row.end(), 4, "");
    } else if (first == nullptr || second == nullptr) {
        row.emplace_back("not known");
        row.insert(row.end(), 4, "");
    } else {
        for (const auto member : {&ContentTotals::tables, &ContentTotals::rows, &ContentTotals::bytes,
                                  &ContentTotals::sequences, &ContentTotals::large_objects}) {
            row.push_back(change(first->*member, second->*member));
        }
    }
    return row;
}

std::string backup_line(const catalogue::Backup& backup) {
    return backup.manifest.id.text() + ", started " + os::utc_text(backup.manifest.started) + ", " +
           std::string(catalogue::name_of(backup.state));
}

void print_words(const Compared& compared) {
    print_field("first", backup_line(compared.first));
    print_field("second", backup_line(compared.second));
    print_line("");
    std::vector<std::vector<std::string>> rows;
    for (const auto& name : databases_of(compared)) {
        rows.push_back(totals_row(compared, name));
    }
    print(table({"DATABASE", "TABLES", "ROWS", "BYTES", "SEQUENCES", "LARGE OBJECTS"}, rows));
    if (!compared.differences) {
        return;
    }
    if (compared.differences->empty()) {
        return print_line("\nNo differences: every table, sequence, large object and entry is the same.");
    }
    print_line("");
    rows.clear();
    for (const auto& difference : *compared.differences) {
        rows.push_back({difference.database, std::string(proof::name_of(difference.kind)), difference.text});
    }
    print(table({"DATABASE", "KIND", "DIFFERENCE"}, rows));
}

// ---- for programs ----

Json json_of(const catalogue::Backup& backup) {
    return {{"id", backup.manifest.id.text()},
            {"instance", backup.manifest.instance},
            {"started", os::utc_text(backup.manifest.started)},
            {"state", catalogue::name_of(backup.state)}};
}

Json json_of(const ContentTotals* totals) {
    if (totals == nullptr) {
        return nullptr;
    }
    return {{"tables", totals->tables},
            {"rows", totals->rows},
            {"bytes", totals->bytes},
            {"sequences", totals->sequences},
            {"large_objects", totals->large_objects}};
}

Json json_of(const std::vector<proof::Difference>& differences) {
    Json list = Json::array();
    for (const auto& difference : differences) {
        list.push_back({{"database", difference.database},
                        {"kind", proof::name_of(difference.kind)},
                        {"object", difference.object},
                        {"text", difference.text}});
    }
    return list;
}

void print_json(const Compared& compared) {
    Json databases = Json::array();
    for (const auto& name : databases_of(compared)) {
        databases.push_back({{"name", name},
                             {"first", json_of(totals_of(compared.first.manifest, name))},
                             {"second", json_of(totals_of(compared.second.manifest, name))}});
    }
    const Json json = {{"first", json_of(compared.first)},
                       {"second", json_of(compared.second)},
                       {"databases", std::move(databases)},
                       {"differences", compared.differences ? json_of(*compared.differences) : Json()}};
    print_line(json.dump(2, ' ', false, Json::error_handler_t::replace));
}

// ---- the verb ----

// Why the two cannot be compared table by table; empty: they can.
std::string why_totals_alone(const Compared& compared, const std::vector<age::Identity>& identities) {
    for (const auto* backup : {&compared.first, &compared.second}) {
        const auto& manifest = backup->manifest;
        if (!manifest.proof) {
            return "backup " + manifest.id.text() + " has no table proof, so totals alone are compared";
        }
        if (manifest.encrypted() == catalogue::Encrypted::yes && identities.empty()) {
            return "totals alone are compared: what changed in which table is for who has the key (-i FILE)";
        }
    }
    return {};
}

Status compare_tables(Compared& compared, store::ObjectStore& store, const std::vector<age::Identity>& identities) {
    auto first = read_proof(store, compared.first.manifest, identities);
    if (!first) {
        return std::move(first).error();
    }
    auto second = read_proof(store, compared.second.manifest, identities);
    if (!second) {
        return std::move(second).error();
    }
    compared.differences = proof::differences(first->proof, second->proof);
    return done();
}

// A table whose rows were left out on request looks like one that was emptied.
void note_left_out(const Compared& compared) {
    const auto& first = compared.first.manifest.exclude_table_data;
    const auto& second = compared.second.manifest.exclude_table_data;
    if (first == second) {
        return;
    }
    const auto listed = [](const std::vector<std::string>& patterns) {
        std::string text;
        for (const auto& pattern : patterns) {
            text += (text.empty() ? "" : ", ") + pattern;
        }
        return text.empty() ? "none" : text;
    };
    Session::note("note: rows that were left out on request, in the first: " + listed(first) +
                  "; in the second: " + listed(second));
}

Result<ExitCode> diff(Session& session, const std::string& first, const std::string& second) {
    auto loaded = session.load({.store = true});
    if (!loaded) {
        return std::move(loaded).error();
    }
    auto opened = open_catalogue(loaded->settings, session.stop());
    if (!opened) {
        return std::move(opened).error();
    }
    auto one = choose_backup(opened->catalogue, {first});
    if (!one) {
        return std::move(one).error();
    }
    auto other = choose_backup(opened->catalogue, {second});
    if (!other) {
        return std::move(other).error();
    }
    auto identities = session.read_identities(loaded->settings);
    if (!identities) {
        return std::move(identities).error();
    }
    Compared compared{**one, **other};
    if (const auto why = why_totals_alone(compared, *identities); !why.empty()) {
        Session::note("note: " + why);
    } else if (auto read = compare_tables(compared, *opened->store, *identities); !read) {
        return std::move(read).error();
    }
    note_left_out(compared);
    if (session.flags.json) {
        print_json(compared);
    } else {
        print_words(compared);
    }
    return ExitCode::done;
}

}  // namespace

void add_diff(CLI::App& app, Action& action) {
    auto& verb = add_verb(app, "diff", "What changed between two backups, table by table (with the key)",
                          "  lifeboat diff 20261121T021700Z-00aa latest -i key.txt\n"
                          "  lifeboat diff 2026-11-01 latest -i key.txt --json\n"
                          "  lifeboat diff 2026-11-01 latest        without the key: totals of each database alone\n"
                          "\nExit code 0, whether anything changed or not: a database that is used changes.\n");
    const auto first = std::make_shared<std::string>();
    const auto second = std::make_shared<std::string>();
    verb.add_option("FIRST", *first, "The older one: a backup id, a time (UTC), or \"latest\"")->required();
    verb.add_option("SECOND", *second, "The one to compare it with, the same")->required();
    verb.callback([&action, first, second] {
        action = [first, second](Session& session) { return diff(session, *first, *second); };
    });
}

}  // namespace lifeboat::cli
