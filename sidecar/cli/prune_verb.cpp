#include "format.hpp"
#include "prune_wishes.hpp"
#include "verbs.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace lifeboat::cli {
namespace {

using Json = nlohmann::ordered_json;

struct Asked {
    bool dry_run = false;
    bool all = false;
    std::optional<unsigned> max_delete;
};

// One that could not be looked at.
struct Unread {
    std::string instance;
    Error why;
};

enum class Fate { kept, to_go, gone, left };

const char* name_of(Fate fate) {
    switch (fate) {
        case Fate::kept: return "keep";
        case Fate::to_go: return "delete";
        case Fate::gone: return "deleted";
        case Fate::left: return "left";
    }
    return "";
}

const prune::Left* left_of(const Pruned& pruned, const catalogue::BackupId& id) {
    const auto& left = pruned.outcome->left;
    const auto found = std::find_if(left.begin(), left.end(), [&](const auto& each) { return each.id == id; });
    return found == left.end() ? nullptr : &*found;
}

Fate fate_of(const Pruned& pruned, const prune::Row& row) {
    if (row.keep || !pruned.outcome) {
        return row.keep ? Fate::kept : Fate::to_go;
    }
    if (left_of(pruned, row.id) != nullptr) {
        return Fate::left;
    }
    const auto& gone = pruned.outcome->gone;
    return std::find(gone.begin(), gone.end(), row.id) != gone.end() ? Fate::gone : Fate::to_go;
}

std::string reasons_of(const prune::Row& row) {
    std::string text;
    for (const auto& reason : row.because) {
        text += (text.empty() ? "" : "; ") + reason;
    }
    return text;
}

std::string why(const Pruned& pruned, const prune::Row& row) {
    const auto* left = pruned.outcome ? left_of(pruned, row.id) : nullptr;
    return reasons_of(row) + (left == nullptr ? "" : "; but the store would not delete it: " + left->why.what);
}

// ---- for programs ---------------------------------------------------------------------------------------------------

Json json_of(const Pruned& pruned, const prune::Row& row) {
    return {{"id", row.id.text()},
            {"stored", os::utc_text(row.stored)},
            {"bytes", row.bytes},
            {"state", catalogue::name_of(row.state)},
            {"fate", name_of(fate_of(pruned, row))},
            {"because", row.because}};
}

// In a dry run: what would be.
Json json_of(const backup::SweepOutcome& swept) {
    const auto& refused = swept.refused;
    return {{"unfinished_uploads", swept.uploads},
            {"objects", swept.objects},
            {"bytes", swept.bytes},
            {"too_young", swept.too_young},
            {"kept", refused ? Json{{"what", refused->what}, {"next", refused->next}} : Json(nullptr)}};
}

Json json_of(const Pruned& pruned) {
    Json rows = Json::array();
    for (const auto& row : pruned.plan.rows) {
        rows.push_back(json_of(pruned, row));
    }
    const auto& stop = pruned.plan.stop;
    return {{"instance", pruned.plan.layout.instance()},
            {"stopped", stop ? Json{{"what", stop->what}, {"next", stop->next}} : Json(nullptr)},
            {"backups", std::move(rows)},
            {"swept", json_of(pruned.swept)}};
}

Json json_of(const Unread& unread) {
    return {{"instance", unread.instance},
            {"failed", {{"what", unread.why.what}, {"next", unread.why.next}}},
            {"stopped", nullptr},
            {"backups", Json::array()},
            {"swept", nullptr}};
}

void print_json(const std::vector<Pruned>& all, const std::vector<Unread>& unread, bool dry_run) {
    Json instances = Json::array();
    for (const auto& pruned : all) {
        instances.push_back(json_of(pruned));
    }
    for (const auto& each : unread) {
        instances.push_back(json_of(each));
    }
    print_line(Json{{"dry_run", dry_run}, {"instances", std::move(instances)}}.dump(2, ' ', false,
                                                                                    Json::error_handler_t::replace));
}

// ---- for people -----------------------------------------------------------------------------------------------------

void print_table(const std::vector<Pruned>& all, bool with_instance) {
    std::vector<std::string> header = {"ID", "STORED AT", "SIZE", "STATE", "FATE", "BECAUSE"};
    if (with_instance) {
        header.insert(header.begin(), "INSTANCE");
    }
    std::vector<std::vector<std::string>> rows;
    for (const auto& pruned : all) {
        for (const auto& row : pruned.plan.rows) {
            rows.push_back({row.id.text(), os::utc_text(row.stored), human_bytes(row.bytes),
                            std::string(catalogue::name_of(row.state)), name_of(fate_of(pruned, row)),
                            why(pruned, row)});
            if (with_instance) {
                rows.back().insert(rows.back().begin(), pruned.plan.layout.instance());
            }
        }
    }
    if (rows.empty()) {
        Session::note("no backups yet");
    } else {
        print(table(header, rows));
    }
}

void print_sum(const std::vector<Pruned>& all, bool dry_run) {
    std::size_t count = 0;
    std::uint64_t bytes = 0;
    for (const auto& pruned : all) {
        for (const auto& row : pruned.plan.rows) {
            if (const auto fate = fate_of(pruned, row); fate == Fate::gone || (dry_run && fate == Fate::to_go)) {
                ++count;
                bytes += row.bytes;
            }
        }
    }
    Session::note(std::to_string(count) + (count == 1 ? " backup" : " backups") +
                  (dry_run ? " would be deleted, " : " deleted, ") + human_bytes(bytes));
}

std::string counted(std::size_t count, const std::string& what) {
    return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

void print_swept(const Pruned& pruned) {
    const auto& swept = pruned.swept;
    const std::string whose = " of " + pruned.plan.layout.instance();
    if (swept.uploads + swept.objects > 0) {
        Session::note(counted(swept.uploads, "unfinished upload") + " and " + counted(swept.objects, "object") +
                      " without a manifest" + whose + (pruned.dry_run ? " would be swept, " : " swept, ") +
                      human_bytes(swept.bytes));
    }
    if (swept.refused) {
        Session::note("warning: leftovers" + whose + " were kept: " + swept.refused->what + "; " + swept.refused->next);
    }
}

// ---- the verb -------------------------------------------------------------------------------------------------------

void note_refused(const prune::Plan& plan) {
    for (const auto& refused : plan.refused) {
        const bool is_none = refused.kind != ErrorKind::refused;  // else it is a later version of one
        Session::note("warning: " + refused.what + (is_none ? "; it is neither counted nor deleted" : ""));
    }
}

Result<std::vector<catalogue::Layout>> wanted(const config::Settings& settings, store::ObjectStore& store, bool all) {
    if (all) {
        return catalogue::list_instances(store);
    }
    auto layout = choose_instance(settings, store);
    if (!layout) {
        return std::move(layout).error();
    }
    return std::vector<catalogue::Layout>{*std::move(layout)};
}

// What is worst of all instances: a failure before a stop.
Result<ExitCode> verdict_on(const std::vector<Pruned>& all, const std::vector<Unread>& unread) {
    for (const auto& each : unread) {
        Error why = in_context("instance '" + each.instance + "'", each.why);
        if (&each == &unread.back()) {
            return why;
        }
        Session::note("error: " + why.what);
    }
    std::optional<Error> stopped;
    for (const auto& pruned : all) {
        const std::string about = "instance '" + pruned.plan.layout.instance() + "'";
        if (pruned.outcome && pruned.outcome->failure) {
            return in_context(about, *pruned.outcome->failure);
        }
        if (pruned.outcome && pruned.outcome->may_not()) {
            return in_context(about + ": the store would delete nothing", pruned.outcome->left.front().why);
        }
        if (pruned.plan.stop && !stopped) {
            stopped = Error{ErrorKind::refused, about + ": " + pruned.plan.stop->what, pruned.plan.stop->next};
        }
    }
    return stopped ? Result<ExitCode>(*stopped) : ExitCode::done;
}

Result<ExitCode> prune(Session& session, const Asked& asked) {
    auto loaded = session.load({.store = true});
    if (!loaded) {
        return std::move(loaded).error();
    }
    auto wishes = wishes_of(loaded->settings);
    if (!wishes) {
        return std::move(wishes).error();
    }
    wishes->heed_manifest = asked.all;
    wishes->max_delete = asked.max_delete.value_or(wishes->max_delete);
    auto store = open_store(loaded->settings, session.stop());
    if (!store) {
        return std::move(store).error();
    }
    auto layouts = wanted(loaded->settings, **store, asked.all);
    if (!layouts) {
        return std::move(layouts).error();
    }
    const auto& settings = loaded->settings;
    const ByHand manner{asked.all ? least_age_of_others(settings) : least_age(settings), os::SystemClock().now(),
                        asked.dry_run};
    std::vector<Pruned> all;
    std::vector<Unread> unread;
    for (const auto& layout : *layouts) {
        auto pruned =
            prune_by_hand(**store, layout, by_rules(settings, **store, layout, *wishes), manner, session.stop());
        if (pruned) {
            note_refused(pruned->plan);
            all.push_back(*std::move(pruned));
            continue;
        }
        unread.push_back({layout.instance(), std::move(pruned).error()});
        if (unread.back().why.kind == ErrorKind::interrupted) {
            break;
        }
    }
    if (session.flags.json) {
        print_json(all, unread, asked.dry_run);
    } else {
        print_table(all, asked.all);
        print_sum(all, asked.dry_run);
        std::for_each(all.begin(), all.end(), print_swept);
    }
    return verdict_on(all, unread);
}

}  // namespace

void add_prune(CLI::App& app, Action& action) {
    auto& verb =
        add_verb(app, "prune", "Delete the backups that no rule of [retention] keeps, and what killed runs left",
                 "  lifeboat prune --dry-run\n"
                 "  lifeboat prune --max-delete 40\n"
                 "  lifeboat prune --all --dry-run --store s3://pal-e-backups/postgres --json\n");
    const auto asked = std::make_shared<Asked>();
    verb.add_flag("--dry-run", asked->dry_run, "Say what would be kept and deleted, and why; delete nothing");
    verb.add_option("--max-delete", asked->max_delete,
                    "Do nothing if more than so many would go at once [retention.max_delete]")
        ->type_name("N");
    verb.add_flag("--all", asked->all,
                  "Every instance under the store's prefix; what its own settings keep is kept as well");
    verb.callback([&action, asked] { action = [asked](Session& session) { return prune(session, *asked); }; });
}

}  // namespace lifeboat::cli
