// `lifeboat child`: one piece of work for the sidecar's supervisor, which starts this and hears its reports. Not for
// people: it takes its settings and gives its results over descriptors that it inherits.
#include "backup_plan.hpp"
#include "config/inputs.hpp"
#include "os/fd.hpp"
#include "postgres/connection.hpp"
#include "postgres/server_facts.hpp"
#include "prune_wishes.hpp"
#include "supervisor/report.hpp"
#include "survey.hpp"
#include "verbs.hpp"

#include <CLI/CLI.hpp>

#include <fcntl.h>
#include <chrono>
#include <cstdlib>
#include <mutex>
#include <utility>

namespace lifeboat::cli {
namespace {

using supervisor::Report;

constexpr std::size_t largest_inputs = std::size_t{16} << 20U;

// Writes reports for the supervisor. Any thread.
class Reporter {
public:
    // Keeps the descriptor from the programs that are started here.
    explicit Reporter(int fd) : fd_(fd) { (void)::fcntl(fd, F_SETFD, FD_CLOEXEC); }

    void write(const Report& report) {
        const std::string line = supervisor::to_line(report);
        const std::lock_guard lock(mutex_);
        (void)os::write_all(fd_.get(), std::as_bytes(std::span(line)));  // without a supervisor we are about to end
    }

private:
    std::mutex mutex_;
    const os::Fd fd_;
};

class ReportingObserver final : public BackupLog {
public:
    ReportingObserver(EventLog& log, Reporter& reporter) : BackupLog(log), reporter_(reporter) {}

    void started(const catalogue::BackupId& id, const postgres::ServerFacts& server, std::size_t parts) override {
        BackupLog::started(id, server, parts);
        reporter_.write(supervisor::BackupBegan{id.text(), parts - 1, server.system_identifier});
    }
    void part_started(const std::string& part) override {
        BackupLog::part_started(part);
        estimate_.reset();
        tell(part, 0, 0);
        told_ = {};  // that something moves at all is told at once
    }
    void part_estimated(const std::string& /*part*/, std::uint64_t bytes) override { estimate_ = bytes; }
    void part_moved(const std::string& part, std::uint64_t bytes_in, std::uint64_t bytes_out) override {
        if (Steady::now() - told_ >= std::chrono::seconds(1)) {
            tell(part, bytes_in, bytes_out);
        }
    }
    void store_asked_again(const Error& why, std::chrono::milliseconds pause) override {
        BackupLog::store_asked_again(why, pause);
        reporter_.write(supervisor::StoreAskedAgain{});
    }

private:
    using Steady = std::chrono::steady_clock;

    void tell(const std::string& part, std::uint64_t bytes_in, std::uint64_t bytes_out) {
        told_ = Steady::now();
        reporter_.write(supervisor::BackupMoved{part, bytes_in, bytes_out, estimate_});
    }

