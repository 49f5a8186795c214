#include "drill/drill_job.hpp"
#include "drill/stored_report.hpp"
#include "format.hpp"
#include "os/confinement.hpp"
#include "os/process.hpp"
#include "progress.hpp"
#include "report_file.hpp"
#include "result/in_quotes.hpp"
#include "store_rules.hpp"
#include "verbs.hpp"

#include <unistd.h>
#include <CLI/CLI.hpp>
#include <algorithm>
#include <nlohmann/json.hpp>

namespace lifeboat::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t most_findings = 200;

struct DrillFlags {
    std::string id = "latest";
    std::optional<std::string> to;
    std::optional<std::string> report;
    bool all = false;
};

// Logs each stage, and shows how far it has come.
class LoggingObserver final : public drill::DrillObserver {
public:
    LoggingObserver(EventLog& log, const catalogue::Manifest& manifest)
        : log_(log), manifest_(manifest), progress_([this](const std::string& text) {
              log_.write(LogLevel::info, "progress", {{"text", text}});
          }) {}

    void stage_started(const std::string& stage, const std::string& database) override {
        EventLog::Fields fields = {{"stage", stage}};
        if (!database.empty()) {
            fields.push_back({"database", database});
        }
        write("drilling", fields);
        if (stage == "compare") {
            progress_.start("compare " + database);
            total_ = archive_bytes(database);
        }
    }
    void compared(const std::string& /*database*/, std::uint64_t plain_bytes) override {
        progress_.update({plain_bytes, std::nullopt, total_, true});
    }
    void part_started(const std::string& part, std::uint64_t stored_bytes) override {
        progress_.clear();
        progress_.start("restore " + part);
        total_ = stored_bytes;
    }
    void part_moved(const std::string& /*part*/, std::uint64_t fetched_bytes, std::uint64_t plain_bytes) override {
        progress_.update({fetched_bytes, plain_bytes, total_, false, "server at work"});
    }
    void part_restored(const std::string& part) override { write("restored", {{"part", part}}, LogLevel::debug); }
    void noted(const std::string& text) override { write("note", {{"text", text}}, LogLevel::debug); }
    void clear() { progress_.clear(); }

private:
    void write(const std::string& event, const EventLog::Fields& fields, LogLevel level = LogLevel::info) {
        progress_.clear();
        log_.write(level, event, fields);
    }
    [[nodiscard]] std::uint64_t archive_bytes(const std::string& database) const {
        const auto* record = manifest_.find(database);
        return record == nullptr ? 0 : record->archive_bytes;
    }

    EventLog& log_;
    const catalogue::Manifest& manifest_;
    Progress progress_;
    std::uint64_t total_ = 0;
};

