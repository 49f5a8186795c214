#include "cli/command_line.hpp"

#include "config/suggest.hpp"
#include "format.hpp"
#include "verbs.hpp"

#include <CLI/CLI.hpp>
#include <cctype>
#include <cstdio>
#include <optional>

namespace lifeboat::cli {
namespace {

constexpr const char* about = "Lifeboat: encrypted, provable PostgreSQL backups, off the cluster.";

constexpr const char* footer = R"(
Every verb has --help with examples. Exit codes: 0 done, 1 failed, 2 wrong usage or settings, 3 something is wrong
with what was looked at, 4 not found, 5 refused to protect data, 128+N ended by signal N.)";

void add_global_flags(CLI::App& app, GlobalFlags& flags) {
    app.add_option("--config", flags.config, "Settings file [/etc/lifeboat/lifeboat.toml, if it is there]")
        ->type_name("FILE");
    app.add_option("--store", flags.store, "Where backups lie: s3://BUCKET/PREFIX or file:///FOLDER")->type_name("URL");
    app.add_option("--endpoint", flags.endpoint, "The S3 server, as https://HOST")->type_name("URL");
    app.add_option("--region", flags.region, "The region to sign for [derived from the endpoint]")->type_name("NAME");
    app.add_option("--instance", flags.instance, "Whose backups")->type_name("NAME");
    app.add_option("--log-level", flags.log_level, "trace, debug, info, warn or error")->type_name("LEVEL");
    app.add_option("-i,--identity", flags.identities, "Key file that opens backups; may repeat; - is standard input")
        ->type_name("FILE")
        ->allow_extra_args(false)
        ->take_all();
    app.add_flag("--json", flags.json, "Print the result as JSON");
}

void report(const Error& error) {
    std::fprintf(stderr, "lifeboat: %s\n", printable_lines(whole_text(error)).c_str());
    if (!error.next.empty()) {
        std::fprintf(stderr, "  next: %s\n", printable_lines(error.next).c_str());
    }
}

// Nothing may be lost between us and a full disk or a closed pipe: a result that was not written is no success.
bool flush_results() {
    return std::fflush(stdout) == 0 && std::ferror(stdout) == 0;
}

int perform(const Action& action, Session& session) {
    auto result = action(session);
    if (!flush_results() && result) {
        report(failed("cannot write to standard output"));
        return static_cast<int>(ExitCode::failed);
    }
    if (!result) {
        report(result.error());
        return exit_code(result.error(), session.signal());
    }
    return static_cast<int>(*result);
}

// The last verb that was understood: `lifeboat` itself, `lifeboat config`, `lifeboat config check`.
const CLI::App& deepest(const CLI::App& app) {
    const auto verbs = app.get_subcommands();
    return verbs.empty() ? app : deepest(*verbs.front());
}

// The first thing that is no flag where a verb of `verb` had to stand. What a verb does not know falls through to
// `app`.
std::optional<std::string> unknown_verb(const CLI::App& app, const CLI::App& verb) {
    if (verb.get_subcommands(nullptr).empty()) {
        return std::nullopt;
    }
    for (const auto& word : app.remaining()) {
        if (!word.empty() && word.front() != '-') {
            return word;
        }
    }
    return std::nullopt;
}

std::string spelled_out(const CLI::App& verb) {
    return verb.get_parent() == nullptr ? verb.get_name() : spelled_out(*verb.get_parent()) + " " + verb.get_name();
}

// CLI11's sentences begin with a capital. A positional's name is all capitals, and stays.
std::string begun_small(std::string what) {
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(what[i]); };
    if (what.size() > 1 && std::isupper(at(1)) == 0) {
        what.front() = static_cast<char>(std::tolower(at(0)));
    }
    return what;
}

int complain(const CLI::App& app, std::string what) {
    const CLI::App& verb = deepest(app);
    std::string next = spelled_out(verb) + " --help shows what there is";
    if (const auto word = unknown_verb(app, verb)) {
        what = "there is no verb '" + *word + "'";
        std::vector<std::string> verbs;
        for (const auto* known : verb.get_subcommands(nullptr)) {
            verbs.push_back(known->get_name());
        }
        if (const auto meant = config::closest(*word, verbs)) {
            next = "did you mean '" + spelled_out(verb) + " " + *meant + "'?";
        }
    }
    what = begun_small(std::move(what));
    report({ErrorKind::usage, what, next});
    return static_cast<int>(ExitCode::usage);
}

}  // namespace

CLI::App& add_verb(CLI::App& app, const std::string& name, const std::string& does, const std::string& examples) {
    CLI::App* verb = app.add_subcommand(name, does);
    verb->fallthrough();
    verb->footer(
        "\nAlso the flags of `lifeboat --help`, such as --config, --store and -i, before or after the verb.\n"
        "\nExamples:\n" +
        examples);
    return *verb;
}

void add_id(CLI::App& verb, std::string& id) {
    verb.add_option("ID", id, "A backup id, a time (UTC; the newest that started by then), or latest")->required();
}

int run(int argc, char** argv, char** environment, os::StopSignals& signals) {
    Session session(config::environment_from(environment), signals);
    Action action;
    CLI::App app(about, "lifeboat");
    app.footer(footer);
    app.set_version_flag("--version", std::string("lifeboat ") + LIFEBOAT_VERSION);
    app.require_subcommand(0, 1);
    add_global_flags(app, session.flags);
    for (const auto add :
         {add_run, add_backup, add_list, add_status, add_show, add_diff, add_cat, add_verify, add_restore, add_drill,
          add_prune, add_accept, add_doctor, add_drain, add_keygen, add_config, add_child}) {
        add(app, action);
    }
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& success) {
        return app.exit(success);  // help and version
    } catch (const CLI::ParseError& error) {
        return complain(app, error.what());
    }
    using Role = os::StopSignals::Role;
    signals.listen(app.got_subcommand("run") ? Role::service : Role::command);
    return action ? perform(action, session) : complain(app, "no verb was given");
}

}  // namespace lifeboat::cli
