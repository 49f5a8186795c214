#include "ask_sidecar.hpp"
#include "verbs.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace lifeboat::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::chrono::seconds patience{10};

std::string text_of(const Json& answer, const char* name) {
    const auto found = answer.is_object() ? answer.find(name) : answer.end();
    return found != answer.end() && found->is_string() ? found->get<std::string>() : "";
}

// Whatever came of it, nothing was protected and nothing that was looked for is missing: it failed.
Error as_failure(Error error) {
    if (error.kind == ErrorKind::not_found || error.kind == ErrorKind::refused) {
        error.kind = ErrorKind::failed;
    }
    return in_context("not drained", std::move(error));
}

Result<ExitCode> drain(Session& session) {
    auto answer = ask_sidecar(session, control::Request::drain, patience);
    if (!answer) {
        return as_failure(std::move(answer).error());
    }
    const auto told = Json::parse(*answer, nullptr, false);
    if (!told.is_object()) {
        return failed("what the sidecar answered is not understood", "see its log for what came of it");
    }
    if (session.flags.json) {
        print_line(told.dump(-1, ' ', false, Json::error_handler_t::replace));
        return ExitCode::done;
    }
    const auto instance = text_of(told, "instance");
    const auto until = text_of(told, "until");
    print_line((instance.empty() ? "" : instance + ": ") +
               "every connection to PostgreSQL is closed, and nothing new begins until the sidecar ends" +
               (until.empty() ? "" : " or it is " + until));
    return ExitCode::done;
}

}  // namespace

void add_drain(CLI::App& app, Action& action) {
    auto& verb =
        add_verb(app, "drain", "Tell the running sidecar to let go of the server and start nothing new",
                 "  lifeboat drain\n"
                 "  lifeboat drain --instance basketball-api --json\n"
                 "  kubectl exec basketball-api-0 -c lifeboat -- lifeboat drain\n"
                 "\n"
                 "For a preStop hook, where the sidecar gets its SIGTERM only after the server has to be gone.\n"
                 "Ends a backup that is under way and returns when every connection to the server is closed,\n"
                 "after 10 s at most. It lasts until the sidecar ends, or for an hour. Needs no settings.\n"
                 "Exit codes: 0 drained, 1 not (no sidecar runs here, it did not manage in time), 2 several\n"
                 "sidecars run here and none was chosen.\n");
    verb.callback([&action] { action = drain; });
}

}  // namespace lifeboat::cli
