// `lifeboat doctor`: everything that a backup needs, a line each, and what a thief of this pod's secrets could do.
#include "backup/backup_job.hpp"
#include "backup_plan.hpp"
#include "doctor/secret_checks.hpp"
#include "doctor/server_checks.hpp"
#include "doctor/store_checks.hpp"
#include "doctor/thief.hpp"
#include "examination.hpp"
#include "s3/endpoint.hpp"
#include "store/directory_store.hpp"
#include "verbs.hpp"

#include <CLI/CLI.hpp>

#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <functional>
#include <future>
#include <mutex>
#include <random>
#include <thread>
#include <utility>

namespace lifeboat::cli {
namespace {

using std::chrono::milliseconds;

// A person waits, and was promised ten seconds. What takes longer is unknown. A statement that is cancelled may need
// three seconds more.
constexpr milliseconds server_patience{6000};
constexpr milliseconds store_patience{8000};
// Some calls can be ended by nobody: a name server that does not answer, a network share that went away.
constexpr milliseconds last_moment{9300};

// A store that is unwell is told of, and not waited for.
constexpr milliseconds retry_for{1500};

constexpr const char* service_account_token = "/var/run/secrets/kubernetes.io/serviceaccount/token";

// Asks for a stop when the user does, or when the time is over.
class Deadline {
public:
    Deadline(const std::stop_token& user, milliseconds patience)
        : on_user_(user, [this] { stop_.request_stop(); }), watch_([this, patience](const std::stop_token& end) {
              std::unique_lock lock(mutex_);
              over_.wait_for(lock, end, patience, [] { return false; });
              if (!end.stop_requested()) {
                  stop_.request_stop();
              }
          }) {}

    [[nodiscard]] std::stop_token token() const { return stop_.get_token(); }

private:
    std::stop_source stop_;
    std::stop_callback<std::function<void()>> on_user_;
    std::mutex mutex_;
    std::condition_variable_any over_;
    std::jthread watch_;
};

// A part of the examination on a thread of its own, which nobody waits for longer than until `last_moment`.
template <class Value>
class Part {
public:
    explicit Part(std::function<Value()> look) {
        std::packaged_task<Value()> task(std::move(look));
        future_ = task.get_future();
        std::thread(std::move(task)).detach();
    }

