// What a child tells the supervisor over its pipe: one JSON object a line. Both ends are the same binary, so the form
// is ours alone and may change with any version.
#pragma once

#include "health/facts.hpp"
#include "result/result.hpp"
#include "schedule/next_run.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace lifeboat::supervisor {

// A backup has its id, and moves the server's data from now on.
struct BackupBegan {
    std::string id;
    std::size_t databases = 0;
    std::string server = {};  // its system identifier; empty: the role may not read it
};

// How far the part under way has come.
struct BackupMoved {
    std::string part;
    std::uint64_t dumped_bytes = 0;
    std::uint64_t stored_bytes = 0;
    std::optional<std::uint64_t> estimated_bytes;
};

// A request to the store is tried again.
struct StoreAskedAgain {};

// What a run gave way to, and what can be done about it.
struct YieldedTo {
    std::string name;
    std::string cure;
};

struct BackupEnded {
    health::RunResult result = health::RunResult::failed;
    std::optional<health::BackupFacts> backup = std::nullopt;  // what is in the store now: of good and partial ones
    std::optional<health::Problem> problem = std::nullopt;     // of all others, and of partial ones
    std::string detail = {};                                   // more of it, for the log alone
    std::optional<YieldedTo> yielded_to = std::nullopt;        // of yielded ones, and of partial ones that did in part
};

// What the store holds.
struct SurveyEnded {
    health::StoreFacts store;  // without `surveyed` and what belongs to failures: the supervisor knows these
    schedule::StoreView runs;  // its good ones are of this server alone, where that is known
    std::string newest_id;     // of all whole backups, by name; empty: there is none
    std::optional<health::Problem> limited = std::nullopt;  // what the key may not see, if anything
    // The system identifier of this sidecar's server, where it was asked for and the server answered.
    std::optional<std::string> server = std::nullopt;
};

// What a child is told that its settings do not say.
struct Known {
    std::string newest_id;              // of all whole backups that the last survey saw; empty: none
    std::optional<std::string> server;  // the server's system identifier; empty: a survey asks for it
};

// Of a survey, a sweep or a prune.
struct WorkFailed {
    health::Problem problem;
    std::string detail;
};

struct SweepEnded {};

struct PruneEnded {
    std::uint64_t backups = 0;                                   // deleted
    std::uint64_t bytes = 0;                                     // of these
    std::optional<health::Problem> stopped = std::nullopt;       // somebody has to look
    std::optional<health::Problem> not_possible = std::nullopt;  // this key may not, and need not
};

using Report = std::variant<BackupBegan, BackupMoved, StoreAskedAgain, BackupEnded, SurveyEnded, WorkFailed, SweepEnded,
                            PruneEnded>;

// With its line break. Text that is no UTF-8 has its bad bytes replaced.
std::string to_line(const Report& report);

// The error (kind corrupt) quotes nothing of the line.
Result<Report> from_line(std::string_view line);

}  // namespace lifeboat::supervisor
