#include "restore/restore_job.hpp"

#include "config/values.hpp"
#include "format.hpp"
#include "progress.hpp"
#include "result/in_quotes.hpp"
#include "verbs.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>

namespace lifeboat::cli {
namespace {

using Json = nlohmann::ordered_json;

struct RestoreFlags {
    std::string id;
    std::string to;
    std::vector<std::string> databases;
    bool no_globals = false;
    bool alter_roles = false;
    bool no_owner = false;
    bool no_acl = false;
    std::optional<std::string> role;
    bool overwrite = false;
    bool dry_run = false;
    unsigned jobs = 1;
    bool marked = false;
    bool partial = false;
    std::string lock_wait = "0";
};

// Logs what happens, and shows how far it has come.
class LoggingObserver final : public restore::RestoreObserver {
public:
    explicit LoggingObserver(EventLog& log)
        : log_(log), progress_([this](const std::string& text) {
              log_.write(LogLevel::info, "progress", {{"text", text}});
          }) {}

    void part_started(const std::string& part, std::uint64_t stored_bytes) override {
        write("restoring", {{"part", part}});
        progress_.start(part);
        total_ = stored_bytes;
    }
    void part_moved(const std::string& /*part*/, std::uint64_t fetched_bytes, std::uint64_t plain_bytes) override {
        progress_.update({fetched_bytes, plain_bytes, total_, false, "server at work"});
    }
    void part_restored(const std::string& part) override { write("restored", {{"part", part}}); }
    void noted(const std::string& text) override { write("note", {{"text", text}}); }
    void clear() { progress_.clear(); }

private:
    void write(const std::string& event, const EventLog::Fields& fields) {
        progress_.clear();
        log_.write(LogLevel::info, event, fields);
    }

