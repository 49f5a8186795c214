#include "health/names.hpp"

#include "health/render.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <utility>

namespace lifeboat::health {

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

double of(std::uint64_t number) {
    return static_cast<double>(number);
}

double of(bool truth) {
    return truth ? 1 : 0;
}

double of(TimePoint time) {
    return std::chrono::duration<double>(time.time_since_epoch()).count();
}

double of(std::chrono::nanoseconds duration) {
    return std::chrono::duration<double>(duration).count();
}

// A page of families in the order in which they were added. Only the data types and the serializer of prometheus-cpp
// are needed: its registry counts for programs that count as they go, and here everything is counted already.
class Page {
public:
    template <class T>
    void gauge(std::string name, std::string help, const T& value) {
        family(std::move(name), std::move(help), MetricType::Gauge);
        add({}, of(value));
    }

    // Absent when not known: 0 would be a time, a size, a number of rows.
    template <class T>
    void gauge(std::string name, std::string help, const std::optional<T>& value) {
        if (value) {
            gauge(std::move(name), std::move(help), *value);
        }
    }

    void counter(std::string name, std::string help, std::uint64_t value) {
        family(std::move(name), std::move(help), MetricType::Counter);
        add({}, of(value));
    }

    // One sample for each of `all`, with the label that names it.
    template <class All, class Value>
    void each(MetricType type, std::string name, std::string help, const std::string& label, const All& all,
              Value value) {
        family(std::move(name), std::move(help), type);
        for (const auto& one : all) {
            add({{label, std::string(name_of(one))}}, of(value(one)));
        }
    }

    void labelled(MetricType type, std::string name, std::string help,
                  const std::vector<std::pair<ClientMetric::Label, double>>& samples) {
        family(std::move(name), std::move(help), type);
        for (const auto& [label, value] : samples) {
            add({label}, value);
        }
    }

    void table(MetricType type, std::string name, std::string help,
               const std::vector<std::pair<std::vector<ClientMetric::Label>, double>>& samples) {
        family(std::move(name), std::move(help), type);
        for (const auto& [labels, value] : samples) {
            add(labels, value);
        }
    }

    [[nodiscard]] std::string text() const { return prometheus::TextSerializer().Serialize(families_); }

private:
    void family(std::string name, std::string help, MetricType type) {
        auto& fresh = families_.emplace_back();
        fresh.name = "lifeboat_" + std::move(name);
        fresh.help = std::move(help);
        fresh.type = type;
    }

    void add(std::vector<ClientMetric::Label> labels, double value) {
        auto& sample = families_.back().metric.emplace_back();
        sample.label = std::move(labels);
        (families_.back().type == MetricType::Counter ? sample.counter.value : sample.gauge.value) = value;
    }

