#include "supervisor/run_loop.hpp"

#include "config/inputs.hpp"
#include "config/overdue.hpp"
#include "config/stable.hpp"
#include "config/values.hpp"
#include "config/watch.hpp"
#include "control/server.hpp"
#include "health/judge.hpp"
#include "health/render.hpp"
#include "health/server.hpp"
#include "kubernetes/reporter.hpp"
#include "notices.hpp"
#include "os/errno_text.hpp"
#include "os/heap.hpp"
#include "os/process.hpp"
#include "real_children.hpp"

#include <poll.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>
#include <set>
#include <utility>

namespace lifeboat::supervisor {
namespace {

using log::LogLevel;
using Fields = log::EventLog::Fields;
using Steady = std::chrono::steady_clock;

// The heartbeat's pace, and how often what could not be bound is tried again.
constexpr auto beat_every = std::chrono::seconds(10);

std::string host_name() {
    std::array<char, 256> name{};
    return ::gethostname(name.data(), name.size() - 1) == 0 ? std::string(name.data()) : std::string();
}

// The page's address may be written as a name, and the endpoints take numbers.
health::Address address_of(const config::HostPort& wanted) {
    return {wanted.host == "localhost" ? "127.0.0.1" : wanted.host, wanted.port};
}

health::Endpoints endpoints_of(const config::Health& settings) {
    return {address_of(settings.listen), address_of(settings.page), settings.livez_warns};
}

kubernetes::Wanted reports_of(const config::Kubernetes& settings) {
    return {settings.configmap, settings.events, settings.condition};
}

std::string variable(const config::Environment& environment, const char* name) {
    const auto found = environment.find(name);
    return found == environment.end() ? std::string() : found->second;
}

kubernetes::Surroundings surroundings_of(const RunOptions& options) {
    const auto& environment = options.sources.environment;
    return {variable(environment, "KUBERNETES_SERVICE_HOST"), variable(environment, "KUBERNETES_SERVICE_PORT"),
            options.service_account, host_name(), options.version};
}

// A file with a mistake in each line is told of, and not line by line in the log, the status and our memory.
constexpr std::size_t most_problems = 50;

std::vector<health::Problem> problems_of(const std::vector<config::Problem>& all) {
    std::vector<health::Problem> problems;
    for (const auto& problem : all) {
        if (problems.size() == most_problems) {
            problems.push_back({"and " + std::to_string(all.size() - most_problems) + " problems more",
                                "see all of them with `lifeboat config check`"});
            break;
        }
        problems.push_back({problem.text(), problem.next});
    }
    return problems;
}

// The addresses of [notify] that have to be left out. Empty: there is more wrong than that, or nothing.
std::set<std::string> left_out_of(const std::vector<config::Problem>& problems) {
    std::set<std::string> keys;
    for (const auto& problem : problems) {
        if (!problem.only_notification) {
            return {};
        }
        keys.insert(problem.key);
    }
    return keys;
}

// Whatever may cure settings that are refused: the time zone may have been missing.
std::vector<std::filesystem::path> files_behind(const config::Loaded& loaded, const config::Sources& sources) {
    auto files = loaded.files;
    files.push_back(sources.zoneinfo / loaded.settings.schedule.timezone);
    return files;
}

Result<Orders> orders_of(const config::Settings& settings) {
    auto calendar = schedule::Calendar::make(settings.schedule.cron, settings.schedule.timezone);
    if (!calendar) {
        return in_context("schedule", std::move(calendar).error());
    }
    Orders orders{settings.instance.name,
                  settings.store.url->text + " " + settings.store.endpoint.value_or("") + " " + settings.instance.name,
                  {std::move(*calendar), settings.schedule.jitter, {settings.instance.name, host_name()}},
                  {},
                  settings.schedule.max_duration,
                  settings.retention.prune != config::PruneMode::never,
                  settings.retention.prune != config::PruneMode::never};
    const auto overdue_after = config::overdue_after_of(settings, std::chrono::system_clock::now());
    orders.overdue_after = std::chrono::ceil<std::chrono::seconds>(*overdue_after);  // there is one for every calendar
    if (settings.drill.require_within) {
        orders.drill_within = std::chrono::ceil<std::chrono::seconds>(*settings.drill.require_within);
    }
    return orders;
}

class Loop final : private World, private control::Handler {
public:
    Loop(const RunOptions& options, const os::StopSignals& signals)
        : options_(options),
          signals_(signals),
          log_(options.open_log(config::attempt(options.sources, {}).loaded)),
          board_(first_facts()),
          watch_(Steady::now()),
          children_(options.program, options.environment),
          supervisor_(*this, first_facts(), options.limits) {}

