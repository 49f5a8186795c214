#include "format.hpp"
#include "stored_proof.hpp"
#include "verbs.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace lifeboat::cli {
namespace {

using Json = nlohmann::ordered_json;

std::uint64_t stored(const std::vector<store::StoredObject>& objects) {
    std::uint64_t sum = 0;
    for (const auto& object : objects) {
        sum += object.size;
    }
    return sum;
}

std::string server_line(const catalogue::SourceServer& server) {
    std::string line = "PostgreSQL " + server.version + ", " + server.role;
    line += server.system_identifier.empty() ? "" : ", system " + server.system_identifier;
    line += server.timeline ? ", timeline " + std::to_string(*server.timeline) : "";
    return line;
}

std::string retention_line(const catalogue::RetentionRecord& keep) {
    std::string line;
    const auto add = [&](unsigned count, const char* what) {
        if (count != 0) {
            line += (line.empty() ? "" : ", ") + std::to_string(count) + " " + what;
        }
    };
    add(keep.keep_days, "days");
    add(keep.keep_last, "last");
    add(keep.keep_weekly, "weekly");
    add(keep.keep_monthly, "monthly");
    add(keep.keep_yearly, "yearly");
    return line.empty() ? "everything" : line;
}

void print_parts(const catalogue::Manifest& manifest) {
    std::vector<std::vector<std::string>> rows;
    for (const auto& database : manifest.databases) {
        rows.push_back({database.name, human_bytes(database.archive_bytes), human_bytes(stored(database.objects)),
                        database.objects.front().key.text()});
    }
    if (!manifest.globals.empty()) {
        rows.push_back({"(globals)", "", human_bytes(stored(manifest.globals)), manifest.globals.front().key.text()});
    }
    if (manifest.proof) {
        const auto& objects = manifest.proof->objects;
        rows.push_back({"(table proof)", "", human_bytes(stored(objects)), objects.front().key.text()});
    }
    print(table({"DATABASE", "ARCHIVE", "STORED", "OBJECT"}, rows));
}

void print_contents(const catalogue::Manifest& manifest) {
    if (!manifest.proof) {
        return print_line("\nNo table proof: the Lifeboat that wrote this backup made none.");
    }
    std::vector<std::vector<std::string>> rows;
    for (const auto& database : manifest.databases) {
        std::vector<std::string> row = {database.name};
        if (const auto& holds = database.contents) {
            row.insert(row.end(),
                       {std::to_string(holds->tables), std::to_string(holds->rows), human_bytes(holds->bytes),
                        std::to_string(holds->sequences), std::to_string(holds->large_objects)});
        } else {
            row.insert(row.end(), 5, "-");
        }
        row.push_back(database.not_proven.empty() ? "yes" : "NO: " + database.not_proven);
        rows.push_back(std::move(row));
    }
    print_line("\nWhat was dumped (each table: --tables, with the key):");
    print(table({"DATABASE", "TABLES", "ROWS", "BYTES", "SEQUENCES", "LARGE OBJECTS", "COUNTED"}, rows));
}

std::string locale_words(const catalogue::NeedsRecord& needs) {
    std::string words = needs.encoding + ", " + needs.locale_provider + " " + needs.collate;
    words += needs.ctype == needs.collate ? "" : "/" + needs.ctype;
    return words + (needs.locale.empty() ? "" : " " + needs.locale);
}

void print_needs(const catalogue::Manifest& manifest) {
    print_line("\nA server that takes it back needs PostgreSQL " + std::to_string(manifest.server.version_num / 10000) +
               " or newer, and:");
    std::vector<std::vector<std::string>> rows;
    for (const auto& database : manifest.databases) {
        std::string extensions;
        for (const auto& extension : database.needs.extensions) {
            extensions += (extensions.empty() ? "" : ", ") + extension.name + " " + extension.version;
        }
        const auto& tablespaces = database.needs.tablespaces;
        rows.push_back({database.name, locale_words(database.needs), extensions.empty() ? "-" : extensions,
                        tablespaces.empty() ? "-" : joined(tablespaces)});
    }
    print(table({"DATABASE", "ENCODING, LOCALE", "EXTENSIONS", "TABLESPACES"}, rows));
}

void print_omissions(const catalogue::Manifest& manifest) {
    std::vector<std::vector<std::string>> rows;
    const auto add = [&](const std::string& where, const std::vector<catalogue::OmissionRecord>& omissions) {
        for (const auto& omission : omissions) {
            rows.push_back({where, std::to_string(omission.count), omission.kind, omission.text});
        }
    };
    for (const auto& database : manifest.databases) {
        add(database.name, database.omissions);
        if (database.warnings != 0) {
            rows.push_back({database.name, std::to_string(database.warnings), "warnings",
                            "lines that pg_dump printed; the log of that run has them"});
        }
    }
    add("(server)", manifest.omissions);
    if (!rows.empty()) {
        print_line("\nNot in the backup, or worth knowing:");
        print(table({"DATABASE", "COUNT", "KIND", ""}, rows));
    }
}

void print_lineage(const catalogue::Backup& backup) {
    if (const auto& accepted = backup.accepted) {
        print_field("accepted", os::utc_text(accepted->accepted) + " by " + accepted->by + ": " + accepted->because);
    }
    if (!backup.tampering.empty()) {
        print_field("tampering", backup.tampering);
    }
    const auto& lineage = backup.manifest.lineage;
    if (lineage && !lineage->not_checked.empty()) {
        print_field("compared", "NOT: " + lineage->not_checked);
    } else if (lineage) {
        print_field("compared", lineage->compared_with.empty() ? "with none: there was no trusted one before it"
                                                               : "with " + lineage->compared_with);
    }
}

std::string drill_line(const catalogue::Drill& drill) {
    const auto& result = drill.result;
    std::string line = result.passed ? "passed" : "FAILED";
    line += result.failed_step.empty() ? "" : " in the step " + result.failed_step;
    for (const auto& [kind, count] : result.differences) {
        line += ", " + std::to_string(count) + " " + kind;
    }
    if (result.checks_passed + result.checks_failed != 0) {
        line += ", " + std::to_string(result.checks_passed) + " of " +
                std::to_string(result.checks_passed + result.checks_failed) + " checks passed";
    }
    if (result.restore) {
        line += ", restored in " + human_duration(std::chrono::ceil<std::chrono::seconds>(*result.restore));
    }
    line += result.server.empty() ? "" : " into PostgreSQL " + result.server;
    return line + " (" + os::utc_text(drill.stored) +
           (result.recipients.empty() ? ")" : ", " + joined(result.recipients) + ")");
}

void print_drills(const catalogue::Backup& backup) {
    print_field("proven", backup.proven_at ? os::utc_text(*backup.proven_at) : "never");
    for (const auto& drill : backup.drills) {
        print_field("drill", drill_line(drill));
    }
}

Json drills_of(const catalogue::Backup& backup) {
    Json drills = Json::array();
    for (const auto& drill : backup.drills) {
        Json json = Json::parse(catalogue::to_json(drill.result));
        json["stored"] = os::utc_text(drill.stored);
        drills.push_back(std::move(json));
    }
    return drills;
}

void print_words(const catalogue::Backup& backup) {
    const auto& manifest = backup.manifest;
    const auto took = manifest_duration(manifest);
    print_field("backup", manifest.id.text());
    print_field("instance", manifest.instance);
    print_field("state", std::string(catalogue::name_of(backup.state)));
    print_field("started", os::utc_text(manifest.started));
    print_field("finished", os::utc_text(manifest.finished) + " (" + human_duration(took) + ")");
    print_field("server", server_line(manifest.server));
    print_field("written by", "Lifeboat " + manifest.writer.lifeboat + " with pg_dump " + manifest.writer.pg_dump);
    print_field("compression", "zstd, level " + std::to_string(manifest.compression_level));
    if (manifest.recipients.empty()) {
        print_field("encryption", "NONE: whoever reads the store reads the data");
    }
    for (const auto& recipient : manifest.recipients) {
        print_field("recipient", recipient);
    }
    print_drills(backup);
    print_field("retention", retention_line(manifest.retention));
    for (const auto& pattern : manifest.exclude_table_data) {
        print_field("left out", "the rows of tables " + pattern + ", on request");
    }
    for (const auto& mark : manifest.marks) {
        print_field("marked", mark.reason);
    }
    print_lineage(backup);
    for (const auto& failure : manifest.failures) {
        print_field("failed",
                    (failure.database ? "database '" + *failure.database + "'" : "globals") + ": " + failure.error);
    }
    for (const auto& note : manifest.notes) {
        print_field("note", note);
    }
    print_line("");
    print_parts(manifest);
    print_contents(manifest);
    print_needs(manifest);
    print_omissions(manifest);
}

// As one writes it in SQL.
std::string quoted(const std::string& name) {
    const bool plain = !name.empty() &&
                       name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_0123456789") == std::string::npos &&
                       (name.front() < '0' || name.front() > '9');
    if (plain) {
        return name;
    }
    std::string text = "\"";
    for (const char c : name) {
        text += c == '"' ? std::string("\"\"") : std::string(1, c);
    }
    return text + '"';
}

void print_tables(const proof::Proof& proof) {
    std::vector<std::vector<std::string>> rows;
    for (const auto& database : proof.databases) {
        for (const auto& one : database.contents.tables) {
            const auto& totals = one.totals;
            const auto of = [&totals](auto number) { return totals ? std::to_string(number(*totals)) : "-"; };
            rows.push_back({database.name, quoted(one.table.schema) + "." + quoted(one.table.name),
                            of([](const auto& all) { return all.rows; }), of([](const auto& all) { return all.bytes; }),
                            totals ? totals->hash.hex() : "not read"});
        }
    }
    print(table({"DATABASE", "TABLE", "ROWS", "BYTES", "HASH"}, rows));
    for (const auto& database : proof.databases) {
        if (!database.not_proven.empty()) {
            print_line("database '" + printable(database.name) + "' is not proven: " + printable(database.not_proven));
        }
    }
}

Result<ExitCode> show_tables(Session& session, const config::Settings& settings, store::ObjectStore& store,
                             const catalogue::Manifest& manifest) {
    auto identities = session.read_identities(settings);
    if (!identities) {
        return std::move(identities).error();
    }
    const auto stored = read_proof(store, manifest, *identities);
    if (!stored) {
        return stored.error();
    }
    if (session.flags.json) {
        print(stored->json);
    } else {
        print_tables(stored->proof);
    }
    return ExitCode::done;
}

Result<ExitCode> show(Session& session, const std::string& id, bool tables) {
    auto loaded = session.load({.store = true});
    if (!loaded) {
        return std::move(loaded).error();
    }
    auto opened = open_catalogue(loaded->settings, session.stop());
    if (!opened) {
        return std::move(opened).error();
    }
    auto backup = choose_backup(opened->catalogue, {id});
    if (!backup) {
        return std::move(backup).error();
    }
    if (tables) {
        return show_tables(session, loaded->settings, *opened->store, (*backup)->manifest);
    }
    if (session.flags.json) {
        Json json = Json::parse(catalogue::to_json((*backup)->manifest));
        json["state"] = catalogue::name_of((*backup)->state);
        json["tampering"] = (*backup)->tampering.empty() ? Json() : Json((*backup)->tampering);
        if (const auto& accepted = (*backup)->accepted) {
            json["accepted"] = {{"at", os::utc_text(accepted->accepted)},
                                {"by", accepted->by},
                                {"because", accepted->because},
                                {"lost_databases", accepted->lost_databases}};
        }
        json["proven_at"] = (*backup)->proven_at ? Json(os::utc_text(*(*backup)->proven_at)) : Json();
        json["drills"] = drills_of(**backup);
        print_line(json.dump(2, ' ', false, Json::error_handler_t::replace));
    } else {
        print_words(**backup);
    }
    return ExitCode::done;
}

}  // namespace

void add_show(CLI::App& app, Action& action) {
    auto& verb = add_verb(app, "show", "One backup's manifest, in words",
                          "  lifeboat show latest\n"
                          "  lifeboat show 20261122T021700Z-7f3a --json\n"
                          "  lifeboat show latest --tables -i key.txt      rows, bytes and hash of each table\n");
    const auto id = std::make_shared<std::string>();
    const auto tables = std::make_shared<bool>(false);
    add_id(verb, *id);
    verb.add_flag("--tables", *tables, "The table proof instead: each table's rows, bytes and hash (needs the key)");
    verb.callback(
        [&action, id, tables] { action = [id, tables](Session& session) { return show(session, *id, *tables); }; });
}

}  // namespace lifeboat::cli