bool ends_in(const std::string& text, std::string_view end) {
    return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

// Checks belong to the instance that the settings name.
drill::DrillPlan plan_of(const config::Settings& settings, const DrillFlags& flags, const std::string& instance) {
    drill::DrillPlan plan;
    plan.bin_dir = settings.drill.bin_dir.value_or(settings.postgres.bin_dir);
    if (flags.to) {
        plan.to = postgres::Server{Secret(*flags.to)};
    }
    if (settings.instance.name.empty() || settings.instance.name == instance) {
        for (const auto& check : settings.drill.checks) {
            plan.checks.push_back({check.database, check.query, check.expect});
        }
    }
    return plan;
}

class DrillVerb {
public:
    DrillVerb(Session& session, const DrillFlags& flags) : session_(session), flags_(flags) {}

    Result<ExitCode> run();

private:
    Result<ExitCode> one(const catalogue::Catalogue& catalogue);
    Result<catalogue::Chosen> choose(const catalogue::Catalogue& catalogue) const;
    ExitCode refused(const catalogue::Catalogue& catalogue, const catalogue::RefusedBackup& backup);
    Result<ExitCode> all();
    void print_out(const drill::Report& report);
    Status finish();

    Session& session_;
    const DrillFlags& flags_;
    config::Settings settings_;
    std::optional<EventLog> log_;
    std::unique_ptr<store::ObjectStore> store_;
    std::vector<age::Identity> identities_;
    std::optional<ReportFile> report_file_;  // it names tables
    std::string report_text_;
    Json reports_ = Json::array();
};

Result<ExitCode> DrillVerb::run() {
    // SQL that comes back runs beside us.
    os::hide_own_memory();
    os::adopt_orphans();
    auto loaded = session_.load({.store = true});
    if (!loaded) {
        return std::move(loaded).error();
    }
    settings_ = loaded->settings;
    log_.emplace(Session::open_log(*loaded));
    auto identities = session_.read_identities(settings_);
    if (!identities) {
        return std::move(identities).error();
    }
    identities_ = std::move(*identities);
    if (flags_.all && settings_.instance.name.empty() && !settings_.drill.checks.empty()) {
        return Error{ErrorKind::usage, "drill.checks are of one instance, and the settings do not name it",
                     "set instance.name to the one that is to be asked, or drill that one alone with --instance NAME"};
    }
    if (flags_.report) {
        auto file = ReportFile::open(*flags_.report, settings_.encryption.identity_file);
        if (!file) {
            return std::move(file).error();
        }
        report_file_.emplace(std::move(*file));
    }
    auto code = flags_.all ? all() : [&]() -> Result<ExitCode> {
        auto opened = open_catalogue(settings_, session_.stop());
        if (!opened) {
            return std::move(opened).error();
        }
        store_ = std::move(opened->store);
        return one(opened->catalogue);
    }();
    if (!code) {
        return code;
    }
    if (auto finished = finish(); !finished) {
        return std::move(finished).error();
    }
    return code;
}

// Where no backup is good any more, the newest that was is looked at: it must fail, and not be missing.
Result<catalogue::Chosen> DrillVerb::choose(const catalogue::Catalogue& catalogue) const {
    auto chosen = catalogue::resolve(catalogue, {flags_.id});
    if (chosen || chosen.error().kind != ErrorKind::not_found || flags_.id != "latest") {
        return chosen;
    }
    const auto damaged = std::find_if(catalogue.backups.rbegin(), catalogue.backups.rend(), catalogue::is_damaged);
    if (damaged == catalogue.backups.rend()) {
        return chosen;
    }
    return catalogue::Chosen{&*damaged, {"no backup is good; " + damaged->manifest.id.text() + " is drilled"}};
}

// The one of that id; for "latest" the newest, where there is nothing else.
const catalogue::RefusedBackup* find_refused(const catalogue::Catalogue& catalogue, const std::string& wanted) {
    const catalogue::RefusedBackup* found = nullptr;
    for (const auto& refused : catalogue.refused_backups) {
        const bool meant =
            wanted == "latest" ? found == nullptr || refused.stored > found->stored : refused.id.text() == wanted;
        found = meant ? &refused : found;
    }
    return found;
}

// Nothing of it is known but its name, so that nothing can be restored, nor a result be stored.
ExitCode DrillVerb::refused(const catalogue::Catalogue& catalogue, const catalogue::RefusedBackup& backup) {
    drill::Report report;
    report.id = backup.id.text();
    report.instance = catalogue.instance;
    report.started = std::chrono::system_clock::now();
    report.finished = report.started;
    report.findings.push_back({"manifest", "", "", whole_text(backup.why)});
    report.notes.emplace_back("nothing was restored, and this result is not in the store");
    print_out(report);
    return ExitCode::unhealthy;
}

Result<ExitCode> DrillVerb::one(const catalogue::Catalogue& catalogue) {
    auto chosen = choose(catalogue);
    if (!chosen) {
        const auto* named = find_refused(catalogue, flags_.id);
        return named != nullptr ? Result<ExitCode>(refused(catalogue, *named)) : std::move(chosen).error();
    }
    for (const auto& text : chosen->notes) {
        Session::note("note: " + text);
    }
    const auto& manifest = chosen->backup->manifest;
    if (auto required = require_identity(manifest, identities_); !required) {
        return std::move(required).error();
    }
    auto report = [&] {
        LoggingObserver observer(*log_, manifest);
        return drill::run_drill(plan_of(settings_, flags_, manifest.instance),
                                {*store_, manifest.encrypted(), identities_}, manifest, observer, session_.stop());
    }();
    if (!report) {
        return in_context("backup " + manifest.id.text(), std::move(report).error());
    }
    auto layout = catalogue::Layout::of(manifest.instance);
    auto stored = layout ? drill::store_report(*store_, *layout, *report, manifest, LIFEBOAT_VERSION)
                         : Status(std::move(layout).error());
    if (!stored) {
        if (session_.stop().stop_requested()) {
            return std::move(stored).error();
        }
        Session::note("note: the result of this drill is not in the store, so that nobody else sees it: " +
                      whole_text(stored.error()));
        report->notes.emplace_back("this result could not be stored beside the backup");
    }
    // What is stored is about this backup alone.
    report->passed_over = std::move(chosen->damaged);
    for (const auto& text : chosen->notes) {
        if (std::find(report->passed_over.begin(), report->passed_over.end(), text) == report->passed_over.end()) {
            report->notes.push_back(text);
        }
    }
    print_out(*report);
    return report->proven() && report->passed_over.empty() ? ExitCode::done : ExitCode::unhealthy;
}

// The worst of them: something wrong with a backup before one that could not be tried.
Result<ExitCode> DrillVerb::all() {
    auto store = open_store(settings_, session_.stop());
    if (!store) {
        return std::move(store).error();
    }
    store_ = std::move(*store);
    auto instances = catalogue::list_instances(*store_);
    if (!instances) {
        return std::move(instances).error();
    }
    if (instances->empty()) {
        return Error{ErrorKind::not_found, "there are no backups at " + store_->location(), "check --store"};
    }
    ExitCode worst = ExitCode::done;
    for (const auto& layout : *instances) {
        auto catalogue = read_catalogue_by_rules(settings_, *store_, layout);
        auto code = catalogue ? one(*catalogue) : Result<ExitCode>(std::move(catalogue).error());
        if (!code) {
            if (code.error().kind == ErrorKind::interrupted) {
                return code;
            }
            Session::note("instance " + layout.instance() + " could not be drilled: " + whole_text(code.error()) +
                          (code.error().next.empty() ? "" : "; next: " + code.error().next));
            reports_.push_back({{"instance", layout.instance()}, {"error", whole_text(code.error())}});
            report_text_ +=
                "instance " + layout.instance() + " could not be drilled: " + whole_text(code.error()) + "\n";
            worst = worst == ExitCode::done ? ExitCode::failed : worst;
        } else if (*code == ExitCode::unhealthy) {
            worst = ExitCode::unhealthy;
        }
    }
    return worst;
}

void DrillVerb::print_out(const drill::Report& report) {
    reports_.push_back(Json::parse(drill::to_json(report)));
    report_text_ += drill::to_text(report, report.findings.size());
    if (!session_.flags.json) {
        print(printable_lines(drill::to_text(report, most_findings)));
    }
}

// One report is a document; with --all it is a list of them.
Status DrillVerb::finish() {
    Json document = flags_.all ? Json{{"drills", reports_}} : reports_.front();
    const std::string json = document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
    if (session_.flags.json) {
        print(json);
    }
    return report_file_ ? report_file_->write(ends_in(*flags_.report, ".json") ? json : report_text_) : done();
}

}  // namespace

