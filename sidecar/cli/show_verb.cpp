#include "format.hpp"
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
    print(table({"DATABASE", "ARCHIVE", "STORED", "OBJECT"}, rows));
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
        std::string tablespaces;
        for (const auto& name : database.needs.tablespaces) {
            tablespaces += (tablespaces.empty() ? "" : ", ") + name;
        }
        rows.push_back({database.name, locale_words(database.needs), extensions.empty() ? "-" : extensions,
                        tablespaces.empty() ? "-" : tablespaces});
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
    print_field("retention", retention_line(manifest.retention));
    for (const auto& pattern : manifest.exclude_table_data) {
        print_field("left out", "the rows of tables " + pattern + ", on request");
    }
    for (const auto& mark : manifest.marks) {
        print_field("marked", mark.reason);
    }
    for (const auto& failure : manifest.failures) {
        print_field("failed",
                    (failure.database ? "database '" + *failure.database + "'" : "globals") + ": " + failure.error);
    }
    for (const auto& note : manifest.notes) {
        print_field("note", note);
    }
    print_line("");
    print_parts(manifest);
    print_needs(manifest);
    print_omissions(manifest);
}

Result<ExitCode> show(Session& session, const std::string& id) {
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
    if (session.flags.json) {
        Json json = Json::parse(catalogue::to_json((*backup)->manifest));
        json["state"] = catalogue::name_of((*backup)->state);
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
                          "  lifeboat show 20261122T021700Z-7f3a --json\n");
    const auto id = std::make_shared<std::string>();
    add_id(verb, *id);
    verb.callback([&action, id] { action = [id](Session& session) { return show(session, *id); }; });
}

}  // namespace lifeboat::cli
