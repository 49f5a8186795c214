#include "config/load.hpp"

#include <algorithm>
#include <cstdint>
#include <exception>
#include <tuple>
#include <utility>

#include "checks.hpp"
#include "config/suggest.hpp"
#include "document.hpp"
#include "keys.hpp"
#include "max_delete.hpp"
#include "raw.hpp"
#include "result/in_quotes.hpp"
#include "secret_file.hpp"

namespace lifeboat::config {
namespace {

constexpr std::string_view our_prefix = "LIFEBOAT_";
constexpr std::string_view keys_are_listed = "remove it; `lifeboat config show` lists the keys there are";

// One source's word on one key.
struct Given {
    Origin origin;
    std::string place;  // for messages: with the column, where there is one
    Position at;        // of a file
    Raw raw;
    bool names_file = false;  // the value is the path of a file that holds the secret
};

// Problems in the order in which one would look for them: through the file, then the environment, then flags.
struct Found {
    Origin::Kind level = Origin::Kind::default_value;
    Position at;
    Problem problem;
};

// The environment variables that Kubernetes makes of a Service named "lifeboat".
bool is_service_link(std::string_view name) {
    return name == "LIFEBOAT_PORT" || name.starts_with("LIFEBOAT_PORT_") || name.starts_with("LIFEBOAT_SERVICE_");
}

std::vector<std::string> names_in_table(const std::string& table) {
    std::vector<std::string> names;
    for (const Key& key : all_keys()) {
        if (key.table == table) {
            names.push_back(key.name);
            if (key.is_secret) {
                names.push_back(key.file_name());
            }
        }
    }
    return names;
}

std::vector<std::string> environment_names() {
    std::vector<std::string> names;
    for (const Key& key : all_keys()) {
        names.push_back(key.environment());
        if (key.is_secret) {
            names.push_back(key.file_environment());
        }
    }
    return names;
}

// Which table has a key of this name, for one that was written into the wrong table or into none.
const Key* key_of_any_table(const std::string& name) {
    for (const Key& key : all_keys()) {
        if (key.name == name || (key.is_secret && key.file_name() == name)) {
            return &key;
        }
    }
    return nullptr;
}

std::string cure_for_unknown_key(const std::string& table, const std::string& name) {
    const auto meant = closest(name, names_in_table(table));
    const Key* const elsewhere = key_of_any_table(name);
    if (elsewhere != nullptr) {
        return "write it under [" + elsewhere->table + "]";
    }
    return meant ? "did you mean '" + *meant + "'?" : std::string(keys_are_listed);
}

std::string cure_for_unknown_table(const std::string& name) {
    if (const Key* const key = key_of_any_table(name)) {
        return "write it under [" + key->table + "]";
    }
    const auto meant = closest(name, all_tables());
    return meant ? "did you mean [" + *meant + "]?" : std::string(keys_are_listed);
}

bool needed(const std::string& table, const Needs& needs) {
    return table == "store" ? needs.store : table == "postgres" ? needs.postgres : table != "notify" || needs.notify;
}

class Loader {
public:
    Loader(const Sources& sources, const Needs& needs) : sources_(sources), needs_(needs), given_(all_keys().size()) {}

    void take_file();
    void take_text(std::string_view text, const std::filesystem::path& path);
    Attempt finish();

private:
    void take_section(const Section& section, const std::string& path);
    void take_entry(const Section& section, const Entry& entry, const std::string& path);
    void take_environment();
    void warn_of_unknown(const std::string& name);
    void take_flags();
    void take_standard_names();
    void take_standard_name(const Key& key);
    void tell_what_libpq_takes();
    void settle(const Key& key);
    void apply(const Key& key, const Given& given);
    Result<Raw> secret_behind(const Given& given);
    bool is_given_twice(const Key& key);
    void fit_max_delete();
    void check_missing();
    void check_values_together();

    std::vector<Given>& given(const Key& key) { return given_[static_cast<std::size_t>(&key - all_keys().data())]; }
    void complain(const Given& given, const std::string& key, const Error& error);
    void complain(Position at, const std::string& path, std::string key, std::string what, std::string next);
    void complain_of_missing(std::string_view dotted, std::string next);