    Reporter& reporter_;
    std::optional<std::uint64_t> estimate_;
    Steady::time_point told_;
};

supervisor::BackupEnded failed_by(const Error& error) {
    using health::RunResult;
    const auto result = error.kind == ErrorKind::busy          ? RunResult::lock_held
                        : error.kind == ErrorKind::interrupted ? RunResult::interrupted
                                                               : RunResult::failed;
    auto problem = health::problem_of(error);
    if (result == RunResult::lock_held) {
        problem.next = "nothing: this sidecar looks again by itself";  // what the error says is for `lifeboat backup`
    }
    return {result, std::nullopt, std::move(problem), error.detail};
}

std::string failed_parts(const catalogue::Manifest& manifest) {
    std::string parts;
    for (const auto& failure : manifest.failures) {
        parts += (parts.empty() ? "" : ", ") + failure.database.value_or("the globals") + " (" + failure.error + ")";
    }
    return parts;
}

std::optional<supervisor::YieldedTo> yielded_to(const std::optional<backup::Yield>& yield) {
    if (!yield) {
        return std::nullopt;
    }
    return supervisor::YieldedTo{postgres::name_of(yield->to), postgres::cure_of(yield->to)};
}

supervisor::BackupEnded ended_with(const backup::BackupOutcome& outcome) {
    using health::RunResult;
    using Kind = backup::BackupOutcome::Kind;
    switch (outcome.kind) {
        case Kind::not_ours:
            return {RunResult::not_ours, std::nullopt,
                    health::Problem{"the server is a standby, and role is \"primary\"", {}}};
        case Kind::not_needed:
            return {RunResult::not_needed, std::nullopt,
                    health::Problem{"another run had made the backup meanwhile", {}}};
        case Kind::yielded:
            return {RunResult::yielded,
                    std::nullopt,
                    health::Problem{words_of(*outcome.yield), postgres::cure_of(outcome.yield->to)},
                    {},
                    yielded_to(outcome.yield)};
        case Kind::good:
            return {RunResult::good,
                    facts_of(*outcome.manifest, outcome.manifest->marks.empty() ? health::BackupState::good
                                                                                : health::BackupState::marked)};
        case Kind::partial: break;
    }
    return {RunResult::partial,
            facts_of(*outcome.manifest, health::BackupState::partial),
            health::Problem{"these failed: " + failed_parts(*outcome.manifest),
                            "mend what the log's part_failed lines name"},
            {},
            yielded_to(outcome.yield)};
}

// Whether nobody made a backup since the supervisor's last survey.
Result<bool> none_is_newer(store::ObjectStore& store, const std::string& instance, const std::string& newest_known) {
    auto layout = catalogue::Layout::of(instance);
    if (!layout) {
        return std::move(layout).error();
    }
    auto names = catalogue::list_names(store, *layout);
    if (!names) {
        return names.error().kind == ErrorKind::not_found ? Result<bool>(true) : std::move(names).error();
    }
    return names->empty() || names->back().id.text() <= newest_known;
}

Result<supervisor::BackupEnded> back_up(const config::Loaded& loaded, const std::string& newest_known, EventLog& log,
                                        Reporter& reporter, const std::stop_token& stop) {
    auto plan = plan_of(loaded, std::chrono::milliseconds(0));
    if (!plan) {
        return std::move(plan).error();
    }
    ReportingObserver observer(log, reporter);
    auto store = open_store(loaded.settings, stop,
                            [&observer](const auto& why, auto pause) { observer.store_asked_again(why, pause); });
    if (!store) {
        return std::move(store).error();
    }
    plan->still_wanted = [&] { return none_is_newer(**store, loaded.settings.instance.name, newest_known); };
    auto outcome = backup::run_backup(*plan, **store, os::SystemClock(), observer, stop);
    if (!outcome) {
        return std::move(outcome).error();
    }
    return ended_with(*outcome);
}

// Which server this sidecar stands beside: the store's newest backups may be another's. Nothing where it does not
// answer: then they are taken for its own until it does.
std::optional<std::string> ask_server(const config::Loaded& loaded, const std::stop_token& stop) {
    auto plan = plan_of(loaded, std::chrono::milliseconds(0));
    if (!plan) {
        return std::nullopt;
    }
    auto connection = postgres::Connection::open(plan->server, std::nullopt, stop);
    if (!connection) {
        return std::nullopt;
    }
    auto facts = postgres::read_server_facts(*connection);
    return facts ? std::optional(facts->system_identifier) : std::nullopt;
}

Result<supervisor::SurveyEnded> look_around(const config::Loaded& loaded, std::optional<std::string> server,
                                            Reporter& reporter, const std::stop_token& stop) {
    auto store = open_store(loaded.settings, stop,
                            [&reporter](const auto&, auto) { reporter.write(supervisor::StoreAskedAgain{}); });
    if (!store) {
        return std::move(store).error();
    }
    if (!server) {
        server = ask_server(loaded, stop);
    }
    auto seen = survey(**store, loaded.settings, std::chrono::system_clock::now(), server.value_or(""));
    if (seen) {
        seen->server = server;
    }
    return seen;
}

Result<supervisor::SweepEnded> clean_up(const config::Loaded& loaded, EventLog& log, const std::stop_token& stop) {
    auto store = open_store(loaded.settings, stop, [](const auto&, auto) {});
    if (!store) {
        return std::move(store).error();
    }
    sweep_leftovers(loaded.settings, **store, log);
    return supervisor::SweepEnded{};
}

// What ended it before all was done is told beside what it did until then.
Result<supervisor::PruneEnded> let_go(const config::Loaded& loaded, EventLog& log, const std::stop_token& stop) {
    auto store = open_store(loaded.settings, stop, [](const auto&, auto) {});
    if (!store) {
        return std::move(store).error();
    }
    auto done = prune_after_success(loaded.settings, **store, log, stop);
    if (done.failure) {
        return *std::move(done.failure);
    }
    const auto problem = [](const std::optional<Error>& error) {
        return error ? std::optional(health::problem_of(*error)) : std::nullopt;
    };
    return supervisor::PruneEnded{done.gone.size(), done.bytes, problem(done.stopped), problem(done.not_possible)};
}

// libpq looks at these by itself. They come this way so that they do not stand in the environment that the system
// shows of a process.
void give_to_libpq(const config::Environment& environment) {
    for (const auto& [name, value] : environment) {
        if (name.starts_with("PG")) {
            ::setenv(name.c_str(), value.c_str(), 1);  // NOLINT(concurrency-mt-unsafe): no other thread reads it yet
        }
    }
}

Result<config::Loaded> inherited_settings(int descriptor) {
    const os::Fd fd(descriptor);
    auto text = os::read_all(fd.get(), "the settings from the supervisor", largest_inputs);
    if (!text) {
        return std::move(text).error();
    }
    const Secret json(std::move(*text));
    auto inputs = config::Inputs::from_json(json.reveal());
    if (!inputs) {
        return std::move(inputs).error();
    }
    const auto sources = config::replay(std::move(*inputs));
    give_to_libpq(sources.environment);
    auto needs = config::Needs::everything();
    needs.notify = false;  // no run waits for the file of an address that the supervisor alone calls
    return config::load(sources, needs);
}

struct Order {
    std::string activity;
    std::string newest_known;
    std::optional<std::string> server_known;
    int settings_fd = -1;
    int report_fd = -1;
};

Result<ExitCode> work(Session& session, const Order& order) {
    Reporter reporter(order.report_fd);
    auto loaded = inherited_settings(order.settings_fd);
    if (!loaded) {
        EventLog(LogLevel::info, LogFormat::json)
            .write(
                LogLevel::error, "child_failed",
                {{"activity", order.activity}, {"error", whole_text(loaded.error())}, {"next", loaded.error().next}});
        return ExitCode::failed;
    }
    EventLog log = Session::open_log(*loaded);
    if (order.activity == "backup") {
        auto ended = back_up(*loaded, order.newest_known, log, reporter, session.stop());
        reporter.write(ended ? *ended : failed_by(ended.error()));
    } else if (order.activity == "survey") {
        auto seen = look_around(*loaded, order.server_known, reporter, session.stop());
        reporter.write(seen ? Report(*seen)
                            : supervisor::WorkFailed{health::problem_of(seen.error()), seen.error().detail});
    } else if (order.activity == "prune") {
        auto pruned = let_go(*loaded, log, session.stop());
        reporter.write(pruned ? Report(*pruned)
                              : supervisor::WorkFailed{health::problem_of(pruned.error()), pruned.error().detail});
    } else {
        auto swept = clean_up(*loaded, log, session.stop());
        reporter.write(swept ? Report(*swept)
                             : supervisor::WorkFailed{health::problem_of(swept.error()), swept.error().detail});
    }
    return ExitCode::done;
}

}  // namespace

void add_child(CLI::App& app, Action& action) {
    auto& verb = add_verb(app, "child", "One piece of the sidecar's work; `lifeboat run` starts it", "");
    verb.group("");  // hidden
    const auto order = std::make_shared<Order>();
    verb.add_option("ACTIVITY", order->activity)
        ->required()
        ->check(CLI::IsMember({"backup", "survey", "sweep", "prune"}));
    verb.add_option("--settings-fd", order->settings_fd, "Where the settings are read from")->required();
    verb.add_option("--report-fd", order->report_fd, "Where reports go")->required();
    verb.add_option("--newest-known", order->newest_known, "The newest backup that the supervisor knows of");
    verb.add_option("--server-known", order->server_known, "The server's system identifier, if it was asked before");
    verb.callback([&action, order] { action = [order](Session& session) { return work(session, *order); }; });
}

}  // namespace lifeboat::cli
