#include "backup/backup_job.hpp"
#include "backup/sweep.hpp"
#include "config/live_secrets.hpp"
#include "config/values.hpp"
#include "format.hpp"
#include "progress.hpp"
#include "verbs.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace lifeboat::cli {
namespace {

using Json = nlohmann::ordered_json;

// Logs what happens, and shows how far it has come.
class LoggingObserver final : public backup::BackupObserver {
public:
    explicit LoggingObserver(EventLog& log)
        : log_(log), progress_([this](const std::string& text) {
              log_.write(LogLevel::info, "progress", {{"text", text}});
          }) {}

    void started(const catalogue::BackupId& id, const postgres::ServerFacts& server, std::size_t parts) override {
        write(LogLevel::info, "backup_started",
              {{"id", id.text()}, {"server", server.version}, {"databases", parts - 1}});
    }
    void part_started(const std::string& part) override {
        write(LogLevel::debug, "part_started", {{"part", part}});
        progress_.start(part);
        estimate_.reset();
    }
    void part_estimated(const std::string& /*part*/, std::uint64_t bytes) override { estimate_ = bytes; }
    void part_moved(const std::string& /*part*/, std::uint64_t bytes_in, std::uint64_t bytes_out) override {
        progress_.update({bytes_in, bytes_out, estimate_, true});
    }
    void part_stored(const std::string& part, std::uint64_t bytes_in, std::uint64_t bytes_out) override {
        write(LogLevel::info, "part_stored",
              {{"part", part}, {"archive_bytes", bytes_in}, {"stored_bytes", bytes_out}});
    }
    void part_failed(const std::string& part, const Error& error) override {
        write(LogLevel::error, "part_failed", {{"part", part}, {"error", whole_text(error)}, {"next", error.next}});
    }
    void warned(const std::string& part, const std::string& text) override {
        write(LogLevel::warn, "warning", {{"part", part}, {"text", text}});
    }

    // From any thread.
    void store_asked_again(const Error& why, std::chrono::milliseconds pause) {
        write(LogLevel::warn, "store_asked_again", {{"error", whole_text(why)}, {"in_ms", pause.count()}});
    }

private:
    void write(LogLevel level, const std::string& event, const EventLog::Fields& fields) {
        progress_.clear();
        log_.write(level, event, fields);
    }

