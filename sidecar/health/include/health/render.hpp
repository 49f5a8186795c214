// The texts that the endpoints serve. docs/operating.md describes every field and every metric; both are stable: fields
// and metrics are added, never renamed. Times are RFC 3339 in UTC, sizes bytes, durations seconds.
// Text that is not UTF-8 (a database may be called so) has its bad bytes replaced.
#pragma once

#include "health/facts.hpp"
#include "health/judge.hpp"

#include <chrono>
#include <string>

namespace lifeboat::health {

// /healthz: {"healthy", "reasons": [{"code", "message", "next"}], …}, in one line.
std::string healthz_json(const Facts& facts, const Verdict& verdict, TimePoint now);

// /status.json: all of it.
std::string status_json(const Facts& facts, const Verdict& verdict, TimePoint now);

// /: the page for people, in HTML with nothing outside of itself. Of bounded size, whatever the facts hold.
std::string page_html(const Facts& facts, const Verdict& verdict, TimePoint now);

// /metrics: Prometheus' text format. Every name begins with lifeboat_. What is not known is absent, not zero.
// `beat`: the age of the supervisor's heartbeat.
std::string metrics_text(const Facts& facts, const Verdict& verdict, std::chrono::nanoseconds beat);

// What /livez says by livez_warns when backups are not in order, and the kubelet makes an event of: one line of less
// than 200 bytes. Empty when healthy.
std::string warning_text(const Facts& facts, const Verdict& verdict);

}  // namespace lifeboat::health