    // `otherwise`: when it never came back.
    Value take(std::chrono::steady_clock::time_point until, Value otherwise, bool& hangs) {
        if (future_.wait_until(until) == std::future_status::ready) {
            return future_.get();
        }
        hangs = true;
        return otherwise;
    }

private:
    std::future<Value> future_;
};

bool has_problem_with(const config::Attempt& attempt, std::string_view table) {
    return std::any_of(attempt.problems.begin(), attempt.problems.end(),
                       [&](const auto& problem) { return problem.key.starts_with(table); });
}

// The second is for whoever has a store and perhaps a key, and neither settings nor a server: --store without a file.
enum class Extent { everything, store_alone };

Extent extent_of(const Session& session) {
    std::error_code error;
    const bool settings = session.flags.config || std::filesystem::exists(config::Sources{}.default_config, error);
    return session.flags.store && !settings ? Extent::store_alone : Extent::everything;
}

config::Needs needs_of(Extent extent) {
    auto needs = config::Needs::everything();
    if (extent == Extent::store_alone) {
        needs = {};
        needs.instance = needs.store = true;
    }
    return needs;
}

// ---- settings and secrets
// --------------------------------------------------------------------------------------------

void append(doctor::Findings& to, doctor::Findings more) {
    to.insert(to.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

doctor::Findings settings_findings(const config::Attempt& attempt) {
    const std::string check = "settings";
    doctor::Findings findings;
    for (const auto& problem : attempt.problems) {
        findings.push_back(doctor::failed(check,
                                          (problem.place.empty() ? "" : problem.place + ": ") +
                                              (problem.key.empty() ? "" : problem.key + ": ") + problem.what,
                                          problem.next));
    }
    for (const auto& warning : attempt.loaded.warnings) {
        findings.push_back(doctor::warned(check, warning, "correct or remove it"));
    }
    if (attempt.problems.empty()) {
        findings.push_back(doctor::passed(check, "valid"));
    }
    return findings;
}

// Whoever may read the settings, a ConfigMap most often, would have them.
doctor::Findings inline_secrets(const config::Loaded& loaded) {
    doctor::Findings findings;
    for (const auto* key : {"postgres.password", "store.secret_access_key", "store.session_token"}) {
        const auto origin = loaded.origins.find(key);
        if (origin != loaded.origins.end() && origin->second.kind == config::Origin::Kind::file &&
            !origin->second.secret_file) {
            findings.push_back(doctor::warned(
                "secret " + std::string(key), "it stands in the settings themselves: " + origin->second.text(),
                "put it into a file of its own, and name that: " + std::string(key) + "_file"));
        }
    }
    return findings;
}

bool is_encrypted(const config::Settings& settings) {
    return settings.encryption.mode != config::EncryptionMode::none;
}

// The keys to try on the newest backup, and what is to be said of those that the settings name.
struct Keys {
    std::vector<age::Identity> identities = {};
    bool here = false;  // the settings name a file: one that is given by -i, or typed, is gone when this ends
    doctor::Findings findings = {};
};

// Where keys lie by the settings, whatever -i says for this once.
std::vector<std::string> identities_by_settings(const Session& session) {
    const std::string key = "encryption.identity_file";
    auto sources = session.sources();
    std::erase_if(sources.flags, [&](const auto& flag) { return flag.first == key; });
    return config::attempt(sources, {}).loaded.settings.encryption.identity_file;
}

doctor::Findings check_identity_file(const std::string& path) {
    return doctor::check_secret_files({{"encryption.identity_file", path}});
}

// Whoever gave -i wants that key to be tried: without it there is nothing to say. Those of the settings are not read.
Result<Keys> keys_of_flags(const Session& session, const config::Settings& settings) {
    auto given = session.read_identities(settings);
    if (!given) {
        return std::move(given).error();
    }
    Keys keys{*std::move(given)};
    for (const auto& path : identities_by_settings(session)) {
        std::error_code error;
        if (path != "-" && std::filesystem::exists(path, error)) {
            append(keys.findings, check_identity_file(path));
        }
        keys.here = keys.here || path != "-";
    }
    return keys;
}

// No backup needs them: one that cannot be read keeps nothing else from being examined.
Result<Keys> keys_of_settings(const Session& session, config::Settings settings) {
    Keys keys;
    for (const auto& path : std::exchange(settings.encryption.identity_file, {})) {
        keys.here = keys.here || path != "-";
        settings.encryption.identity_file = {path};
        auto read = session.read_identities(settings);
        if (!read && read.error().kind == ErrorKind::interrupted) {
            return std::move(read).error();
        }
        if (!read) {
            keys.findings.push_back(doctor::unread_identity(read.error()));
            continue;
        }
        if (path != "-") {
            append(keys.findings, check_identity_file(path));
        }
        keys.identities.insert(keys.identities.end(), read->begin(), read->end());
    }
    return keys;
}

doctor::Encryption encryption_of(const config::Settings& settings, const Keys& keys) {
    return !is_encrypted(settings) ? doctor::Encryption::none
           : keys.here             ? doctor::Encryption::opened_here
                                   : doctor::Encryption::to_others;
}

Chapter own_chapter(Extent extent, const config::Attempt& attempt, const Keys& keys) {
    const auto& settings = attempt.loaded.settings;
    const auto& kubernetes = settings.kubernetes;
    Chapter chapter{"Settings and secrets", settings_findings(attempt)};
    append(chapter.findings, doctor::check_secret_files(settings.secret_files));
    append(chapter.findings, inline_secrets(attempt.loaded));
    append(chapter.findings, keys.findings);
    if (extent == Extent::store_alone) {
        return chapter;
    }
    if (!has_problem_with(attempt, "encryption")) {
        append(chapter.findings, doctor::check_recipients(settings.encryption.recipients, is_encrypted(settings)));
    }
    append(chapter.findings, doctor::check_token(service_account_token, kubernetes.configmap.has_value() ||
                                                                            kubernetes.events || kubernetes.condition));
    return chapter;
}

// ---- the server
// ------------------------------------------------------------------------------------------------------

doctor::Findings look_at_server(const config::Settings& settings, const std::stop_token& stop) {
    const auto& postgres = settings.postgres;
    return doctor::check_server(
        {server_of(settings), postgres.databases, postgres.exclude, postgres.exclude_table_data,
         postgres.role == config::Role::any, postgres.bin_dir, backup::dump_memory(postgres.dump_memory)},
        stop);
}

// ---- the store
// -------------------------------------------------------------------------------------------------------

struct StorePart {
    doctor::Findings findings;
    doctor::StoreSights sights;
};

// Of a store that was not seen.
doctor::StoreSights only_the_kind(const config::Settings& settings) {
    doctor::StoreSights sights;
    sights.bucket = settings.store.url->kind == config::StoreUrl::Kind::s3;
    return sights;
}

std::string without_port(const std::string& host) {
    return host.substr(0, host.find(':', host.starts_with('[') ? host.find(']') : 0));
}

// No object of a backup has such a name.
std::string scratch_name() {
    std::random_device chance;
    return "doctor-" + std::to_string(chance()) + std::to_string(chance());
}

doctor::StoreQuestions questions_of(Extent extent, const config::Settings& settings, store::ObjectStore& store,
                                    catalogue::Layout layout) {
    doctor::StoreQuestions questions{store, std::move(layout)};
    questions.for_reading = extent == Extent::store_alone;
    const auto& keep = settings.retention;
    questions.retention = {keep.keep_days, keep.keep_last, keep.keep_weekly, keep.keep_monthly, keep.keep_yearly};
    questions.max_duration = std::chrono::ceil<std::chrono::hours>(settings.schedule.max_duration);
    questions.expires_after = settings.store.expires_after;
    questions.now = os::SystemClock().now();
    return questions;
}

StorePart examine_store(const doctor::StoreQuestions& questions, const std::vector<age::Identity>& identities,
                        bool encrypted) {
    auto found = doctor::check_store(questions);
    if (encrypted || !identities.empty()) {
        append(found.findings,
               doctor::check_identities(questions.store, found.catalogue ? &*found.catalogue : nullptr, identities));
    }
    return {std::move(found.findings), found.sights};
}

Result<StorePart> look_at_folder(Extent extent, const config::Settings& settings, const catalogue::Layout& layout,
                                 const std::vector<age::Identity>& identities) {
    auto store = store::open_directory(settings.store.url->folder.string());
    if (!store) {
        return std::move(store).error();
    }
    auto questions = questions_of(extent, settings, **store, layout);
    questions.folder = settings.store.url->folder;
    return examine_store(questions, identities, is_encrypted(settings));
}

Result<StorePart> look_at_bucket(Extent extent, const config::Settings& settings, const catalogue::Layout& layout,
                                 const std::vector<age::Identity>& identities, const std::stop_token& stop) {
    auto options = s3_options_of(settings, stop);
    auto endpoint = s3::resolve_endpoint(settings.store.endpoint, settings.store.region);
    if (!options || !endpoint) {
        return options ? std::move(endpoint).error() : std::move(options).error();
    }
    options->retry_for = retry_for;
    auto store = store::open_s3(*options);
    auto probe = store::open_bucket_probe(*options);
    if (!store || !probe) {
        return store ? std::move(probe).error() : std::move(store).error();
    }
    auto questions = questions_of(extent, settings, **store, layout);
    questions.probe = probe->get();
    questions.endpoint_host = without_port(endpoint->host);
    questions.plain_http = endpoint->scheme == "http";
    questions.region_given = settings.store.region.has_value();
    questions.scratch_name = scratch_name();
    if (settings.store.object_lock) {
        const auto days = std::chrono::floor<std::chrono::days>(settings.store.object_lock->retain).count();
        questions.lock_days = static_cast<std::uint64_t>(days);
    }
    return examine_store(questions, identities, is_encrypted(settings));
}

StorePart look_at_store(Extent extent, const config::Settings& settings, const std::vector<age::Identity>& identities,
                        const std::stop_token& stop) {
    auto layout = catalogue::Layout::of(settings.instance.name);
    auto part = !layout ? std::move(layout).error()
                : settings.store.url->kind == config::StoreUrl::Kind::s3
                    ? look_at_bucket(extent, settings, *layout, identities, stop)
                    : look_at_folder(extent, settings, *layout, identities);
    return part ? *std::move(part) : StorePart{{doctor::failed("store", part.error())}, only_the_kind(settings)};
}

// ---- all of it
// -------------------------------------------------------------------------------------------------------

class Diagnosis {
public:
    Diagnosis(Extent extent, const config::Attempt& attempt, Keys keys, const std::stop_token& user)
        : extent_(extent),
          attempt_(attempt),
          keys_(std::move(keys)),
          until_(std::chrono::steady_clock::now() + last_moment),
          server_time_(user, server_patience),
          store_time_(user, store_patience) {}

    // Server and store beside each other: each waits for the network.
    Examination run() {
        auto server = start_server();
        auto store = start_store();
        Examination examination;
        examination.chapters.push_back(own_chapter(extent_, attempt_, keys_));
        if (extent_ == Extent::everything) {
            examination.chapters.push_back({"Server", take_server(server)});
        }
        auto part = take_store(store);
        examination.chapters.push_back({"Store and keys", std::move(part.findings)});
        if (store) {
            examination.thief = doctor::thief_could(part.sights, encryption_of(settings(), keys_));
        }
        return examination;
    }

    // Whether a part never came back, and its thread still stands somewhere.
    [[nodiscard]] bool hangs() const { return hangs_; }

private:
    using ServerPart = std::optional<Part<doctor::Findings>>;
    using OfStore = std::optional<Part<StorePart>>;

    [[nodiscard]] const config::Settings& settings() const { return attempt_.loaded.settings; }

    // What the threads need they hold themselves: they may outlive this.
    ServerPart start_server() const {
        if (extent_ == Extent::store_alone || has_problem_with(attempt_, "postgres")) {
            return std::nullopt;
        }
        return Part<doctor::Findings>(
            [settings = settings(), stop = server_time_.token()] { return look_at_server(settings, stop); });
    }
    OfStore start_store() const {
        const bool known = settings().store.url && !settings().instance.name.empty();
        if (!known || has_problem_with(attempt_, "store") || has_problem_with(attempt_, "instance")) {
            return std::nullopt;
        }
        return Part<StorePart>(
            [extent = extent_, settings = settings(), identities = keys_.identities, stop = store_time_.token()] {
                return look_at_store(extent, settings, identities, stop);
            });
    }
    doctor::Findings take_server(ServerPart& server) {
        if (!server) {
            return {doctor::unknown("server", "its settings are not valid", "correct them, and run doctor again")};
        }
        return server->take(until_,
                            {doctor::failed("server", "the server did not answer in time",
                                            "check postgres.uri, and whether the name service answers")},
                            hangs_);
    }
    StorePart take_store(OfStore& store) {
        if (!store) {
            return {{doctor::unknown("store", "its settings are not valid", "correct them, and run doctor again")}, {}};
        }
        return store->take(until_,
                           {{doctor::failed("store", "the store did not answer in time",
                                            "check store.url, the network, and whether a share is mounted and alive")},
                            only_the_kind(settings())},
                           hangs_);
    }

    Extent extent_;
    const config::Attempt& attempt_;
    Keys keys_;
    std::chrono::steady_clock::time_point until_;
    Deadline server_time_;
    Deadline store_time_;
    bool hangs_ = false;
};

Result<ExitCode> diagnose(Session& session) {
    const auto extent = extent_of(session);
    const auto attempt = config::attempt(session.sources(), needs_of(extent));
    auto keys = session.flags.identities.empty() ? keys_of_settings(session, attempt.loaded.settings)
                                                 : keys_of_flags(session, attempt.loaded.settings);
    if (!keys) {
        return std::move(keys).error();
    }
    Diagnosis diagnosis(extent, attempt, *std::move(keys), session.stop());
    const auto examination = diagnosis.run();
    if (session.stop().stop_requested()) {
        return Error{ErrorKind::interrupted, "interrupted", {}, {}};
    }
    print(session.flags.json ? json_of(examination) + "\n"
                             : words_of(examination, paper_of_stdout(std::getenv("NO_COLOR") != nullptr)));
    const auto code = examination.healthy() ? ExitCode::done : ExitCode::unhealthy;
    if (diagnosis.hangs()) {
        // Its thread may be in the middle of anything: no destructor may run below it.
        std::_Exit(std::fflush(stdout) == 0 ? static_cast<int>(code) : static_cast<int>(ExitCode::failed));
    }
    return code;
}

}  // namespace

void add_doctor(CLI::App& app, Action& action) {
    auto& verb = add_verb(
        app, "doctor", "Check everything a backup needs, and what a thief of this key could do",
        "  lifeboat doctor                                     with the settings of the sidecar\n"
        "  kubectl exec basketball-api-0 -c lifeboat -- lifeboat doctor\n"
        "  lifeboat doctor --config lifeboat.toml -i key.txt   and whether this key opens the backups\n"
        "  lifeboat doctor --store s3://backups/postgres --endpoint https://s3.us-west-004.backblazeb2.com \\\n"
        "      --instance basketball-api -i key.txt         without settings: the store and the key alone\n"
        "  lifeboat doctor --json | jq '.checks[] | select(.outcome == \"fail\")'\n"
        "\n"
        "A line for each check: pass, warn, fail, or unknown for what this key cannot see. It takes less\n"
        "than ten seconds, and changes nothing. Where the key may delete and the store says that\n"
        "RESTORE.txt is locked, it tries to delete it; it is written again if the store lets it go.\n"
        "Exit codes: 0 nothing fails (warnings do not count), 3 something does.\n");
    verb.callback([&action] { action = diagnose; });
}

}  // namespace lifeboat::cli
