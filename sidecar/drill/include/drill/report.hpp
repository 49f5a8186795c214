// What a drill found: for people, for programs, and for the store.
#pragma once

#include "os/clock.hpp"
#include "proof/proof.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lifeboat::drill {

inline constexpr std::string_view report_format = "lifeboat-drill-report/1";

// Something that is not as it should be. Names tables and objects: not for where a proof may not go.
struct Finding {
    // What is wrong, for programs: "object" (stored bytes), "manifest", "proof", "restore", "role", "definition",
    // "check", or the name of a proof::DifferenceKind.
    std::string kind;
    std::string database;  // empty: none in particular
    std::string object;    // "public.people", "INDEX public.people_pkey", a role's name; may be empty
    std::string text;      // a whole sentence; holds no control characters
};

// A question of the owner's, and what the restored database answered.
struct CheckOutcome {
    std::string database;
    std::string query;
    std::string expect;
    std::string got;    // cut where it is long; empty where there is no answer
    std::string error;  // why there is none
    bool passed = false;
};

struct Stage {
    std::string name;      // "server", "restore", "compare", "definitions", "checks", "globals"
    std::string database;  // empty: of the backup as a whole
    std::chrono::milliseconds took{0};
};

struct DrilledDatabase {
    std::string name;
    bool restored = false;
    std::optional<proof::Totals> totals;  // of what came back; nothing where it was not counted
};

// Objects whose definitions PostgreSQL writes in other words once they were restored, and that are the same all the
// same.
struct Respelled {
    std::string database;
    std::vector<std::string> objects;  // "VIEW public.adults"
};

struct Report {
    std::string id;        // of the backup
    std::string instance;  // whose backup
    os::TimePoint started;
    os::TimePoint finished;
    std::string server_version;          // "15.20 (Debian …)": of the server that it was restored into
    bool own_server = true;              // false: --to
    std::vector<std::string> opened_by;  // recipients whose keys were there and opened it; none of a plain backup
    // What restoring took, from the first byte fetched to the last statement, without what a drill does beside it.
    std::chrono::milliseconds restore_took{0};
    std::vector<DrilledDatabase> databases;
    std::vector<Stage> stages;
    std::vector<CheckOutcome> checks;
    std::vector<Finding> findings;
    // What is wrong with newer backups that were passed over for this one, a sentence each: no fault of this one, and a
    // fault all the same where the newest was to be proven.
    std::vector<std::string> passed_over;
    std::vector<Respelled> respelled;  // noted
    std::vector<std::string> notes;    // what was not looked at, or is otherwise worth knowing, and no fault

    [[nodiscard]] bool proven() const { return findings.empty(); }
};

// Lines for a terminal or a file: the verdict first, then what it rests on. At most `most_findings` are named, and the
// number of the others; so are the objects that were written in other words.
std::string to_text(const Report& report, std::size_t most_findings);

// All of it, as one JSON document. Texts that are no UTF-8 are mended, so that it always is one.
std::string to_json(const Report& report);

}  // namespace lifeboat::drill