    Status run();

private:
    [[nodiscard]] health::Facts first_facts() const {
        health::Facts facts;
        facts.version = options_.version;
        facts.host = host_name();
        facts.started = std::chrono::system_clock::now();
        return facts;
    }

    Status open_endpoints();
    void read_settings(bool somebody_asked);
    void read_and_take(bool somebody_asked);
    // Whether they were news.
    bool take(const config::Reading& reading);
    bool refuse(const config::Loaded& loaded, std::vector<health::Problem> problems);
    [[nodiscard]] bool may_be_incomplete(const config::Attempt& attempt) const;
    void serve(const config::Loaded& loaded);
    void note_listeners();
    void note_reports();
    void wait();
    void attend();
    void beat();
    [[nodiscard]] int time_to_wait() const;

    // World
    [[nodiscard]] TimePoint now() const override { return clock_.now(); }
    [[nodiscard]] SteadyPoint steady() const override { return Steady::now(); }
    Status start(Activity activity, const Known& known) override { return children_.start(activity, settings_, known); }
    void signal(Activity activity, int signal) override { children_.signal(activity, signal); }
    void publish(const health::Facts& facts) override {
        board_.publish(facts);
        reporter_->look();
    }
    void log(LogLevel level, const std::string& event, const Fields& fields) override {
        log_.write(level, event, fields);
    }

    // control::Handler
    std::string status() override {
        const auto facts = board_.read();
        const auto now = clock_.now();
        return health::status_json(*facts, health::judge(*facts, now), now);
    }
    void drain(control::Reply reply) override {
        auto kept = std::make_shared<control::Reply>(std::move(reply));
        supervisor_.drain([this, kept] {
            const auto& facts = supervisor_.facts();
            kept->answer(Fields{{"instance", facts.instance},
                                {"until", os::utc_text(facts.drained ? facts.drained->until : clock_.now())}}
                             .dump());
        });
    }
    void reachable(const std::string& address) override {
        log_.write(LogLevel::debug, "control_reachable", {{"address", address}});
    }
    void unreachable(const Error& why) override {
        log_.write(LogLevel::warn, "control_unreachable", {{"error", whole_text(why)}, {"next", why.next}});
    }

