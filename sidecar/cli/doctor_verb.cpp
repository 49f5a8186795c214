// `lifeboat doctor`: everything that a backup needs, a line each, and what a thief of this pod's secrets could do.
#include "backup/backup_job.hpp"
#include "backup_plan.hpp"
#include "doctor/secret_checks.hpp"
#include "doctor/server_checks.hpp"
#include "doctor/store_checks.hpp"
#include "doctor/thief.hpp"
#include "format.hpp"
#include "s3/endpoint.hpp"
#include "verbs.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <chrono>
#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

namespace lifeboat::cli {
namespace {

using doctor::Finding;
using doctor::Findings;
using doctor::Outcome;
using Json = nlohmann::ordered_json;

// What takes longer is unknown: a person waits.
constexpr std::chrono::milliseconds patience{8500};

constexpr const char* service_account_token = "/var/run/secrets/kubernetes.io/serviceaccount/token";

// Asks for a stop when the user does, or when the time is over.
class Deadline {
public:
    explicit Deadline(const std::stop_token& user)
        : on_user_(user, [this] { stop_.request_stop(); }), watch_([this](const std::stop_token& end) {
              std::unique_lock lock(mutex_);
              if (!over_.wait_for(lock, end, patience, [] { return false; }) && !end.stop_requested()) {
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

struct Examination {
    Findings findings;
    Findings thief;
};

void append(Findings& to, Findings more) {
    to.insert(to.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

Findings settings_findings(const config::Attempt& attempt) {
    Findings findings;
    for (const auto& problem : attempt.problems) {
        findings.push_back(doctor::failed("settings",
                                          (problem.place.empty() ? "" : problem.place + ": ") +
                                              (problem.key.empty() ? "" : problem.key + ": ") + problem.what,
                                          problem.next));
    }
    for (const auto& warning : attempt.loaded.warnings) {
        findings.push_back(doctor::warned("settings", warning, "correct or remove it"));
    }
    if (attempt.problems.empty()) {
        findings.push_back(doctor::passed("settings", "valid"));
    }
    return findings;
}

Findings server_findings(const backup::BackupPlan& plan, const std::stop_token& stop) {
    return doctor::check_server({plan.server, plan.databases, plan.exclude, plan.exclude_table_data,
                                 plan.role == backup::Role::any, plan.bin_dir, backup::dump_memory(plan)},
                                stop);
}

bool has_problem_with(const config::Attempt& attempt, std::string_view table) {
    return std::any_of(attempt.problems.begin(), attempt.problems.end(),
                       [&](const auto& problem) { return problem.key.starts_with(table); });
}

struct StorePart {
    Findings findings;
    doctor::StoreSights sights;
};

Result<StorePart> look_at_store(const config::Settings& settings, const std::vector<age::Identity>& identities,
                                const std::stop_token& stop) {
    const auto no_notes = [](const Error&, std::chrono::milliseconds) {};
    auto store = open_store(settings, stop, no_notes);
    if (!store) {
        return std::move(store).error();
    }
    auto layout = catalogue::Layout::of(settings.instance.name);
    if (!layout) {
        return std::move(layout).error();
    }
    std::unique_ptr<store::BucketProbe> probe;
    std::string host;
    bool plain_http = false;
    if (settings.store.url->kind == config::StoreUrl::Kind::s3) {
        auto options = s3_options_of(settings, stop);
        auto endpoint = s3::resolve_endpoint(settings.store.endpoint, settings.store.region);
        auto opened = options ? store::open_bucket_probe(*options) : std::move(options).error();
        if (!opened || !endpoint) {
            return opened ? std::move(endpoint).error() : std::move(opened).error();
        }
        probe = *std::move(opened);
        host = endpoint->host.substr(
            0, endpoint->host.find(':', endpoint->host.front() == '[' ? endpoint->host.find(']') : 0));
        plain_http = endpoint->scheme == "http";
    }
    auto found = doctor::check_store({**store, probe.get(), *layout, host, plain_http, settings.retention.keep_days,
                                      settings.store.expires_after, os::SystemClock().now()});
    if (found.catalogue) {
        append(found.findings, doctor::check_identities(**store, *found.catalogue, identities));
    }
    return StorePart{std::move(found.findings), found.sights};
}

StorePart store_findings(const config::Settings& settings, const std::vector<age::Identity>& identities,
                         const std::stop_token& stop) {
    auto part = look_at_store(settings, identities, stop);
    return part ? *std::move(part) : StorePart{{doctor::failed("store", part.error())}, {}};
}

Examination examine(const config::Attempt& attempt, const std::vector<age::Identity>& identities,
                    const std::stop_token& stop) {
    const auto& settings = attempt.loaded.settings;
    const bool encrypted = settings.encryption.mode != config::EncryptionMode::none;
    Examination examination;
    append(examination.findings, settings_findings(attempt));
    append(examination.findings, doctor::check_secret_files(settings.secret_files));
    if (!has_problem_with(attempt, "encryption")) {
        append(examination.findings, doctor::check_recipients(settings.encryption.recipients, encrypted));
    }
    append(examination.findings,
           doctor::check_token(service_account_token, settings.kubernetes.configmap.has_value() ||
                                                          settings.kubernetes.events || settings.kubernetes.condition));

    // Beside each other: each waits for the network.
    std::future<StorePart> store;
    if (settings.store.url && !settings.instance.name.empty() && !has_problem_with(attempt, "store")) {
        store = std::async(std::launch::async, [&] { return store_findings(settings, identities, stop); });
    }
    if (auto plan = plan_of(attempt.loaded, {}); plan && !has_problem_with(attempt, "postgres")) {
        append(examination.findings, server_findings(*plan, stop));
    } else {
        examination.findings.push_back(doctor::unknown("server", "the settings for it are not valid"));
    }
    if (store.valid()) {
        auto part = store.get();
        append(examination.findings, std::move(part.findings));
        examination.thief = doctor::thief_could(part.sights, encrypted);
    } else {
        examination.findings.push_back(doctor::unknown("store", "the settings for it are not valid"));
    }
    return examination;
}

Json json_of(const Findings& findings, const char* what) {
    Json list = Json::array();
    for (const auto& finding : findings) {
        Json entry = {{what, finding.check}, {"outcome", doctor::name_of(finding.outcome)}, {"text", finding.text}};
        if (!finding.cure.empty()) {
            entry["cure"] = finding.cure;
        }
        if (!finding.detail.empty()) {
            entry["detail"] = finding.detail;
        }
        list.push_back(std::move(entry));
    }
    return list;
}

void print_finding(const Finding& finding) {
    const std::string name(doctor::name_of(finding.outcome));
    const std::string detail = finding.detail.empty() ? "" : " (" + finding.detail + ")";
    print_line(name + std::string(9 - name.size(), ' ') + printable(finding.check + ": " + finding.text + detail));
    if (!finding.cure.empty() && finding.outcome != Outcome::pass) {
        print_line("           " + printable(finding.cure));
    }
}

void print_words(const Examination& examination) {
    for (const auto& finding : examination.findings) {
        print_finding(finding);
    }
    if (!examination.thief.empty()) {
        print_line("\nWhat could a thief of this pod's secrets do?");
        for (const auto& finding : examination.thief) {
            print_finding(finding);
        }
    }
    print_line(std::string("\n") + (doctor::worst_of(examination.findings) == Outcome::fail
                                        ? "Something is wrong: see the lines with fail."
                                        : "Nothing here keeps a backup from being made."));
}

Result<ExitCode> diagnose(Session& session) {
    auto needs = config::Needs::everything();
    const auto attempt = config::attempt(session.sources(), needs);
    auto identities = session.read_identities(attempt.loaded.settings);
    if (!identities) {
        return std::move(identities).error();
    }
    const Deadline deadline(session.stop());
    const auto examination = examine(attempt, *identities, deadline.token());
    if (session.stop().stop_requested()) {
        return Error{ErrorKind::interrupted, "interrupted", {}, {}};
    }
    const bool healthy = doctor::worst_of(examination.findings) != Outcome::fail;
    if (session.flags.json) {
        print_line(Json{{"healthy", healthy},
                        {"checks", json_of(examination.findings, "check")},
                        {"thief", json_of(examination.thief, "could")}}
                       .dump(2, ' ', false, Json::error_handler_t::replace));
    } else {
        print_words(examination);
    }
    return healthy ? ExitCode::done : ExitCode::unhealthy;
}

}  // namespace

void add_doctor(CLI::App& app, Action& action) {
    auto& verb =
        add_verb(app, "doctor", "Check everything a backup needs, and what a thief of this key could do",
                 "  lifeboat doctor\n"
                 "  kubectl exec basketball-api-0 -c lifeboat -- lifeboat doctor\n"
                 "  lifeboat doctor -i offline.key --json\n"
                 "\n"
                 "A line each: pass, warn, fail, or unknown for what this key cannot see. Takes less than ten\n"
                 "seconds. Nothing is changed but RESTORE.txt, which is deleted and written again where the\n"
                 "store lets it go: there is no other way to know.\n"
                 "Exit codes: 0 nothing fails, 3 something does.\n");
    verb.callback([&action] { action = diagnose; });
}

}  // namespace lifeboat::cli
