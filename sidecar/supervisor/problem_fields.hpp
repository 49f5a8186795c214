// A problem in the log's fields.
#pragma once

#include "health/facts.hpp"
#include "log/event_log.hpp"

#include <string>

namespace lifeboat::supervisor {

// `error`, with the detail that no place but the log may have, and `next` where there is one.
inline log::EventLog::Fields words_of(const health::Problem& problem, const std::string& detail) {
    log::EventLog::Fields fields = {{"error", detail.empty() ? problem.what : problem.what + ": " + detail}};
    if (!problem.next.empty()) {
        fields["next"] = problem.next;
    }
    return fields;
}

}  // namespace lifeboat::supervisor