    const RunOptions& options_;
    const os::StopSignals& signals_;
    const os::SystemClock clock_;
    log::EventLog log_;
    health::Heartbeat heartbeat_;
    health::Board board_;
    std::unique_ptr<health::Server> endpoints_;
    std::unique_ptr<kubernetes::Reporter> reporter_;
    std::unique_ptr<control::Server> control_;
    std::unique_ptr<Notices> notices_;
    config::FileWatch watch_;
    std::optional<std::string> watch_trouble_told_;
    Secret settings_;                 // inputs of the settings in force, for children
    std::set<std::string> left_out_;  // what of these could not be read: keys of [notify]
    bool stopping_ = false;
    RealChildren children_;
    Supervisor supervisor_;
    Steady::time_point next_beat_ = Steady::now();
};

Status Loop::open_endpoints() {
    auto endpoints = health::Server::start(board_, heartbeat_, clock_);
    if (!endpoints) {
        return std::move(endpoints).error();
    }
    endpoints_ = std::move(*endpoints);
    auto reporter = kubernetes::Reporter::open(surroundings_of(options_), board_, clock_);
    if (!reporter) {
        return std::move(reporter).error();
    }
    reporter_ = std::move(*reporter);
    auto control = control::Server::open(*this);
    if (!control) {
        return std::move(control).error();
    }
    control_ = std::move(*control);
    auto notices = Notices::open(options_.version);
    if (!notices) {
        return std::move(notices).error();
    }
    notices_ = std::move(*notices);
    return done();
}

void Loop::read_settings(bool somebody_asked) {
    read_and_take(somebody_asked);
    os::return_free_pages();  // a reading takes far more than what is kept of it
}

void Loop::read_and_take(bool somebody_asked) {
    const auto reading = config::read_settings(options_.sources, config::Needs::everything());
    const bool news = take(reading);
    if (somebody_asked && !news) {
        log_.write(LogLevel::info, "settings_unchanged", {{"valid", reading.attempt.problems.empty()}});
    }
    if (somebody_asked) {
        supervisor_.wish_retry();  // also under the settings before those that are refused
    }
    watch_.set_paths(files_behind(reading.attempt.loaded, options_.sources), Steady::now());
}

// Nobody's backups wait for the address of whoever should hear of them. But one that is in use is not given up for
// settings that cannot name another.
bool Loop::may_be_incomplete(const config::Attempt& attempt) const {
    const auto missing = left_out_of(attempt.problems);
    return !missing.empty() && (!supervisor_.facts().settings.in_force ||
                                std::includes(left_out_.begin(), left_out_.end(), missing.begin(), missing.end()));
}

bool Loop::take(const config::Reading& reading) {
    const auto& loaded = reading.attempt.loaded;
    auto problems = problems_of(reading.attempt.problems);
    const bool incomplete = may_be_incomplete(reading.attempt);
    std::optional<Orders> orders;
    if (problems.empty() || incomplete) {
        auto made = orders_of(loaded.settings);
        if (auto checked = options_.check(loaded); !checked) {
            problems.push_back(health::problem_of(checked.error()));
        } else if (!made) {
            problems.push_back(health::problem_of(made.error()));
        } else {
            orders = std::move(*made);
        }
    }
    if (!orders) {
        return refuse(loaded, std::move(problems));
    }
    const auto& known = supervisor_.facts().settings;
    Secret inputs = reading.inputs->to_json();
    if (known.in_force && known.problems == problems && inputs.reveal() == settings_.reveal()) {
        return false;  // touched, and nothing in it is new
    }
    settings_ = std::move(inputs);
    left_out_ = left_out_of(reading.attempt.problems);
    log_ = options_.open_log(loaded);
    for (const auto& warning : loaded.warnings) {
        log_.write(LogLevel::warn, "settings_warning", {{"text", warning}});
    }
    serve(loaded);
    control_->listen_as(orders->instance);
    const Fields told = {{"instance", orders->instance},
                         {"store", loaded.settings.store.url->text},
                         {"cron", loaded.settings.schedule.cron},
                         {"timezone", loaded.settings.schedule.timezone},
                         {"file", loaded.files.empty() ? "" : loaded.files.front().string()}};
    supervisor_.accept(std::move(*orders), told, std::move(problems));
    return true;
}

bool Loop::refuse(const config::Loaded& loaded, std::vector<health::Problem> problems) {
    const auto& known = supervisor_.facts().settings;
    const bool same = !known.incomplete && problems.size() == known.problems.size() &&
                      std::equal(problems.begin(), problems.end(), known.problems.begin(),
                                 [](const auto& a, const auto& b) { return a.what == b.what; });
    if (!known.in_force) {
        log_ = options_.open_log(loaded);
        serve(loaded);  // as far as it goes: so that someone can see what is wrong
    }
    if (!same) {
        supervisor_.refuse(std::move(problems), loaded.settings.instance.name);
    }
    return !same;
}

void Loop::serve(const config::Loaded& loaded) {
    notices_->use(loaded.settings.notify, clock_.now());
    reporter_->apply(reports_of(loaded.settings.kubernetes));
    endpoints_->apply(endpoints_of(loaded.settings.health));
    note_listeners();
}

void Loop::note_listeners() {
    const auto listeners = endpoints_->listeners();
    const auto& before = supervisor_.facts().listeners;
    const auto tell = [&](const health::ListenerFacts& now, const health::ListenerFacts& then, const char* what) {
        if (now.problem && (!then.problem || then.problem->what != now.problem->what)) {
            log_.write(LogLevel::error, "not_listening",
                       {{"what", what}, {"error", now.problem->what}, {"next", now.problem->next}});
        } else if (!now.problem && !now.address.empty() && (then.problem || then.address != now.address)) {
            log_.write(LogLevel::info, "listening", {{"what", what}, {"address", now.address}});
        }
    };
    tell(listeners.pod, before.pod, "endpoints");
    tell(listeners.page, before.page, "page");
    supervisor_.listening(listeners);
}

void Loop::note_reports() {
    const auto news = reporter_->take_news();
    if (!news) {
        return;
    }
    for (const auto& line : news->lines) {
        log_.write(line.level, line.event, line.fields);
    }
    supervisor_.reported(news->facts);
}

int Loop::time_to_wait() const {
    auto until = std::min(next_beat_, watch_.deadline());
    if (const auto deadline = supervisor_.deadline()) {
        until = std::min(until, *deadline);
    }
    const auto now = Steady::now();
    if (until <= now) {  // by a comparison: "at once" may be the earliest time there is, and no difference reaches it
        return 0;
    }
    return static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(until - now).count());
}

void Loop::wait() {
    std::vector<pollfd> entries = {{signals_.event_fd(), POLLIN, 0},
                                   {control_->fd(), POLLIN, 0},
                                   {reporter_->fd(), POLLIN, 0},
                                   {notices_->fd(), POLLIN, 0}};
    if (watch_.fd() >= 0) {
        entries.push_back({watch_.fd(), POLLIN, 0});
    }
    children_.add_to(entries);
    ::poll(entries.data(), entries.size(), time_to_wait());
}

void Loop::attend() {
    signals_.forget_event();
    children_.attend(
        [this](Activity activity, const Result<Report>& report) {
            if (report) {
                supervisor_.heard(activity, *report);
            } else {
                log_.write(LogLevel::error, "report_not_understood", {{"error", report.error().what}});
            }
        },
        [this](Activity activity, const os::ExitState& exit) { supervisor_.ended(activity, exit); });
    os::reap_orphans(children_.ids());
    if (notices_->hear_outcomes(log_, clock_.now())) {
        supervisor_.notified(notices_->counts());
    }
    control_->on_ready();
    note_reports();
    watch_.on_readable(Steady::now());
    const bool changed = watch_.due(Steady::now());
    const bool asked = signals_.take_hangup();
    if (changed || asked) {
        read_settings(asked);
    }
}

void Loop::beat() {
    heartbeat_.beat();
    if (Steady::now() < next_beat_) {
        return;
    }
    next_beat_ = Steady::now() + beat_every;
    if (endpoints_->retry_binding()) {
        note_listeners();
    }
    const auto& trouble = watch_.trouble();
    const auto told = trouble ? std::optional(trouble->what) : std::nullopt;
    if (told && told != watch_trouble_told_) {
        log_.write(LogLevel::warn, "files_not_watched", {{"error", trouble->what}, {"next", trouble->next}});
    }
    watch_trouble_told_ = told;
}

Status Loop::run() {
    if (auto opened = open_endpoints(); !opened) {
        return opened;
    }
    log_.write(LogLevel::info, "sidecar_started", {{"version", options_.version}});
    control_->listen_as("");
    read_settings(false);
    for (;;) {
        if (signals_.token().stop_requested() && !stopping_) {
            stopping_ = true;
            supervisor_.stop();
            notices_->stop();
            log_.write(LogLevel::info, "stopping", Fields::object());  // whose reader may not read
        }
        supervisor_.turn();
        notices_->tell(supervisor_.facts(), clock_.now());
        if (supervisor_.finished()) {
            break;
        }
        wait();
        attend();
        beat();
    }
    notices_->end(log_);
    log_.write(LogLevel::info, "sidecar_stopped", Fields::object());
    return done();
}

}  // namespace

Status run(const RunOptions& options, const os::StopSignals& signals) {
    os::adopt_orphans();
    os::offer_to_die_first();
    Loop loop(options, signals);
    return loop.run();
}

}  // namespace lifeboat::supervisor