void add_drill(CLI::App& app, Action& action) {
    auto& verb = add_verb(
        app, "drill", "Prove a backup: restore it into a throw-away PostgreSQL server and compare",
        "  lifeboat drill -i key.txt                        the newest good backup, on a server that it starts itself\n"
        "  lifeboat drill 2026-11-22 -i key.txt --report drill.txt\n"
        "  lifeboat drill latest -i key.txt --to postgresql://postgres@127.0.0.1/postgres\n"
        "  lifeboat drill --all --store s3://pal-e-backups/postgres -i key.txt --report drills.json\n"
        "\nIt fetches, checks, decrypts and restores roles and every database, dumps what came back, and compares "
        "tables,\n"
        "sequences, large objects, definitions, owners, privileges and roles with what the backup holds; then it asks "
        "the\n"
        "questions of [drill] checks. Its own server needs PostgreSQL's server package of the backup's major version "
        "or\n"
        "a newer one, and room under TMPDIR for three times the largest database; it has no network, and is gone\n"
        "afterwards. What is restored with --to stays there. Exit code 0: proven; 3: something is wrong with the "
        "backup;\n"
        "1: it could not be tried. The result is stored beside the backup, where the key may write.\n");
    const auto flags = std::make_shared<DrillFlags>();
    verb.add_option("ID", flags->id, "A backup id, a time (UTC; the newest that started by then), or latest [latest]");
    verb.add_option(
            "--to", flags->to,
            "Restore into this server instead, which must be empty; passwords better by PGPASSWORD or ~/.pgpass")
        ->type_name("URI");
    verb.add_option("--report", flags->report, "Write the whole report to this file; as JSON if its name ends in .json")
        ->type_name("FILE");
    verb.add_flag("--all", flags->all, "Every instance under the store's prefix, one after the other")
        ->excludes("--to");  // where the second would find the first one's roles and databases
    verb.callback(
        [&action, flags] { action = [flags](Session& session) { return DrillVerb(session, *flags).run(); }; });
}

}  // namespace lifeboat::cli
