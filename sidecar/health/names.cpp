#include "health/names.hpp"

namespace lifeboat::health {

std::string_view name_of(Turn turn) {
    switch (turn) {
        case Turn::unknown: return "unknown";
        case Turn::ours: return "ours";
        case Turn::not_ours: return "not_ours";
    }
    return "";
}

std::string_view name_of(BackupState state) {
    switch (state) {
        case BackupState::good: return "good";
        case BackupState::marked: return "marked";
        case BackupState::partial: return "partial";
        case BackupState::hidden: return "hidden";
        case BackupState::expired: return "expired";
    }
    return "";
}

std::string_view name_of(Activity activity) {
    switch (activity) {
        case Activity::backup: return "backup";
        case Activity::sweep: return "sweep";
        case Activity::survey: return "survey";
        case Activity::prune: return "prune";
    }
    return "";
}

std::string_view name_of(Hook hook) {
    switch (hook) {
        case Hook::on_failure: return "on_failure";
        case Hook::on_success: return "on_success";
        case Hook::ping: return "ping";
    }
    return "";
}

std::string_view name_of(RunResult result) {
    switch (result) {
        case RunResult::good: return "good";
        case RunResult::partial: return "partial";
        case RunResult::failed: return "failed";
        case RunResult::not_ours: return "not_ours";
        case RunResult::lock_held: return "lock_held";
        case RunResult::not_needed: return "not_needed";
        case RunResult::interrupted: return "interrupted";
        case RunResult::crashed: return "crashed";
        case RunResult::overrun: return "overrun";
        case RunResult::yielded: return "yielded";
    }
    return "";
}

std::string_view name_of(ReportObject object) {
    switch (object) {
        case ReportObject::configmap: return "configmap";
        case ReportObject::event: return "event";
        case ReportObject::condition: return "condition";
    }
    return "";
}

std::string_view name_of(ReportResult result) {
    switch (result) {
        case ReportResult::written: return "written";
        case ReportResult::denied: return "denied";
        case ReportResult::missing: return "missing";
        case ReportResult::conflict: return "conflict";
        case ReportResult::throttled: return "throttled";
        case ReportResult::refused: return "refused";
        case ReportResult::unavailable: return "unavailable";
        case ReportResult::unreachable: return "unreachable";
    }
    return "";
}

}  // namespace lifeboat::health
