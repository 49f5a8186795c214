// One function per verb: adds it to the command line, and what it does to `action` when it was called.
#pragma once

#include "session.hpp"

#include <functional>

namespace CLI {  // NOLINT(readability-identifier-naming): the library's own name
class App;
}

namespace lifeboat::cli {

using Action = std::function<Result<ExitCode>(Session&)>;

void add_run(CLI::App& app, Action& action);
void add_child(CLI::App& app, Action& action);
void add_backup(CLI::App& app, Action& action);
void add_list(CLI::App& app, Action& action);
void add_show(CLI::App& app, Action& action);
void add_diff(CLI::App& app, Action& action);
void add_cat(CLI::App& app, Action& action);
void add_verify(CLI::App& app, Action& action);
void add_restore(CLI::App& app, Action& action);
void add_accept(CLI::App& app, Action& action);
void add_drill(CLI::App& app, Action& action);
void add_keygen(CLI::App& app, Action& action);
void add_status(CLI::App& app, Action& action);
void add_doctor(CLI::App& app, Action& action);
void add_drain(CLI::App& app, Action& action);
void add_prune(CLI::App& app, Action& action);
void add_config(CLI::App& app, Action& action);

// What all verbs agree on: a subcommand that takes global flags after it and shows `examples` in its help.
CLI::App& add_verb(CLI::App& app, const std::string& name, const std::string& does, const std::string& examples);

// "ID" as a required argument.
void add_id(CLI::App& verb, std::string& id);

}  // namespace lifeboat::cli