    std::vector<MetricFamily> families_;
};

void add_process(Page& page, const Facts& facts, std::chrono::nanoseconds beat) {
    page.labelled(MetricType::Gauge, "build_info", "Always 1; the version of Lifeboat is in the label.",
                  {{{"version", facts.version}, 1}});
    page.labelled(MetricType::Gauge, "instance_info", "Always 1; the name of the backed-up instance is in the label.",
                  {{{"name", facts.instance}, 1}});
    page.gauge("start_time_seconds", "When the sidecar started, in Unix time.", facts.started);
    page.gauge("heartbeat_age_seconds", "How long ago the supervisor's loop last went round.", beat);
}

void add_health(Page& page, const Facts& facts, const Verdict& verdict) {
    page.gauge("healthy", "1 when backups are in order, as /healthz says.", verdict.healthy());
    page.each(MetricType::Gauge, "unhealthy", "1 for each reason why backups are not in order.", "reason", reason_codes,
              [&](ReasonCode code) { return verdict.has(code); });
    page.each(MetricType::Gauge, "turn", "1 for whether backups are this sidecar's to make, as the setting role says.",
              "turn", turns, [&](Turn turn) { return facts.turn.turn == turn; });
    page.gauge("drained", "1 while the sidecar starts nothing new because of lifeboat drain.",
               verdict.has(ReasonCode::drained));
}

void add_last_success(Page& page, const std::optional<BackupFacts>& last) {
    if (!last) {
        return;
    }
    page.gauge("last_success_timestamp_seconds", "When the last good backup in the store ended, in Unix time.",
               last->finished);
    page.gauge("last_success_duration_seconds", "How long the last good backup took.",
               std::chrono::nanoseconds(last->finished - last->started));
    page.gauge("last_success_stored_bytes", "Size of the last good backup as stored.", last->stored_bytes);
    page.gauge("last_success_dumped_bytes", "Size of the last good backup before compression and encryption.",
               last->dumped_bytes);
    page.gauge("last_success_rows", "Rows in the last good backup.", last->rows);
    page.gauge("last_success_databases", "Databases in the last good backup.", std::uint64_t{last->databases.size()});
}

void add_drills(Page& page, const Facts& facts) {
    const auto& drills = facts.store.drills;
    page.gauge("drill_required_within_seconds", "The age at which the last good drill is too old.", facts.drill_within);
    if (drills.last) {
        page.gauge("last_drill_timestamp_seconds", "When the last drill's result was stored, in Unix time.",
                   drills.last->stored);
        page.gauge("last_drill_passed", "1 if the last drill passed.", drills.last->passed);
    }
    if (drills.last_good) {
        page.gauge("last_proven_restore_timestamp_seconds",
                   "When the result of the last drill that passed was stored, in Unix time.", drills.last_good->stored);
        page.gauge("last_proven_restore_duration_seconds", "How long the restore of that drill took.",
                   drills.last_good->restore_took);
    }
    std::vector<std::pair<ClientMetric::Label, double>> opened;
    for (const auto& [recipient, when] : drills.recipients) {
        if (when) {
            opened.push_back({{"recipient", recipient}, of(*when)});
        }
    }
    if (!opened.empty()) {
        page.labelled(MetricType::Gauge, "recipient_opened_timestamp_seconds",
                      "When the identity of each recipient last opened a backup in a drill, in Unix time.", opened);
    }
}

void add_runs(Page& page, const RunsFacts& runs) {
    page.each(MetricType::Counter, "runs_total", "Backup runs since the start, by how they ended.", "result",
              run_results, [&](RunResult result) { return runs.counts.of(result); });
    page.gauge("consecutive_failures", "Backup runs in a row that failed, crashed or took too long.",
               runs.consecutive_failures);
    page.gauge("consecutive_yields", "Backup runs in a row that gave way to somebody who waited.",
               runs.consecutive_yields);
    page.counter("store_retries_total", "Requests to the object store that were tried again.", runs.store_retries);
    if (runs.last) {
        page.gauge("last_run_timestamp_seconds", "When the last backup run ended, however it did, in Unix time.",
                   runs.last->ended);
        page.gauge("last_run_duration_seconds", "How long the last backup run took, however it ended.",
                   std::chrono::nanoseconds(runs.last->ended - runs.last->started));
        page.each(MetricType::Gauge, "last_run_result", "1 for how the last backup run ended.", "result", run_results,
                  [&](RunResult result) { return runs.last->result == result; });
    }
}

void add_prune(Page& page, const PruneFacts& prune) {
    page.counter("pruned_backups_total", "Backups that were deleted since the start because no rule keeps them.",
                 prune.backups);
    page.counter("pruned_bytes_total", "Size of the backups that were deleted since the start.", prune.bytes);
    page.gauge("last_prune_timestamp_seconds", "When it was last looked for backups that no rule keeps, in Unix time.",
               prune.last);
}

void add_notify(Page& page, const NotifyFacts& notify) {
    std::vector<std::pair<std::vector<ClientMetric::Label>, double>> samples;
    for (const auto hook : hooks) {
        const auto& counts = notify.at(static_cast<std::size_t>(hook));
        const ClientMetric::Label target{"target", std::string(name_of(hook))};
        samples.push_back({{target, {"result", "delivered"}}, of(counts.delivered)});
        samples.push_back({{target, {"result", "failed"}}, of(counts.failed)});
    }
    page.table(MetricType::Counter, "notifications_total",
               "Messages to the addresses of [notify] since the start, by what became of them.", samples);
}

void add_schedule(Page& page, const ScheduleFacts& schedule) {
    page.gauge("next_run_timestamp_seconds", "When the next backup run begins, in Unix time.", schedule.start);
    page.gauge("overdue_after_seconds", "The age at which the last good backup is overdue.", schedule.overdue_after);
}

void add_running(Page& page, const std::optional<RunningFacts>& running) {
    page.each(MetricType::Gauge, "running", "1 for what is being done now.", "activity", activities,
              [&](Activity activity) { return running && running->activity == activity; });
    if (running && running->activity == Activity::backup) {
        page.gauge("running_start_timestamp_seconds", "When the backup that is being made began, in Unix time.",
                   running->since);
        page.gauge("running_dumped_bytes", "Bytes dumped so far of the database whose turn it is.",
                   running->dumped_bytes);
        page.gauge("running_stored_bytes", "Bytes stored so far of the database whose turn it is.",
                   running->stored_bytes);
    }
}

void add_store(Page& page, const StoreFacts& store) {
    page.gauge("store_readable", "1 if the store could be read when it was last looked at.",
               store.surveyed && !store.problem);
    page.gauge("store_survey_timestamp_seconds", "When the store was last read, in Unix time.", store.surveyed);
    if (store.surveyed) {
        page.gauge("stored_backups", "Backups in the store, of every age and state.", store.backups);
        page.gauge("stored_bytes", "Size of all backups in the store.", store.bytes);
        page.gauge("hidden_backups", "Backups that somebody hid or wrote over.", std::uint64_t{store.hidden.size()});
        page.gauge("meddled_objects", "Backups and manifests in the store that are not as they were written.",
                   std::uint64_t{store.meddled.size()});
        page.gauge("marked_backups", "Marked backups that wait for `lifeboat accept`.",
                   store.doubt ? store.doubt->marked : 0);
        page.gauge("other_server", "1 if another server makes backups under this instance's name.",
                   store.other_server.has_value());
        page.gauge("last_success_expires_timestamp_seconds",
                   "When the store's own age rule takes the last good backup away, in Unix time.",
                   store.expiry.last_good_due);
    }
}

bool is_bound(const ListenerFacts& listener) {
    return !listener.problem && !listener.address.empty();
}

void add_settings(Page& page, const SettingsFacts& settings, const ListenersFacts& listeners) {
    page.labelled(MetricType::Counter, "config_reloads_total", "Changes of the settings, by what became of them.",
                  {{{"outcome", "applied"}, of(settings.reloads_applied)},
                   {{"outcome", "refused"}, of(settings.reloads_refused)}});
    page.gauge("config_valid", "1 if the newest settings are the ones in force, all of them.",
               settings.in_force && settings.problems.empty());
    page.gauge("config_last_applied_timestamp_seconds", "When settings were last put in force, in Unix time.",
               settings.last_applied);
    page.labelled(
        MetricType::Gauge, "listener_bound", "1 for each address that is being listened on.",
        {{{"listener", "pod"}, of(is_bound(listeners.pod))}, {{"listener", "page"}, of(is_bound(listeners.page))}});
}

// Only of what is wanted: most sidecars report nothing.
void add_kubernetes(Page& page, const KubernetesFacts& kubernetes) {
    std::vector<std::pair<std::vector<ClientMetric::Label>, double>> requests;
    std::vector<std::pair<ClientMetric::Label, double>> written;
    for (const auto object : report_objects) {
        const auto& report = kubernetes.at(static_cast<std::size_t>(object));
        const ClientMetric::Label label{"object", std::string(name_of(object))};
        for (const auto result : report_results) {
            if (report.wanted) {
                requests.emplace_back(std::vector<ClientMetric::Label>{label, {"result", std::string(name_of(result))}},
                                      of(report.counts.at(static_cast<std::size_t>(result))));
            }
        }
        if (report.wanted && report.written) {
            written.emplace_back(label, of(*report.written));
        }
    }
    if (!requests.empty()) {
        page.table(MetricType::Counter, "kubernetes_reports_total",
                   "Requests to the Kubernetes API, by what they were to write and what became of them.", requests);
    }
    if (!written.empty()) {
        page.labelled(MetricType::Gauge, "kubernetes_last_report_timestamp_seconds",
                      "When each was last written through the Kubernetes API, in Unix time.", written);
    }
}

}  // namespace

std::string metrics_text(const Facts& facts, const Verdict& verdict, std::chrono::nanoseconds beat) {
    Page page;
    add_process(page, facts, beat);
    add_health(page, facts, verdict);
    add_last_success(page, facts.store.last_good);
    add_drills(page, facts);
    add_runs(page, facts.runs);
    add_prune(page, facts.prune);
    add_notify(page, facts.notify);
    add_schedule(page, facts.schedule);
    add_running(page, facts.running);
    add_store(page, facts.store);
    add_settings(page, facts.settings, facts.listeners);
    add_kubernetes(page, facts.kubernetes);
    return page.text();
}

}  // namespace lifeboat::health
