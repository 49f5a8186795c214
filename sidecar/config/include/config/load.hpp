// From the command line, the environment and lifeboat.toml to Settings, with every complaint at once.
//
// The stronger source wins, key by key: flag, LIFEBOAT_<TABLE>_<KEY>, file, the standard AWS_* names, default.
// (PG* names and ~/.pgpass are left to libpq.) Every secret can also be given as the path of a file that holds
// it, under the key's name with `_file` behind it: `password_file`, LIFEBOAT_POSTGRES_PASSWORD_FILE.
// Nothing here reads the process's own environment or keeps any state: the same sources give the same answer.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/settings.hpp"
#include "config/small_file.hpp"
#include "result/result.hpp"

namespace lifeboat::config {

using Environment = std::map<std::string, std::string, std::less<>>;

// Takes the form that main() and `environ` have: "NAME=value" texts, a null pointer last.
Environment environment_from(const char* const* entries);

// The whole content of a small file, or an error as read_small_file() has it.
using ReadFile = std::function<Result<std::string>(const std::filesystem::path&)>;

struct Sources {
    std::optional<std::filesystem::path> config;                           // --config: must exist
    std::filesystem::path default_config = "/etc/lifeboat/lifeboat.toml";  // without --config; may be absent
    // Keys in their dotted form: {"store.url", "file:///srv/backups"}. For a list, each entry is one element.
    std::vector<std::pair<std::string, std::string>> flags;
    Environment environment;
    std::filesystem::path zoneinfo = "/usr/share/zoneinfo";  // where absent, any well-spelt time zone is taken
    ReadFile read = read_small_file;  // for the settings file and every secret file; see config/inputs.hpp
};

// What a verb cannot do without. A needed value that is missing is a problem; secret files of tables that are
// not needed are neither read nor required, so that reading a backup never fails for a password's sake.
struct Needs {
    bool instance = false;    // instance.name
    bool store = false;       // store.url; reads the store's secrets
    bool postgres = false;    // requires nothing; reads the server's secrets
    bool recipients = false;  // encryption.recipients, or encryption.mode = "none"
    bool notify = false;      // requires nothing; reads the notifications' secrets

    // For `config check`, `config show` and the sidecar.
    static constexpr Needs everything() { return {true, true, true, true, true}; }
};

// Where a value comes from.
struct Origin {
    enum class Kind { default_value, standard_name, file, environment, flag };
    Kind kind = Kind::default_value;
    std::string name;      // the file's path, the environment name or the flag; of a default, the key it follows from
    std::size_t line = 0;  // of a file, from 1
    std::optional<std::filesystem::path> secret_file;  // the secret itself stands in there

    // For people: "default", "default, by schedule.cron", "/etc/lifeboat/lifeboat.toml:12", "LIFEBOAT_STORE_URL",
    // "--store".
    [[nodiscard]] std::string text() const;
};

struct Loaded {
    Settings settings;
    std::map<std::string, Origin, std::less<>> origins;  // for every key, by its dotted name: "store.url"
    std::vector<std::string> warnings;                   // one line each
    // Every file that was looked at, there or not: the settings file, then secret files. For a watch.
    std::vector<std::filesystem::path> files;
};

// One thing that is wrong. Never holds a secret.
struct Problem {
    std::string place;  // "lifeboat.toml:3:1", "LIFEBOAT_STORE_URL", "--store"; empty where something is missing
    std::string key;    // "store.url"; empty where the file is no TOML
    std::string what;   // lower case
    std::string next;   // one instruction
    // It is the file of an address of [notify], which cannot be read or is empty: backups can be made without it.
    bool only_notification = false;

    // "<place>: <key>: <what>"
    [[nodiscard]] std::string text() const;
};

// Settings as far as they go: where something is wrong, the default stands in its place, and what other
// sources say still counts, also when the file cannot be parsed. So a sidecar with a broken configuration can
// serve its endpoint where the environment says, report the problems and watch the files for the cure.
struct Attempt {
    Loaded loaded;
    std::vector<Problem> problems;
};

// Never fails, never throws; reads files, and only those that `loaded.files` names.
Attempt attempt(const Sources& sources, const Needs& needs);

// The same with `text` as the content of the settings file, `path` being its name in messages.
Attempt attempt_text(std::string_view text, const std::filesystem::path& path, const Sources& sources,
                     const Needs& needs);

// All or nothing. The error (kind usage) tells all problems, one a line, each with its next step.
Result<Loaded> load(const Sources& sources, const Needs& needs);

// How load() tells problems; there must be one at least.
Error error_from(const std::vector<Problem>& problems);

}  // namespace lifeboat::config
