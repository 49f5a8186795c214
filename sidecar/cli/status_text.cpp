#include "status_text.hpp"

#include "format.hpp"

#include <algorithm>

namespace lifeboat::cli {
namespace {

using State = InstanceStatus::State;

std::string health_in_words(const InstanceStatus& status) {
    switch (status.state) {
        case State::healthy: return "good";
        case State::absent: return "ABSENT";
        case State::unknown: return "UNKNOWN";
        case State::unhealthy: break;
    }
    std::string codes;
    for (const auto& reason : status.reasons) {
        codes += (codes.empty() ? "" : ", ") + reason.code;
    }
    return "BAD: " + codes;
}

std::string counted(std::uint64_t number, const std::string& thing) {
    return std::to_string(number) + " " + thing + (number == 1 ? "" : "s");
}

// "3h 5m ago", "in 21h"
std::string relative(os::TimePoint time, os::TimePoint now) {
    const auto age = std::chrono::duration_cast<std::chrono::seconds>(now - time);
    return age.count() >= 0 ? human_age(age) + " ago" : "in " + human_age(-age);
}

std::string last_good_in_words(const InstanceStatus& status, os::TimePoint now) {
    if (!status.last_good) {
        return status.state == State::unknown ? "not known" : "none";
    }
    const auto& last = *status.last_good;
    return last.id + ", " + relative(last.finished, now) + " (" + os::utc_text(last.finished) + "), " +
           counted(last.databases, "database") + ", " + human_bytes(last.bytes);
}

std::string proven_in_words(const health::DrillsFacts& drills, os::TimePoint now) {
    const auto& good = drills.last_good;
    if (!good) {
        return "never: no drill has passed yet";
    }
    std::string words = good->backup + ", " + relative(good->stored, now) + " (" + os::utc_text(good->stored) + ")";
    if (good->restore_took) {
        words += ", restored in " + human_duration(std::chrono::ceil<std::chrono::seconds>(*good->restore_took));
    }
    return words;
}

std::string proven_age(const InstanceStatus& status, os::TimePoint now) {
    const bool known = status.drills && status.drills->last_good;
    return known ? relative(status.drills->last_good->stored, now) : "-";
}

void add_drills(std::string& text, const InstanceStatus& status, os::TimePoint now) {
    if (!status.drills) {
        return;
    }
    text += field_line("proven", proven_in_words(*status.drills, now));
    if (const auto& last = status.drills->last; last && !last->passed) {
        text += field_line("last drill", last->backup + ", " + relative(last->stored, now) + ": FAILED");
    }
    for (const auto& [recipient, opened] : status.drills->recipients) {
        text += field_line("opened by", recipient + ", " + (opened ? relative(*opened, now) : "never"));
    }
}

std::string title_of(const InstanceStatus& status) {
    return status.instance.empty() ? "(without a name)" : status.instance;
}

std::string told_by(const InstanceStatus& status, os::TimePoint now) {
    if (status.source == InstanceStatus::Source::store) {
        return "the store alone";
    }
    const auto& sidecar = status.sidecar;
    return "the running sidecar" + (sidecar.version.empty() ? "" : ", version " + sidecar.version) +
           (sidecar.started ? ", started " + relative(*sidecar.started, now) : "");
}

std::string next_run(const InstanceStatus::Sidecar& sidecar, os::TimePoint now) {
    return relative(*sidecar.next_run, now) + " (" + os::utc_text(*sidecar.next_run) + ")" +
           (sidecar.next_because.empty() ? "" : ": " + sidecar.next_because);
}

void add_reasons(std::string& text, const InstanceStatus& status, const std::string& before) {
    for (const auto& reason : status.reasons) {
        text += before + printable(reason.code + ": " + reason.message) + "\n";
        text += reason.next.empty() ? "" : "  next: " + printable(reason.next) + "\n";
    }
    for (const auto& note : status.notes) {
        text += before;
        text += printable(note.rfind("warning: ", 0) == 0 ? note : "note: " + note);
        text += '\n';
    }
}

}  // namespace

std::string status_text(const InstanceStatus& status, os::TimePoint now) {
    std::string text;
    const auto add = [&](const char* name, const std::string& value) { text += field_line(name, value); };
    add("instance", title_of(status));
    add("backups", health_in_words(status));
    add("last good", last_good_in_words(status, now));
    if (status.next_overdue) {
        add("overdue", relative(*status.next_overdue, now) + " (" + os::utc_text(*status.next_overdue) + ")");
    }
    if (status.last_good_due) {
        add("falls due", relative(*status.last_good_due, now) + " (" + os::utc_text(*status.last_good_due) +
                             "): the store's own age rule");
    }
    if (status.marked != 0) {
        add("marked", counted(status.marked, "backup") + " to be looked at");
    }
    add_drills(text, status, now);
    if (!status.sidecar.running.empty()) {
        add("running", status.sidecar.running);
    }
    if (status.sidecar.next_run) {
        add("next run", next_run(status.sidecar, now));
    }
    if (status.stored) {
        add("stored", counted(status.stored->backups, "backup") + ", " + human_bytes(status.stored->bytes));
    }
    add("told by", told_by(status, now));
    std::string rest;
    add_reasons(rest, status, "");
    return rest.empty() ? text : text + "\n" + rest;
}

std::string status_table(const std::vector<InstanceStatus>& all, os::TimePoint now) {
    std::vector<std::vector<std::string>> rows;
    std::string rest;
    for (const auto& status : all) {
        const auto& last = status.last_good;
        const auto& overdue = status.next_overdue;
        rows.push_back({title_of(status), health_in_words(status), last ? last->id : "-",
                        last ? relative(last->finished, now) : "-", overdue ? relative(*overdue, now) : "-",
                        proven_age(status, now), status.marked != 0 ? std::to_string(status.marked) : "-",
                        status.stored ? human_bytes(status.stored->bytes) : "-"});
        add_reasons(rest, status, title_of(status) + ": ");
    }
    const auto text =
        table({"INSTANCE", "BACKUPS", "LAST GOOD", "ENDED", "OVERDUE", "PROVEN", "MARKED", "STORED"}, rows);
    return rest.empty() ? text : text + "\n" + rest;
}

}  // namespace lifeboat::cli