    EventLog& log_;
    Progress progress_;
    std::optional<std::uint64_t> estimate_;
};

Result<std::vector<age::Recipient>> recipients_of(const config::Loaded& loaded) {
    std::vector<age::Recipient> recipients;
    for (const auto& text : loaded.settings.encryption.recipients) {
        auto recipient = age::Recipient::parse(text);
        if (!recipient) {
            const auto origin = loaded.origins.find("encryption.recipients");
            const std::string place = origin == loaded.origins.end() ? "" : origin->second.text() + ": ";
            return in_context(place + "encryption.recipients", std::move(recipient).error());
        }
        recipients.push_back(*recipient);
    }
    return recipients;
}

// From its file, if it came from one, as that is when a connection is opened.
std::shared_ptr<postgres::FollowedPassword> live_password(const config::Settings& settings) {
    if (!settings.postgres.password) {
        return nullptr;
    }
    const auto secrets = std::make_shared<config::LiveSecrets>(settings, std::vector<std::string>{"postgres.password"});
    return std::make_shared<postgres::FollowedPassword>([secrets] { return *secrets->current()->postgres.password; });
}

Result<backup::BackupPlan> plan_of(const config::Loaded& loaded, std::chrono::milliseconds lock_wait) {
    auto recipients = recipients_of(loaded);
    if (!recipients) {
        return std::move(recipients).error();
    }
    const auto& settings = loaded.settings;
    const auto& postgres = settings.postgres;
    const auto& keep = settings.retention;
    backup::BackupPlan plan;
    plan.instance = settings.instance.name;
    plan.lifeboat_version = LIFEBOAT_VERSION;
    plan.server = {postgres.uri, live_password(settings)};
    plan.databases = postgres.databases;
    plan.exclude = postgres.exclude;
    plan.exclude_table_data = postgres.exclude_table_data;
    plan.role = postgres.role == config::Role::any ? backup::Role::any : backup::Role::primary;
    plan.lock_timeout = postgres.lock_timeout;
    plan.lock_wait = lock_wait;
    plan.max_stall = postgres.max_stall;
    plan.dump_memory = postgres.dump_memory;
    plan.bin_dir = postgres.bin_dir;
    plan.compression_level = settings.compression.level;
    plan.recipients = std::move(*recipients);
    plan.retention = {keep.keep_days, keep.keep_last, keep.keep_weekly, keep.keep_monthly, keep.keep_yearly};
    return plan;
}

Json failures_json(const catalogue::Manifest& manifest) {
    Json list = Json::array();
    for (const auto& failure : manifest.failures) {
        list.push_back({{"part", failure.database.value_or("globals")}, {"error", failure.error}});
    }
    return list;
}

void print_outcome(const catalogue::Manifest& manifest, bool good, bool json) {
    const auto took = manifest_duration(manifest);
    if (json) {
        Json names = Json::array();
        for (const auto& database : manifest.databases) {
            names.push_back(database.name);
        }
        print_line(Json{{"id", manifest.id.text()},
                        {"instance", manifest.instance},
                        {"started", os::utc_text(manifest.started)},
                        {"finished", os::utc_text(manifest.finished)},
                        {"bytes", manifest.stored_bytes()},
                        {"databases", names},
                        {"state", good ? "good" : "partial"},
                        {"failures", failures_json(manifest)}}
                       .dump(-1, ' ', false, Json::error_handler_t::replace));
        return;
    }
    print_line(manifest.id.text() + (good ? "  " : "  PARTIAL  ") + std::to_string(manifest.databases.size()) +
               (manifest.databases.size() == 1 ? " database, " : " databases, ") +
               human_bytes(manifest.stored_bytes()) + " stored in " + human_duration(took));
}

Result<ExitCode> conclude(const backup::BackupOutcome& outcome, EventLog& log, bool json) {
    if (outcome.kind == backup::BackupOutcome::Kind::not_ours) {
        Session::note("note: the server is a standby, and role = \"primary\": nothing to do here");
        if (json) {
            print_line(Json{{"id", nullptr}, {"state", "not_ours"}}.dump());
        }
        return ExitCode::done;
    }
    const auto& manifest = *outcome.manifest;
    const bool good = outcome.kind == backup::BackupOutcome::Kind::good;
    log.write(
        good ? LogLevel::info : LogLevel::error, "backup_finished",
        {{"id", manifest.id.text()}, {"state", good ? "good" : "partial"}, {"stored_bytes", manifest.stored_bytes()}});
    print_outcome(manifest, good, json);
    if (good) {
        return ExitCode::done;
    }
    std::string parts;
    for (const auto& failure : manifest.failures) {
        parts += (parts.empty() ? "" : ", ") + printable(failure.database.value_or("the globals"));
    }
    return failed("the backup is only partial, for these failed: " + parts,
                  "mend what the lines above name, and run it again");
}

// What earlier runs left, once it can no longer be written to. A backup that is stored stays a success whatever comes
// of it: the key may lack the right to list or to delete.
void sweep_leftovers(const config::Settings& settings, store::ObjectStore& store, EventLog& log) {
    if (settings.retention.prune == config::PruneMode::never) {
        return;
    }
    const auto min_age = std::max<std::chrono::milliseconds>(std::chrono::days{1}, settings.schedule.max_duration);
    const auto swept = backup::sweep(store, settings.instance.name, min_age);
    if (!swept) {
        log.write(LogLevel::info, "sweep_not_possible",
                  {{"error", whole_text(swept.error())}, {"next", swept.error().next}});
        return;
    }
    if (swept->uploads + swept->objects > 0) {
        log.write(LogLevel::info, "leftovers_swept",
                  {{"unfinished_uploads", swept->uploads}, {"objects", swept->objects}, {"bytes", swept->bytes}});
    }
    if (swept->refused) {
        log.write(LogLevel::info, "leftovers_kept",
                  {{"error", whole_text(*swept->refused)},
                   {"next", swept->refused->next + "; or let the bucket's own rules do it (docs/stores.md)"}});
    }
}

Result<ExitCode> back_up(Session& session, std::chrono::milliseconds lock_wait) {
    auto loaded = session.load({.instance = true, .store = true, .postgres = true, .recipients = true});
    if (!loaded) {
        return std::move(loaded).error();
    }
    EventLog log = Session::open_log(*loaded);
    auto plan = plan_of(*loaded, lock_wait);
    if (!plan) {
        return std::move(plan).error();
    }
    LoggingObserver observer(log);
    auto store = open_store(loaded->settings, session.stop(),
                            [&observer](const auto& why, auto pause) { observer.store_asked_again(why, pause); });
    if (!store) {
        return std::move(store).error();
    }
    const os::SystemClock clock;
    auto outcome = backup::run_backup(*plan, **store, clock, observer, session.stop());
    if (!outcome) {
        // People read the message that comes last; twice the same would only hide what stands above it.
        if (log.format() == LogFormat::json) {
            log.write(LogLevel::error, "backup_failed",
                      {{"error", whole_text(outcome.error())}, {"next", outcome.error().next}});
        }
        return std::move(outcome).error();
    }
    if (outcome->manifest) {
        sweep_leftovers(loaded->settings, **store, log);
    }
    return conclude(*outcome, log, session.flags.json);
}

}  // namespace

void add_backup(CLI::App& app, Action& action) {
    auto& verb = add_verb(app, "backup", "Make one backup now, in the foreground",
                          "  lifeboat backup\n"
                          "  lifeboat backup --config ./lifeboat.toml --lock-wait 10m --json\n");
    const auto wait = std::make_shared<std::string>("0");
    verb.add_option("--lock-wait", *wait, "How long to wait for another run on this server to end, like 60s [0]")
        ->type_name("DURATION");
    verb.callback([&action, wait] {
        action = [wait](Session& session) -> Result<ExitCode> {
            auto duration = config::parse_duration(*wait);
            if (!duration) {
                return in_context("--lock-wait", std::move(duration).error());
            }
            return back_up(session, *duration);
        };
    });
}

}  // namespace lifeboat::cli
