#include "backup/backup_job.hpp"
#include "backup_plan.hpp"
#include "config/values.hpp"
#include "format.hpp"
#include "progress.hpp"
#include "prune_wishes.hpp"
#include "time_limit.hpp"
#include "verbs.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace lifeboat::cli {
namespace {

using Json = nlohmann::ordered_json;

// Logs what happens, and shows how far it has come.
class ProgressObserver final : public BackupLog {
public:
    explicit ProgressObserver(EventLog& log)
        : BackupLog(log), progress_([&log](const std::string& text) {
              log.write(LogLevel::info, "progress", {{"text", text}});
          }) {}

    void part_started(const std::string& part) override {
        BackupLog::part_started(part);
        progress_.start(part);
        estimate_.reset();
    }
    void part_estimated(const std::string& /*part*/, std::uint64_t bytes) override { estimate_ = bytes; }
    void part_moved(const std::string& /*part*/, std::uint64_t bytes_in, std::uint64_t bytes_out) override {
        progress_.update({bytes_in, bytes_out, estimate_, true});
    }

private:
    void before_a_line() override { progress_.clear(); }

    Progress progress_;
    std::optional<std::uint64_t> estimate_;
};

const char* state_of(const catalogue::Manifest& manifest) {
    return !manifest.failures.empty() ? "partial" : manifest.marks.empty() ? "good" : "marked";
}

Json marks_json(const catalogue::Manifest& manifest) {
    Json list = Json::array();
    for (const auto& mark : manifest.marks) {
        list.push_back({{"kind", mark.kind}, {"reason", mark.reason}});
    }
    return list;
}

// Stored, and not trusted: exit code 0, for the run did all that it could.
void warn_of_marks(const catalogue::Manifest& manifest) {
    if (manifest.marks.empty()) {
        return;
    }
    const auto& id = manifest.id.text();
    for (const auto& mark : manifest.marks) {
        Session::note("warning: backup " + id + " is marked: " + mark.reason);
    }
    Session::note("note: `latest` passes it over and nothing is pruned until `lifeboat accept " + id +
                  " --because \"...\"` says that it is as it should be");
}

Json failures_json(const catalogue::Manifest& manifest) {
    Json list = Json::array();
    for (const auto& failure : manifest.failures) {
        list.push_back({{"part", failure.database.value_or("globals")}, {"error", failure.error}});
    }
    return list;
}

// What was deleted after it, for people on stderr.
void tell(const AfterSuccess& pruned) {
    if (!pruned.gone.empty()) {
        Session::note("deleted " + std::to_string(pruned.gone.size()) +
                      (pruned.gone.size() == 1 ? " older backup" : " older backups") + " that no rule keeps, " +
                      human_bytes(pruned.bytes));
    }
    for (const auto& problem : {pruned.stopped, pruned.failure}) {
        if (problem) {
            Session::note("warning: old backups were not deleted: " + problem->what +
                          (problem->next.empty() ? "" : "; next: " + problem->next));
        }
    }
    if (pruned.not_possible) {
        Session::note("note: old backups were not deleted: " + pruned.not_possible->what);
    }
}

Json texts_of(const std::vector<catalogue::BackupId>& ids) {
    Json list = Json::array();
    for (const auto& id : ids) {
        list.push_back(id.text());
    }
    return list;
}

void print_outcome(const catalogue::Manifest& manifest, bool good, bool json, const AfterSuccess& pruned) {
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
                        {"state", state_of(manifest)},
                        {"marks", marks_json(manifest)},
                        {"failures", failures_json(manifest)},
                        {"deleted", texts_of(pruned.gone)}}
                       .dump(-1, ' ', false, Json::error_handler_t::replace));
        return;
    }
    print_line(manifest.id.text() +
               (!good                    ? "  PARTIAL  "
                : manifest.marks.empty() ? "  "
                                         : "  MARKED  ") +
               std::to_string(manifest.databases.size()) +
               (manifest.databases.size() == 1 ? " database, " : " databases, ") +
               human_bytes(manifest.stored_bytes()) + " stored in " + human_duration(took));
}

Result<ExitCode> conclude(const backup::BackupOutcome& outcome, EventLog& log, bool json, const AfterSuccess& pruned) {
    if (outcome.kind == backup::BackupOutcome::Kind::not_ours) {
        Session::note("note: the server is a standby, and role = \"primary\": nothing to do here");
        if (json) {
            print_line(Json{{"id", nullptr}, {"state", "not_ours"}}.dump());
        }
        return ExitCode::done;
    }
    if (outcome.kind == backup::BackupOutcome::Kind::yielded) {
        if (json) {
            print_line(Json{{"id", nullptr}, {"state", "yielded"}, {"yielded_to", postgres::name_of(outcome.yield->to)}}
                           .dump());
        }
        Error error{ErrorKind::temporary, words_of(*outcome.yield) + "; nothing of it is stored",
                    postgres::cure_of(outcome.yield->to)};
        if (log.format() == LogFormat::json) {
            log.write(
                LogLevel::warn, "backup_yielded",
                {{"error", error.what}, {"next", error.next}, {"yielded_to", postgres::name_of(outcome.yield->to)}});
        }
        return error;
    }
    const auto& manifest = *outcome.manifest;
    const bool good = outcome.kind == backup::BackupOutcome::Kind::good;
    log.write(good ? LogLevel::info : LogLevel::error, "backup_finished",
              {{"id", manifest.id.text()}, {"state", state_of(manifest)}, {"stored_bytes", manifest.stored_bytes()}});
    print_outcome(manifest, good, json, pruned);
    tell(pruned);
    if (good) {
        warn_of_marks(manifest);
        return ExitCode::done;
    }
    std::string parts;
    for (const auto& failure : manifest.failures) {
        parts += (parts.empty() ? "" : ", ") + printable(failure.database.value_or("the globals"));
    }
    return failed("the backup is only partial, for these failed: " + parts,
                  "mend what the lines above name, and run it again");
}

Error took_too_long(const config::Settings& settings) {
    const auto most = std::chrono::duration_cast<std::chrono::seconds>(settings.schedule.max_duration);
    return failed("the backup took longer than schedule.max_duration (" + human_duration(most) + ") and was ended",
                  "see what it waited for, or allow it more time by schedule.max_duration");
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
    ProgressObserver observer(log);
    // The sidecar ends a child that takes longer; here nobody else would, and sweeps elsewhere rely on it.
    TimeLimit limit(session.stop(), loaded->settings.schedule.max_duration);
    auto store = open_store(loaded->settings, limit.token(),
                            [&observer](const auto& why, auto pause) { observer.store_asked_again(why, pause); });
    if (!store) {
        return std::move(store).error();
    }
    const os::SystemClock clock;
    auto outcome = backup::run_backup(*plan, **store, clock, observer, limit.token());
    limit.lift();
    if (!outcome && limit.has_passed()) {
        outcome = took_too_long(loaded->settings);
    }
    if (!outcome) {
        // People read the message that comes last; twice the same would only hide what stands above it.
        if (log.format() == LogFormat::json) {
            log.write(LogLevel::error, "backup_failed",
                      {{"error", whole_text(outcome.error())}, {"next", outcome.error().next}});
        }
        return std::move(outcome).error();
    }
    AfterSuccess pruned;
    if (outcome->manifest && loaded->settings.retention.prune != config::PruneMode::never) {
        sweep_leftovers(loaded->settings, **store, log);
        if (outcome->kind == backup::BackupOutcome::Kind::good) {
            pruned = prune_after_success(loaded->settings, **store, log, session.stop());
        }
    }
    return conclude(*outcome, log, session.flags.json, pruned);
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
