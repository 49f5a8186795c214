#include "age/keys.hpp"
#include "config/show.hpp"
#include "verbs.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

namespace lifeboat::cli {
namespace {

using Json = nlohmann::ordered_json;

// What the settings alone cannot see: whether each recipient's checksum is right, and whether the store is of a
// kind that can be opened.
std::vector<config::Problem> deeper_problems(const config::Loaded& loaded) {
    std::vector<config::Problem> problems;
    const auto add = [&](const std::string& key, const Error& error) {
        const auto origin = loaded.origins.find(key);
        problems.push_back({origin == loaded.origins.end() ? "" : origin->second.text(), key, error.what, error.next});
    };
    for (const auto& text : loaded.settings.encryption.recipients) {
        if (auto recipient = age::Recipient::parse(text); !recipient) {
            add("encryption.recipients", recipient.error());
        }
    }
    if (loaded.settings.store.url) {
        if (auto store = open_store(loaded.settings, {}); !store) {
            add("store.url", store.error());
        }
    }
    return problems;
}

void print_check_json(const std::vector<config::Problem>& problems, const std::vector<std::string>& warnings) {
    Json list = Json::array();
    for (const auto& problem : problems) {
        list.push_back(
            {{"place", problem.place}, {"key", problem.key}, {"what", problem.what}, {"next", problem.next}});
    }
    print_line(Json{{"valid", problems.empty()}, {"problems", std::move(list)}, {"warnings", warnings}}.dump(
        2, ' ', false, Json::error_handler_t::replace));
}

// For a look at a file in its repository, whose secrets are in the pod alone. What stands in for them is well-formed as
// a key, as a password and as an address.
config::Sources without_secrets(config::Sources sources) {
    const auto settings_file = sources.config.value_or(sources.default_config);
    sources.read = [read = sources.read, settings_file](const std::filesystem::path& path) -> Result<std::string> {
        auto content = read(path);
        const bool absent = !content && content.error().kind == ErrorKind::not_found;
        return absent && path != settings_file ? Result<std::string>("https://stand-in.invalid/") : content;
    };
    return sources;
}

Result<ExitCode> check(Session& session, bool secrets) {
    const auto sources = secrets ? session.sources() : without_secrets(session.sources());
    auto attempt = config::attempt(sources, config::Needs::everything());
    auto problems = std::move(attempt.problems);
    for (auto& problem : deeper_problems(attempt.loaded)) {
        problems.push_back(std::move(problem));
    }
    const auto& warnings = attempt.loaded.warnings;
    if (session.flags.json) {
        print_check_json(problems, warnings);
        return problems.empty() ? ExitCode::done : ExitCode::usage;
    }
    for (const auto& warning : warnings) {
        Session::note("warning: " + warning);
    }
    if (!problems.empty()) {
        return config::error_from(problems);
    }
    print_line("the settings are valid");
    return ExitCode::done;
}

Result<ExitCode> show(Session& session) {
    // Settings that are not whole can be looked at all the same; what is wrong is said beside them.
    const auto attempt = config::attempt(session.sources(), config::Needs{.store = true, .postgres = true});
    print(session.flags.json ? config::show_json(attempt.loaded) + "\n" : config::show(attempt.loaded));
    if (!attempt.problems.empty()) {
        return config::error_from(attempt.problems);
    }
    return ExitCode::done;
}

}  // namespace

void add_config(CLI::App& app, Action& action) {
    auto& verb = add_verb(app, "config", "Check or show the settings",
                          "  lifeboat config check --config ./lifeboat.toml\n"
                          "  lifeboat config show\n");
    verb.require_subcommand(1);
    auto& check_verb = add_verb(verb, "check", "Is everything a backup needs there and valid?",
                                "  lifeboat config check\n"
                                "  lifeboat config check --config ./lifeboat.toml --without-secrets\n"
                                "  lifeboat config check --config ./lifeboat.toml --json\n");
    const auto absent = std::make_shared<bool>(false);
    check_verb.add_flag("--without-secrets", *absent, "The files that hold secrets need not be here");
    check_verb.callback(
        [&action, absent] { action = [absent](Session& session) { return check(session, !*absent); }; });
    auto& show_verb = add_verb(verb, "show", "The effective settings with their origin, secrets hidden",
                               "  lifeboat config show\n  lifeboat config show --json\n");
    show_verb.callback([&action] { action = show; });
}

}  // namespace lifeboat::cli
