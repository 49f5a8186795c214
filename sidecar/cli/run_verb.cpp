#include "backup_plan.hpp"
#include "kubernetes/reporter.hpp"
#include "supervisor/run_loop.hpp"
#include "verbs.hpp"

#include <CLI/CLI.hpp>

namespace lifeboat::cli {
namespace {

// What settings can be made of: children get them over a descriptor, not in an environment that the system shows.
bool is_of_settings(const std::string& name) {
    return name.starts_with("LIFEBOAT_") || name.starts_with("AWS_") || name.starts_with("PG");
}

std::vector<std::string> childrens_environment(const config::Environment& environment) {
    std::vector<std::string> entries;
    for (const auto& [name, value] : environment) {
        if (!is_of_settings(name)) {
            entries.push_back(name);
            entries.back() += "=" + value;
        }
    }
    return entries;
}

// Where the pod's token is. Another folder than every pod's is for tests: no setting, and (as the name shows, which
// the settings take for one of Kubernetes' own) nothing that they warn of.
std::string service_account_of(const config::Environment& environment) {
    const auto found = environment.find("LIFEBOAT_SERVICE_ACCOUNT_DIR");
    return found == environment.end() ? kubernetes::account_folder : found->second;
}

Result<ExitCode> serve(Session& session) {
    supervisor::RunOptions options;
    options.sources = session.sources();
    options.check = [](const config::Loaded& loaded) -> Status {
        auto plan = plan_of(loaded, std::chrono::milliseconds(0));
        return plan ? done() : Status(std::move(plan).error());
    };
    options.open_log = Session::open_log;
    options.version = LIFEBOAT_VERSION;
    options.environment = childrens_environment(options.sources.environment);
    options.service_account = service_account_of(options.sources.environment);
    if (auto ran = supervisor::run(options, session.signals()); !ran) {
        return std::move(ran).error();
    }
    return ExitCode::done;
}

}  // namespace

void add_run(CLI::App& app, Action& action) {
    auto& verb = add_verb(app, "run", "The sidecar: back up on schedule, answer for it, and never get in the way",
                          "  lifeboat run\n"
                          "  lifeboat run --config ./lifeboat.toml\n"
                          "\n"
                          "It ends on SIGTERM alone, reads its settings anew when a file changes or on SIGHUP, and\n"
                          "waits for the cure of whatever is wrong. Ask it with `lifeboat status`.\n");
    verb.callback([&action] { action = serve; });
}

}  // namespace lifeboat::cli
