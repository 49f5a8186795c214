#include "format.hpp"
#include "store_rules.hpp"
#include "verbs.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>

namespace lifeboat::cli {
namespace {

using Json = nlohmann::ordered_json;

// What is listed of one instance.
struct Listed {
    catalogue::Catalogue catalogue;
    StoreRules rules;
};

// One that could not be looked at.
struct Unread {
    std::string instance;
    Error why;
};

struct Everything {
    std::vector<Listed> listed;
    std::vector<Unread> unread;
};

Json time_or_null(const std::optional<os::TimePoint>& time) {
    return time ? Json(os::utc_text(*time)) : Json();
}

// The newest drill of it that passed.
const catalogue::Drill* proof_of(const catalogue::Backup& backup) {
    const auto found = std::find_if(backup.drills.begin(), backup.drills.end(),
                                    [](const catalogue::Drill& drill) { return drill.result.passed; });
    return found == backup.drills.end() ? nullptr : &*found;
}

Json opened_by(const catalogue::Drill* proof) {
    return proof == nullptr ? Json() : Json(proof->result.recipients);
}

Json restore_seconds(const catalogue::Drill* proof) {
    return proof == nullptr || !proof->result.restore
               ? Json()
               : Json(std::chrono::duration<double>(*proof->result.restore).count());
}

Json json_of(const catalogue::Backup& backup, const StoreRules& rules) {
    const auto& manifest = backup.manifest;
    const auto* proof = proof_of(backup);
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
            {"accepted_at", time_or_null(backup.accepted ? std::optional(backup.accepted->accepted) : std::nullopt)},
            {"tampering", backup.tampering.empty() ? Json() : Json(backup.tampering)},
            {"due", time_or_null(rules.due(backup.stored))},
            {"proven_at", time_or_null(backup.proven_at)},
            {"opened_by", opened_by(proof)},
            {"restore_seconds", restore_seconds(proof)}};
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

void print_json(const Everything& all) {
    Json backups = Json::array();
    Json leftovers = Json::array();
    Json strays = Json::array();
    Json unread = Json::array();
    for (const auto& each : all.unread) {
        unread.push_back({{"instance", each.instance}, {"what", each.why.what}, {"next", each.why.next}});
    }
    for (const auto& [catalogue, rules] : all.listed) {
        for (const auto& backup : catalogue.backups) {
            backups.push_back(json_of(backup, rules));
        }
        for (const auto& leftover : catalogue.leftovers) {
            leftovers.push_back(json_of(leftover, catalogue.instance));
        }
        for (const auto& stray : catalogue.strays) {
            strays.push_back(json_of(stray, catalogue.instance));
        }
    }
    print_line(Json{{"backups", std::move(backups)},
                    {"leftovers", std::move(leftovers)},
                    {"stray_uploads", std::move(strays)},
                    {"unread", std::move(unread)}}
                   .dump(2, ' ', false, Json::error_handler_t::replace));
}

std::string names_of(const catalogue::Manifest& manifest) {
    std::string names;
    for (const auto& database : manifest.databases) {
        names += (names.empty() ? "" : ", ") + database.name;
    }
    return names;
}

// When it was proven; of one that failed since, that too.
std::string proven_text(const catalogue::Backup& backup) {
    const bool failed = !backup.drills.empty() && !backup.drills.front().result.passed;
    if (!backup.proven_at) {
        return failed ? "failed" : "-";
    }
    return os::utc_text(*backup.proven_at) + (failed ? " (failed since)" : "");
}

std::vector<std::string> row_of(const catalogue::Backup& backup, const StoreRules& rules, bool with_instance,
                                bool with_due) {
    const auto& manifest = backup.manifest;
    const auto took = manifest_duration(manifest);
    std::vector<std::string> row = {manifest.id.text(),
                                    os::utc_text(manifest.started),
                                    human_duration(took),
                                    human_bytes(manifest.stored_bytes()),
                                    std::string(catalogue::name_of(backup.state)),
                                    proven_text(backup),
                                    names_of(manifest)};
    if (with_due) {
        const auto due = rules.due(backup.stored);
        row.insert(row.end() - 1, due ? os::utc_text(*due) : "-");
    }
    if (with_instance) {
        row.insert(row.begin(), manifest.instance);
    }
    return row;
}

// Of the newest that was proven: how long ago, with which key, and how long it took to have everything back.
void note_proven(const catalogue::Catalogue& catalogue) {
    const catalogue::Backup* newest = nullptr;
    for (const auto& backup : catalogue.backups) {
        if (backup.proven_at && (newest == nullptr || *backup.proven_at >= *newest->proven_at)) {
            newest = &backup;
        }
    }
    const auto* proof = newest == nullptr ? nullptr : proof_of(*newest);
    if (proof == nullptr) {
        return;
    }
    const auto age = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now() - proof->stored);
    const auto& result = proof->result;
    std::string words = "last proven of " + catalogue.instance + ": " + newest->manifest.id.text() + ", " +
                        human_age(std::max(age, std::chrono::seconds(0))) + " ago";
    if (!result.recipients.empty()) {
        words += ", opened by " + joined(result.recipients);
    }
    if (result.restore) {
        words += ", restored in " + human_duration(std::chrono::ceil<std::chrono::seconds>(*result.restore));
    }
    Session::note(words);
}

void note_tampering(const catalogue::Backup& backup) {
    if (backup.tampering.empty()) {
        return;
    }
    const bool hidden = backup.state == catalogue::State::hidden;
    const bool there = backup.gone.empty();
    Session::note("warning: " + backup.manifest.id.text() + " of " + backup.manifest.instance +
                  (hidden ? " is hidden: " : ": ") + backup.tampering +
                  (there ? "; what was written first is still there, and its id restores it" : ""));
}

std::string reason_of(const catalogue::Catalogue& catalogue, const catalogue::BackupId& id) {
    const auto found = std::find_if(catalogue.backups.begin(), catalogue.backups.end(), [&](const auto& backup) {
        return backup.manifest.id == id && !backup.manifest.marks.empty();
    });
    return found == catalogue.backups.end() ? "it is marked" : found->manifest.marks.front().reason;
}

void note_doubt(const catalogue::Catalogue& catalogue) {
    if (catalogue.doubt) {
        const auto& newest = catalogue.doubt->marked.back().text();
        Session::note("warning: " + catalogue.instance + " is in doubt since " + catalogue.doubt->since.text() + " (" +
                      reason_of(catalogue, catalogue.doubt->since) + "): if " + newest +
                      " is as it should be, `lifeboat accept " + newest + " --because \"...\"`");
    }
}

void print_table(const std::vector<Listed>& instances, bool with_instance) {
    std::vector<std::string> header = {"ID", "STARTED", "TOOK", "STORED", "STATE", "PROVEN", "DATABASES"};
    const bool with_due = std::any_of(instances.begin(), instances.end(), [](const auto& instance) {
        return instance.rules.expires_after || instance.rules.on;
    });
    if (with_due) {
        header.insert(header.end() - 1, "FALLS DUE");
    }
    if (with_instance) {
        header.insert(header.begin(), "INSTANCE");
    }
    std::vector<std::vector<std::string>> rows;
    for (const auto& [catalogue, rules] : instances) {
        for (const auto& backup : catalogue.backups) {
            rows.push_back(row_of(backup, rules, with_instance, with_due));
        }
    }
    if (rows.empty()) {
        Session::note("no backups yet");
    } else {
        print(table(header, rows));
    }
    for (const auto& [catalogue, rules] : instances) {
        note_proven(catalogue);
        for (const auto& backup : catalogue.backups) {
            note_tampering(backup);
        }
        note_doubt(catalogue);
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

Result<Listed> read_one(const config::Settings& settings, store::ObjectStore& store, const catalogue::Layout& layout) {
    auto rules = read_rules(settings, store, layout);
    auto catalogue = catalogue::read_catalogue(store, layout, rules.age_limit());
    if (!catalogue) {
        return std::move(catalogue).error();
    }
    note_refused(*catalogue);
    return Listed{std::move(*catalogue), std::move(rules)};
}

// One that cannot be read must not keep the others from being listed.
Result<Everything> read_every(const config::Settings& settings, store::ObjectStore& store) {
    auto layouts = catalogue::list_instances(store);
    if (!layouts) {
        return std::move(layouts).error();
    }
    Everything all;
    for (const auto& layout : *layouts) {
        auto one = read_one(settings, store, layout);
        if (one) {
            all.listed.push_back(std::move(*one));
            continue;
        }
        all.unread.push_back({layout.instance(), std::move(one).error()});
        if (all.unread.back().why.kind == ErrorKind::interrupted) {
            break;
        }
    }
    return all;
}

Result<Everything> read_all(const config::Settings& settings, bool every_instance, const std::stop_token& stop) {
    auto store = open_store(settings, stop);
    if (!store) {
        return std::move(store).error();
    }
    if (every_instance) {
        return read_every(settings, **store);
    }
    auto layout = choose_instance(settings, **store);
    if (!layout) {
        return std::move(layout).error();
    }
    auto listed = read_one(settings, **store, *layout);
    if (!listed) {
        return std::move(listed).error();
    }
    if (auto known = check_instance(listed->catalogue, **store); !known) {
        return std::move(known).error();
    }
    Everything one;
    one.listed.push_back(std::move(*listed));
    return one;
}

// All are named; the last one's error is that of the verb.
Result<ExitCode> verdict_on(const std::vector<Unread>& unread) {
    for (const auto& each : unread) {
        Error why = in_context("instance '" + each.instance + "'", each.why);
        if (&each == &unread.back()) {
            return why;
        }
        Session::note("error: " + why.what);
    }
    return ExitCode::done;
}

Result<ExitCode> list(Session& session, bool every_instance) {
    auto loaded = session.load({.store = true});
    if (!loaded) {
        return std::move(loaded).error();
    }
    auto all = read_all(loaded->settings, every_instance, session.stop());
    if (!all) {
        return std::move(all).error();
    }
    for (const auto& [catalogue, rules] : all->listed) {
        if (catalogue.uploads_unseen) {
            Session::note("note: unfinished uploads of " + catalogue.instance +
                          " cannot be seen: " + catalogue.uploads_unseen->what + "; " + catalogue.uploads_unseen->next);
        }
    }
    if (session.flags.json) {
        print_json(*all);
    } else if (!all->listed.empty() || all->unread.empty()) {
        print_table(all->listed, every_instance);
    }
    return verdict_on(all->unread);
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