    const Sources& sources_;
    const Needs needs_;
    std::vector<std::vector<Given>> given_;  // beside all_keys(), weakest first
    std::vector<Found> found_;
    bool file_is_broken_ = false;
    Loaded loaded_;
};

void Loader::complain(const Given& given, const std::string& key, const Error& error) {
    found_.push_back({given.origin.kind, given.at, {given.place, key, error.what, error.next}});
}

void Loader::complain(Position at, const std::string& path, std::string key, std::string what, std::string next) {
    std::string place = path;
    if (at.line > 0) {
        place += ":" + std::to_string(at.line) + ":" + std::to_string(at.column);
    }
    found_.push_back({Origin::Kind::file, at, {std::move(place), std::move(key), std::move(what), std::move(next)}});
}

void Loader::take_file() {
    const std::filesystem::path& path = sources_.config ? *sources_.config : sources_.default_config;
    loaded_.files.push_back(path);
    auto text = sources_.read(path);
    if (!text) {
        if (sources_.config || text.error().kind != ErrorKind::not_found) {
            file_is_broken_ = true;
            complain({}, path.string(), "", text.error().what, text.error().next);
        }
        return;
    }
    take_text(*text, path);
}

void Loader::take_text(std::string_view text, const std::filesystem::path& path) {
    const Document document = parse_document(text);
    if (document.error) {
        file_is_broken_ = true;
        complain(document.error->at, path.string(), "", "is no TOML: " + document.error->what,
                 "correct this line; texts stand in double quotes, and each key has a line of its own");
    }
    for (const Section& section : document.sections) {
        take_section(section, path.string());
    }
}

void Loader::take_section(const Section& section, const std::string& path) {
    const auto& tables = all_tables();
    const bool known = std::find(tables.begin(), tables.end(), section.name) != tables.end();
    if (!known) {
        const std::string kind = section.form == Raw::Form::table ? "unknown table" : "unknown key";
        complain(section.at, path, section.name, kind, cure_for_unknown_table(section.name));
        return;
    }
    if (section.form != Raw::Form::table) {
        complain(section.at, path, section.name, "is a table, not a value",
                 "write [" + section.name + "] on a line of its own, once, and its keys below");
        return;
    }
    for (const Entry& entry : section.entries) {
        take_entry(section, entry, path);
    }
}

void Loader::take_entry(const Section& section, const Entry& entry, const std::string& path) {
    Given each;
    each.origin = {Origin::Kind::file, path, entry.name_at.line, std::nullopt};
    each.at = entry.value_at;
    each.place = path + ":" + std::to_string(each.at.line) + ":" + std::to_string(each.at.column);
    each.raw = entry.value;
    const Key* key = find_key(section.name, entry.name);
    if (key == nullptr && entry.name.ends_with("_file")) {
        const Key* const secret = find_key(section.name, entry.name.substr(0, entry.name.size() - 5));
        key = secret != nullptr && secret->is_secret ? secret : nullptr;
        each.names_file = true;
    }
    if (key == nullptr) {
        complain(entry.name_at, path, section.name + "." + entry.name, "unknown key",
                 cure_for_unknown_key(section.name, entry.name));
        return;
    }
    given(*key).push_back(std::move(each));
}

void Loader::take_environment() {
    for (const Key& key : all_keys()) {
        const auto take = [&](const std::string& name, bool names_file) {
            const auto found = sources_.environment.find(name);
            if (found != sources_.environment.end()) {
                given(key).push_back({{Origin::Kind::environment, name, 0, std::nullopt},
                                      name,
                                      {},
                                      Raw::text(found->second),
                                      names_file});
            }
        };
        if (key.from_text) {
            take(key.environment(), false);
        }
        if (key.is_secret) {
            take(key.file_environment(), true);
        }
    }
    for (const auto& [name, value] : sources_.environment) {
        warn_of_unknown(name);
    }
}

void Loader::warn_of_unknown(const std::string& name) {
    static const std::vector<std::string> known = environment_names();
    if (!name.starts_with(our_prefix) || is_service_link(name)) {
        return;
    }
    if (name == find_key("drill.checks")->environment()) {
        loaded_.warnings.push_back(name + " is ignored: drill.checks can be given in the file only");
        return;
    }
    if (std::find(known.begin(), known.end(), name) != known.end()) {
        return;
    }
    const auto meant = closest(name, known);
    loaded_.warnings.push_back("environment variable " + in_quotes(name) + " is not known and ignored" +
                               (meant ? "; did you mean " + *meant + "?" : ""));
}

void Loader::take_flags() {
    for (const auto& [dotted, value] : sources_.flags) {
        const Key* const key = find_key(dotted);
        if (key == nullptr) {
            found_.push_back(
                {Origin::Kind::flag, {}, {"command line", dotted, "unknown key", std::string(keys_are_listed)}});
            continue;
        }
        const std::string name = key->flag.empty() ? dotted : key->flag;
        Given each{{Origin::Kind::flag, name, 0, std::nullopt}, name, {}, Raw::text(value), false};
        auto& words = given(*key);
        const bool again = !words.empty() && words.back().origin.kind == Origin::Kind::flag;
        if (key->is_list && again) {
            words.back().raw.list.push_back(std::move(each.raw));
            continue;
        }
        if (key->is_list) {
            Raw element = std::exchange(each.raw, Raw{});
            each.raw.form = Raw::Form::list;
            each.raw.list.push_back(std::move(element));
        }
        if (again) {
            words.pop_back();  // the last one on the command line counts
        }
        words.push_back(std::move(each));
    }
}

void Loader::take_standard_names() {
    const Key& id = *find_key("store.access_key_id");
    for (const Key& key : all_keys()) {
        // Another key's token does not fit ours.
        const bool token_of_another = key.name == "session_token" && !given(id).empty() &&
                                      given(id).back().origin.kind != Origin::Kind::standard_name;
        if (given(key).empty() && !token_of_another) {
            take_standard_name(key);
        }
    }
}

void Loader::take_standard_name(const Key& key) {
    for (const std::string& name : key.standard_names) {
        const auto found = sources_.environment.find(name);
        if (found != sources_.environment.end() && !found->second.empty()) {
            given(key).push_back(
                {{Origin::Kind::standard_name, name, 0, std::nullopt}, name, {}, Raw::text(found->second), false});
            return;
        }
    }
}

// libpq reads these by itself where nothing stronger is given. Told as the origin, so that `config show` does not say
// "default" of a server that the environment chose.
void Loader::tell_what_libpq_takes() {
    using Names = std::vector<std::string>;
    const auto tell = [&](const char* dotted, const Names& names) {
        std::string set;
        for (const std::string& name : names) {
            const auto found = sources_.environment.find(name);
            if (found != sources_.environment.end() && !found->second.empty()) {
                set += (set.empty() ? "" : ", ") + name;
            }
        }
        if (given(*find_key(dotted)).empty() && !set.empty()) {
            loaded_.origins[dotted] = {Origin::Kind::standard_name, set, 0, std::nullopt};
        }
    };
    tell("postgres.uri", {"PGSERVICE", "PGHOST", "PGHOSTADDR", "PGPORT", "PGUSER", "PGDATABASE"});
    const Json uri = find_key("postgres.uri")->show(loaded_.settings);
    const bool holds_password =
        uri.is_string() && uri.get_ref<const std::string&>().find("(hidden)") != std::string::npos;
    if (!holds_password) {
        tell("postgres.password", {"PGPASSWORD", "PGPASSFILE"});
    }
}

// `x` and `x_file` from the same source: neither is the stronger one.
bool Loader::is_given_twice(const Key& key) {
    const auto& words = given(key);
    for (std::size_t i = 1; i < words.size(); ++i) {
        if (words[i].origin.kind == words[i - 1].origin.kind) {
            complain(words[i], key.dotted(),
                     {ErrorKind::usage, "is given twice, as " + key.name + " and as " + key.file_name(),
                      "take one of them away"});
            return true;
        }
    }
    return false;
}

// Weaker sources are applied too: what they get wrong is told, and what they get right stands in where a
// stronger one is wrong. Only the strongest word on a secret leads to a file being read.
void Loader::settle(const Key& key) {
    loaded_.origins.emplace(key.dotted(), Origin{});
    auto& words = given(key);
    std::stable_sort(words.begin(), words.end(),
                     [](const Given& a, const Given& b) { return a.origin.kind < b.origin.kind; });
    if (is_given_twice(key)) {
        return;
    }
    for (const Given& word : words) {
        const bool overruled = &word != &words.back();
        if (!(overruled && word.names_file)) {
            apply(key, word);
        }
    }
}

void Loader::apply(const Key& key, const Given& given) {
    Origin origin = given.origin;
    Raw raw = given.raw;
    if (given.names_file) {
        if (!raw.is_string() || raw.string.empty()) {
            complain(
                given, key.table + "." + key.file_name(),
                {ErrorKind::usage, "expected path, found " + std::string(raw.is_string() ? "nothing" : raw.form_name()),
                 "give the path of the file that holds the secret"});
            return;
        }
        origin.secret_file = raw.string;
        if (!needed(key.table, needs_)) {
            loaded_.origins[key.dotted()] = origin;
            return;
        }
        auto content = secret_behind(given);
        if (!content) {
            complain(given, key.table + "." + key.file_name(), content.error());
            found_.back().problem.only_notification = key.table == "notify";
            return;
        }
        raw = std::move(*content);
    }
    if (Status set = key.set(loaded_.settings, raw); !set) {
        const Error error =
            given.names_file ? in_context("file " + in_quotes(origin.secret_file->string()), set.error()) : set.error();
        complain(given, key.dotted(), error);
        return;
    }
    if (origin.secret_file) {
        loaded_.settings.secret_files[key.dotted()] = *origin.secret_file;
    } else {
        loaded_.settings.secret_files.erase(key.dotted());
    }
    loaded_.origins[key.dotted()] = origin;
}

Result<Raw> Loader::secret_behind(const Given& given) {
    const std::filesystem::path path = given.raw.string;
    loaded_.files.push_back(path);
    return read_secret(sources_.read, path);
}

// Once the schedule is settled, whichever source it is from.
void Loader::fit_max_delete() {
    Settings& settings = loaded_.settings;
    Origin& origin = loaded_.origins["retention.max_delete"];
    if (origin.kind != Origin::Kind::default_value) {
        if (auto warning = warning_of_max_delete(settings)) {
            loaded_.warnings.push_back(*std::move(warning));
        }
        return;
    }
    const unsigned fitting = max_delete_by(settings.schedule.cron);
    if (fitting != settings.retention.max_delete) {
        settings.retention.max_delete = fitting;
        origin.name = "schedule.cron";
    }
}

void Loader::complain_of_missing(std::string_view dotted, std::string next) {
    found_.push_back({Origin::Kind::flag, {SIZE_MAX, 0}, {"", std::string(dotted), "is missing", std::move(next)}});
}

// Not where the file could not be read, which may well hold them, and not where a wrong value was told already.
void Loader::check_missing() {
    if (file_is_broken_) {
        return;
    }
    const auto absent = [this](std::string_view dotted) { return given(*find_key(dotted)).empty(); };
    if (needs_.instance && absent("instance.name")) {
        complain_of_missing("instance.name",
                            "set name under [instance], LIFEBOAT_INSTANCE_NAME, or give --instance NAME");
    }
    if (needs_.store && absent("store.url")) {
        complain_of_missing("store.url", "set url under [store], LIFEBOAT_STORE_URL, or give --store URL");
    }
    const Encryption& encryption = loaded_.settings.encryption;
    const bool nothing_said = absent("encryption.recipients") || encryption.recipients.empty();
    const bool wrong_said = !absent("encryption.recipients") &&
                            loaded_.origins["encryption.recipients"].kind == Origin::Kind::default_value;
    if (needs_.recipients && encryption.mode == EncryptionMode::age && nothing_said && !wrong_said) {
        complain_of_missing("encryption.recipients",
                            "set recipients under [encryption], or LIFEBOAT_ENCRYPTION_RECIPIENTS, to public keys "
                            "(`lifeboat keygen` makes one); or set mode = \"none\" to store in plain");
    }
}

void Loader::check_values_together() {
    for (Finding& finding : check_together(loaded_.settings, needs_, sources_.zoneinfo)) {
        const auto& words = given(*find_key(finding.key));
        if (words.empty()) {
            found_.push_back({Origin::Kind::flag,
                              {SIZE_MAX, 0},
                              {"", finding.key, std::move(finding.what), std::move(finding.next)}});
            continue;
        }
        complain(words.back(), finding.key, {ErrorKind::usage, finding.what, finding.next});
    }
}

Attempt Loader::finish() {
    take_environment();
    take_flags();
    take_standard_names();
    for (const Key& key : all_keys()) {
        settle(key);
    }
    tell_what_libpq_takes();
    fit_max_delete();
    check_missing();
    check_values_together();
    std::stable_sort(found_.begin(), found_.end(), [](const Found& a, const Found& b) {
        return std::tuple(a.level, a.at.line, a.at.column) < std::tuple(b.level, b.at.line, b.at.column);
    });
    Attempt attempt;
    attempt.loaded = std::move(loaded_);
    for (Found& found : found_) {
        attempt.problems.push_back(std::move(found.problem));
    }
    return attempt;
}

// Running out of memory, or a path that the library cannot take: nothing that the settings could say.
Attempt broken(const std::exception& error) {
    Attempt attempt;
    attempt.problems.push_back({"", "", std::string("could not be loaded: ") + error.what(), "try again"});
    return attempt;
}

}  // namespace

Environment environment_from(const char* const* entries) {
    Environment environment;
    for (; entries != nullptr && *entries != nullptr; ++entries) {
        const std::string_view entry = *entries;
        if (const std::size_t equals = entry.find('='); equals != std::string_view::npos) {
            environment.emplace(entry.substr(0, equals), entry.substr(equals + 1));
        }
    }
    return environment;
}

std::string Origin::text() const {
    std::string text = kind != Kind::default_value ? name : name.empty() ? "default" : "default, by " + name;
    if (line > 0) {
        text += ":" + std::to_string(line);
    }
    return secret_file ? text + " (" + secret_file->string() + ")" : text;
}

std::string Problem::text() const {
    std::string text = place;
    for (const std::string& part : {key, what}) {
        if (!part.empty()) {
            text += (text.empty() ? "" : ": ") + part;
        }
    }
    return text;
}

Attempt attempt(const Sources& sources, const Needs& needs) {
    try {
        Loader loader(sources, needs);
        loader.take_file();
        return loader.finish();
    } catch (const std::exception& error) {
        return broken(error);
    }
}

Attempt attempt_text(std::string_view text, const std::filesystem::path& path, const Sources& sources,
                     const Needs& needs) {
    try {
        Loader loader(sources, needs);
        loader.take_text(text, path);
        return loader.finish();
    } catch (const std::exception& error) {
        return broken(error);
    }
}

Error error_from(const std::vector<Problem>& problems) {
    if (problems.size() == 1) {
        return {ErrorKind::usage, problems.front().text(), problems.front().next};
    }
    std::string what = std::to_string(problems.size()) + " problems in the settings:";
    for (const Problem& problem : problems) {
        what += "\n  " + problem.text() + "; " + problem.next;
    }
    return {ErrorKind::usage, std::move(what), "correct them, then run `lifeboat config check`"};
}

Result<Loaded> load(const Sources& sources, const Needs& needs) {
    Attempt result = attempt(sources, needs);
    if (!result.problems.empty()) {
        return error_from(result.problems);
    }
    return std::move(result.loaded);
}

}  // namespace lifeboat::config