    EventLog& log_;
    Progress progress_;
    std::uint64_t total_ = 0;
};

bool is_known(const catalogue::Catalogue& catalogue, const std::string& database) {
    return std::any_of(catalogue.backups.begin(), catalogue.backups.end(),
                       [&](const auto& backup) { return backup.manifest.find(database) != nullptr; });
}

// "app" or "app=app_copy". A name may hold '=' itself, so what the backups have decides where it ends: the longest
// beginning that is a database's name.
restore::DatabaseChoice choice_of(const std::string& text, const catalogue::Catalogue& catalogue) {
    const auto split = [&](std::size_t equals) {
        return restore::DatabaseChoice{text.substr(0, equals), text.substr(equals + 1)};
    };
    const auto first = text.find('=');
    if (first == std::string::npos || is_known(catalogue, text)) {
        return {text, text};
    }
    for (auto equals = text.rfind('='); equals > first; equals = text.rfind('=', equals - 1)) {
        if (is_known(catalogue, text.substr(0, equals))) {
            return split(equals);
        }
    }
    return split(first);
}

Result<restore::RestorePlan> plan_of(const config::Settings& settings, const RestoreFlags& flags) {
    auto wait = config::parse_duration(flags.lock_wait);
    if (!wait) {
        return in_context("--lock-wait", std::move(wait).error());
    }
    restore::RestorePlan plan;
    plan.target = {Secret(flags.to)};
    plan.bin_dir = settings.postgres.bin_dir;
    plan.globals = !flags.no_globals;
    plan.alter_roles = flags.alter_roles;
    plan.owners = !flags.no_owner;
    plan.privileges = !flags.no_acl;
    plan.role = flags.role;
    plan.overwrite = flags.overwrite;
    plan.jobs = flags.jobs;
    plan.lock_wait = *wait;
    return plan;
}

Status check_state(const catalogue::Backup& backup, const RestoreFlags& flags) {
    const std::string& id = backup.manifest.id.text();
    if (backup.state == catalogue::State::marked && !flags.marked) {
        return Error{ErrorKind::refused, "backup " + id + " is marked: " + backup.manifest.marks.front().reason,
                     "look whether it is the data that you want, then restore it with --marked"};
    }
    if (backup.state == catalogue::State::partial && !flags.partial && flags.databases.empty()) {
        return Error{
            ErrorKind::refused, "backup " + id + " is partial: some of its databases failed",
            "`lifeboat show " + id + "` tells which; restore what it has with --partial, or one with --database"};
    }
    return done();
}

// What is left of an expired backup can be restored: it may be the last one. Named before anything is changed.
Status check_objects(const catalogue::Backup& backup, const restore::RestorePlan& plan) {
    const auto any_gone = [&backup](const std::vector<store::StoredObject>& objects) {
        return std::any_of(objects.begin(), objects.end(), [&backup](const auto& object) {
            return std::find(backup.gone.begin(), backup.gone.end(), object.key) != backup.gone.end();
        });
    };
    const auto wanted = [&plan](const std::string& name) {
        return plan.databases.empty() || std::any_of(plan.databases.begin(), plan.databases.end(),
                                                     [&name](const auto& choice) { return choice.name == name; });
    };
    std::string lost = plan.globals && any_gone(backup.manifest.globals) ? "the globals" : "";
    for (const auto& database : backup.manifest.databases) {
        if (wanted(database.name) && any_gone(database.objects)) {
            lost += (lost.empty() ? "database " : ", database ") + in_quotes(database.name);
        }
    }
    const std::string& id = backup.manifest.id.text();
    if (!lost.empty()) {
        return Error{ErrorKind::not_found,
                     "backup " + id + " is expired: its manifest is there, and the store no longer has " + lost +
                         " as it was stored",
                     "restore another backup, or what is left of this one: with --database for each that is there, and "
                     "--no-globals where those are gone"};
    }
    if (backup.state == catalogue::State::expired) {
        Session::note("backup " + id + " is expired; all that this restore needs is still there");
    }
    return done();
}

const char* words_for(restore::RestorePreview::Database::Deed deed) {
    using Deed = restore::RestorePreview::Database::Deed;
    switch (deed) {
        case Deed::create: return "create and load";
        case Deed::load_into_empty: return "load into the empty one";
        case Deed::replace: return "REPLACE the one that is there";
    }
    return "";
}

Json json_of(const restore::RestorePreview& preview, const std::string& id) {
    Json databases = Json::array();
    for (const auto& database : preview.databases) {
        databases.push_back(
            {{"name", database.name}, {"new_name", database.new_name}, {"deed", words_for(database.deed)}});
    }
    return {
        {"id", id}, {"databases", databases}, {"roles_to_create", preview.roles_to_create}, {"lacks", preview.lacks}};
}

// A target that lacks something would fail the restore, so it fails the rehearsal.
Result<ExitCode> print_preview(const restore::RestorePreview& preview, const std::string& id, bool json) {
    if (json) {
        print_line(json_of(preview, id).dump(2, ' ', false, Json::error_handler_t::replace));
    } else {
        print_line("would restore backup " + id + " (nothing was changed):");
        std::vector<std::vector<std::string>> rows;
        for (const auto& database : preview.databases) {
            rows.push_back({database.name, database.new_name, words_for(database.deed)});
        }
        print(table({"DATABASE", "AS", ""}, rows));
        for (const auto& role : preview.roles_to_create) {
            print_line("would create role " + printable(role));
        }
        for (const auto& line : preview.lacks) {
            print_line("LACKS " + printable(line));
        }
    }
    return preview.lacks.empty() ? ExitCode::done : ExitCode::failed;
}

void print_outcome(const restore::RestorePlan& plan, const catalogue::Manifest& manifest, bool json) {
    auto restored = plan.databases;
    if (restored.empty()) {
        for (const auto& database : manifest.databases) {
            restored.push_back({database.name, database.name});
        }
    }
    if (json) {
        Json databases = Json::array();
        for (const auto& database : restored) {
            databases.push_back({{"name", database.name}, {"new_name", database.new_name}});
        }
        print_line(Json{{"id", manifest.id.text()}, {"databases", std::move(databases)}}.dump(
            2, ' ', false, Json::error_handler_t::replace));
        return;
    }
    print_line("restored " + std::to_string(restored.size()) + (restored.size() == 1 ? " database" : " databases") +
               " of backup " + manifest.id.text());
}

Result<ExitCode> restore_backup(Session& session, const RestoreFlags& flags) {
    auto loaded = session.load({.store = true});
    if (!loaded) {
        return std::move(loaded).error();
    }
    EventLog log = Session::open_log(*loaded);
    auto plan = plan_of(loaded->settings, flags);
    if (!plan) {
        return std::move(plan).error();
    }
    auto opened = open_catalogue(loaded->settings, session.stop());
    if (!opened) {
        return std::move(opened).error();
    }
    for (const auto& text : flags.databases) {
        plan->databases.push_back(choice_of(text, opened->catalogue));
    }
    const auto one = flags.databases.size() == 1 ? std::optional(plan->databases.front().name) : std::nullopt;
    auto backup = choose_backup(opened->catalogue, {flags.id, one, flags.marked, flags.partial});
    if (!backup) {
        return std::move(backup).error();
    }
    auto identities = session.read_identities(loaded->settings);
    if (!identities) {
        return std::move(identities).error();
    }
    const auto& manifest = (*backup)->manifest;
    for (const auto& checked :
         {check_state(**backup, flags), check_objects(**backup, *plan), require_identity(manifest, *identities)}) {
        if (!checked) {
            return checked.error();
        }
    }
    LoggingObserver observer(log);
    const restore::Source source{*opened->store, manifest.encrypted(), *identities};
    if (flags.dry_run) {
        auto preview = restore::preview_restore(*plan, source, manifest, observer, session.stop());
        return preview ? print_preview(*preview, manifest.id.text(), session.flags.json)
                       : Result<ExitCode>(std::move(preview).error());
    }
    if (auto restored = restore::run_restore(*plan, source, manifest, observer, session.stop()); !restored) {
        return std::move(restored).error();
    }
    print_outcome(*plan, manifest, session.flags.json);
    return ExitCode::done;
}

}  // namespace

void add_restore(CLI::App& app, Action& action) {
    auto& verb = add_verb(
        app, "restore", "Bring a backup back into a PostgreSQL server",
        "  lifeboat restore latest --to postgresql://postgres@127.0.0.1/postgres -i key.txt\n"
        "  lifeboat restore latest --to postgresql://postgres@127.0.0.1/postgres -i key.txt --dry-run\n"
        "  lifeboat restore latest --to postgresql://app@db/app --database app --no-globals --no-owner --no-acl -i "
        "key.txt\n"
        "  lifeboat restore 2026-11-22 --to postgresql://postgres@db/postgres --database app=app_yesterday -i key.txt\n"
        "  lifeboat restore latest --store file:///srv/backups --instance shop -i - --to postgresql://… < key.txt\n");
    const auto flags = std::make_shared<RestoreFlags>();
    add_id(verb, flags->id);
    verb.add_option("--to", flags->to, "The server to restore into; passwords better by PGPASSWORD or ~/.pgpass")
        ->type_name("URI")
        ->required();
    verb.add_option("--database", flags->databases, "Only this database, under another name if given; may repeat")
        ->type_name("NAME[=NEWNAME]")
        ->allow_extra_args(false)
        ->take_all();
    verb.add_flag("--no-globals", flags->no_globals, "Leave roles, memberships and tablespaces alone");
    verb.add_flag("--alter-roles", flags->alter_roles,
                  "Give roles that exist already their attributes and passwords of the backup");
    verb.add_flag("--no-owner", flags->no_owner,
                  "Everything belongs to who restores (or to --role), not to its old owner");
    verb.add_flag("--no-acl", flags->no_acl, "Leave privileges (GRANT, REVOKE) out");
    verb.add_option("--role", flags->role, "SET ROLE to this before anything is created")->type_name("ROLE");
    verb.add_option("--jobs", flags->jobs, "Load with several connections, by an unlinked file under TMPDIR [1]")
        ->type_name("N")
        ->check(CLI::Range(1U, 64U));
    verb.add_flag("--overwrite", flags->overwrite, "Replace databases that are not empty, once the new one is whole");
    verb.add_flag("--dry-run", flags->dry_run, "Say what would be done and what the target lacks; change nothing");
    verb.add_flag("--marked", flags->marked, "A marked backup will do");
    verb.add_flag("--partial", flags->partial, "A partial backup will do");
    verb.add_option("--lock-wait", flags->lock_wait, "How long to wait for a backup of the target to end, like 60s [0]")
        ->type_name("DURATION");
    verb.callback([&action, flags] { action = [flags](Session& session) { return restore_backup(session, *flags); }; });
}

}  // namespace lifeboat::cli
