#include "format.hpp"
#include "verbs.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace lifeboat::cli {
namespace {

using Json = nlohmann::ordered_json;

Json json_of(const catalogue::Backup& backup) {
    const auto& manifest = backup.manifest;
    Json names = Json::array();
    for (const auto& database : manifest.databases) {
        names.push_back(database.name);
    }
    Json marks = Json::array();
    for (const auto& mark : manifest.marks) {
        marks.push_back({{"kind", mark.kind}, {"reason", mark.reason}});
    }
    return {{"id", manifest.id.text()},
            {"instance", manifest.instance},
            {"started", os::utc_text(manifest.started)},
            {"finished", os::utc_text(manifest.finished)},
            {"bytes", manifest.stored_bytes()},
            {"databases", std::move(names)},
            {"state", catalogue::name_of(backup.state)},
            {"marks", std::move(marks)},
            {"proven_at", backup.proven_at ? Json(os::utc_text(*backup.proven_at)) : Json()}};
}

Json json_of(const catalogue::Leftover& leftover, const std::string& instance) {
    return {{"id", leftover.id.text()},
            {"instance", instance},
            {"bytes", leftover.bytes},
            {"touched", os::utc_text(leftover.touched)}};
}

Json json_of(const store::UnfinishedUpload& stray, const std::string& instance) {
    return {{"key", stray.key.text()}, {"instance", instance}, {"started", os::utc_text(stray.started)}};
}

void print_json(const std::vector<catalogue::Catalogue>& catalogues) {
    Json backups = Json::array();
    Json leftovers = Json::array();
    Json strays = Json::array();
    for (const auto& catalogue : catalogues) {
        for (const auto& backup : catalogue.backups) {
            backups.push_back(json_of(backup));
        }
        for (const auto& leftover : catalogue.leftovers) {
            leftovers.push_back(json_of(leftover, catalogue.instance));
        }
        for (const auto& stray : catalogue.strays) {
            strays.push_back(json_of(stray, catalogue.instance));
        }
    }
    print_line(
        Json{{"backups", std::move(backups)}, {"leftovers", std::move(leftovers)}, {"stray_uploads", std::move(strays)}}
            .dump(2, ' ', false, Json::error_handler_t::replace));
}

std::string names_of(const catalogue::Manifest& manifest) {
    std::string names;
    for (const auto& database : manifest.databases) {
        names += (names.empty() ? "" : ", ") + database.name;
    }
    return names;
}

std::vector<std::string> row_of(const catalogue::Backup& backup, bool with_instance) {
    const auto& manifest = backup.manifest;
    const auto took = manifest_duration(manifest);
    std::vector<std::string> row = {manifest.id.text(),
                                    os::utc_text(manifest.started),
                                    human_duration(took),
                                    human_bytes(manifest.stored_bytes()),
                                    std::string(catalogue::name_of(backup.state)),
                                    backup.proven_at ? os::utc_text(*backup.proven_at) : "-",
                                    names_of(manifest)};
    if (with_instance) {
        row.insert(row.begin(), manifest.instance);
    }
    return row;
}

void print_table(const std::vector<catalogue::Catalogue>& catalogues, bool with_instance) {
    std::vector<std::string> header = {"ID", "STARTED", "TOOK", "STORED", "STATE", "PROVEN", "DATABASES"};
    if (with_instance) {
        header.insert(header.begin(), "INSTANCE");
    }
    std::vector<std::vector<std::string>> rows;
    for (const auto& catalogue : catalogues) {
        for (const auto& backup : catalogue.backups) {
            rows.push_back(row_of(backup, with_instance));
        }
    }
    if (rows.empty()) {
        Session::note("no backups yet");
    } else {
        print(table(header, rows));
    }
    for (const auto& catalogue : catalogues) {
        for (const auto& backup : catalogue.backups) {
            if (!backup.tampering.empty()) {
                Session::note("warning: " + backup.manifest.id.text() + " of " + catalogue.instance + " is hidden: " +
                              backup.tampering + "; what was written first is still there, and its id restores it");
            }
        }
        for (const auto& stray : catalogue.strays) {
            Session::note("note: an unfinished upload of '" + stray.key.text() + "' of " + catalogue.instance +
                          " belongs to no run that is known (begun " + os::utc_text(stray.started) + ")");
        }
        for (const auto& leftover : catalogue.leftovers) {
            Session::note("note: " + leftover.id.text() + " of " + catalogue.instance +
                          " has no manifest and is no backup: a run under way, or one that was killed (" +
                          human_bytes(leftover.bytes) + ", last written " + os::utc_text(leftover.touched) + ")");
        }
    }
}

Result<std::vector<catalogue::Catalogue>> read_all(const config::Settings& settings, bool every_instance,
                                                   const std::stop_token& stop) {
    if (!every_instance) {
        auto opened = open_catalogue(settings, stop);
        if (!opened) {
            return std::move(opened).error();
        }
        std::vector<catalogue::Catalogue> one;
        one.push_back(std::move(opened->catalogue));
        return one;
    }
    auto store = open_store(settings, stop);
    if (!store) {
        return std::move(store).error();
    }
    auto layouts = catalogue::list_instances(**store);
    if (!layouts) {
        return std::move(layouts).error();
    }
    std::vector<catalogue::Catalogue> all;
    for (const auto& layout : *layouts) {
        auto catalogue = catalogue::read_catalogue(**store, layout, settings.store.expires_after);
        if (!catalogue) {
            return std::move(catalogue).error();
        }
        note_refused(*catalogue);
        all.push_back(std::move(*catalogue));
    }
    return all;
}

Result<ExitCode> list(Session& session, bool every_instance) {
    auto loaded = session.load({.store = true});
    if (!loaded) {
        return std::move(loaded).error();
    }
    auto catalogues = read_all(loaded->settings, every_instance, session.stop());
    if (!catalogues) {
        return std::move(catalogues).error();
    }
    for (const auto& catalogue : *catalogues) {
        if (catalogue.uploads_unseen) {
            Session::note("note: unfinished uploads of " + catalogue.instance +
                          " cannot be seen: " + catalogue.uploads_unseen->what + "; " + catalogue.uploads_unseen->next);
        }
    }
    if (session.flags.json) {
        print_json(*catalogues);
    } else {
        print_table(*catalogues, every_instance);
    }
    return ExitCode::done;
}

}  // namespace

void add_list(CLI::App& app, Action& action) {
    auto& verb = add_verb(app, "list", "The backups of an instance",
                          "  lifeboat list --store file:///srv/backups --instance basketball-api\n"
                          "  lifeboat list --all --json\n");
    const auto all = std::make_shared<bool>(false);
    verb.add_flag("--all", *all, "Every instance under the store's prefix");
    verb.callback([&action, all] { action = [all](Session& session) { return list(session, *all); }; });
}

}  // namespace lifeboat::cli
