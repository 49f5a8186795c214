// One drill, from the stored backup to its report.
#pragma once

#include "archive_look.hpp"
#include "drill/drill_job.hpp"
#include "dump.hpp"
#include "faults.hpp"
#include "postgres/globals_script.hpp"
#include "postgres/scratch_server.hpp"
#include "proof/differences.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace lifeboat::drill {

// By name: those of which the server refused one or the other, so that they cannot be as they were.
struct SettingsLeftOut {
    std::set<std::string> of_roles;
    std::set<std::string> of_databases;
};

// Its work stands in three files: drill_job.cpp has the order of it, preparation.cpp what comes before the first
// restore, comparison.cpp what comes after each.
class Drill {
public:
    Drill(const DrillPlan& plan, const restore::Source& source, const catalogue::Manifest& manifest,
          DrillObserver& observer, const std::stop_token& stop)
        : plan_(plan), source_(source), manifest_(manifest), observer_(observer), stop_(stop) {
        report_.id = manifest.id.text();
        report_.instance = manifest.instance;
        report_.started = std::chrono::system_clock::now();
    }

    Result<Report> run();

private:
    // drill_job.cpp
    Status hold();
    Status drill_database(const catalogue::DatabaseRecord& record, bool with_globals);
    Status restore_one(const catalogue::DatabaseRecord& record, bool with_globals, ArchiveLook& archive,
                       bool& restored);
    Status blame(const std::string& part, Error error);
    Status blame_backup(const std::string& database, const Error& error);
    void add_object(const std::string& part, const std::string& what);
    void note_what_is_not_in_it();
    void note_how_it_is_confined();

    // preparation.cpp
    Status find_openers();
    Status read_small_parts();
    Status check_listing();
    Status read_proof();
    void check_databases_of_proof();
    Status check_room();
    Status start_server();
    Status prepare_tablespaces();
    Status own_tablespaces();
    Status note_what_is_there();
    Status look_at_server();
    [[nodiscard]] Error lacking(const std::vector<std::string>& lacks) const;
    [[nodiscard]] restore::RestorePlan restore_plan() const;

    // comparison.cpp
    void note_what_was_not_restored(const ArchiveLook& archive, const std::string& database);
    Status compare(const catalogue::DatabaseRecord& record, ArchiveLook& archive, ArchiveLook& after);
    Status compare_definitions(const catalogue::DatabaseRecord& record, ArchiveLook& archive, const ArchiveLook& after);
    Status compare_restores(const catalogue::DatabaseRecord& record, const ArchiveLook& archive,
                            const ArchiveLook& after, const ArchiveLook& again, const std::string& second);
    void note_what_was_not_compared(const std::string& database, const ArchiveLook& archive, const ArchiveLook& after);
    Status create_second(const archive::DatabaseStatement& create, const std::string& name);
    Status restore_again(const catalogue::DatabaseRecord& record, ArchiveLook& archive, const std::string& name,
                         ArchiveLook& again);
    Status set_as_restored(const ArchiveLook& archive, const std::string& name);
    Status name_definitions(const catalogue::DatabaseRecord& record, const std::vector<std::string>& objects,
                            const std::string& second);
    Status ask_checks(const std::string& database);
    void ask_about_others();
    Status drop(const std::string& database);
    Status compare_globals();

    [[nodiscard]] Status server_is_well(const Error& error) const {
        return drill::server_is_well(error, scratch_.get());
    }
    [[nodiscard]] Dumping dumping() { return {*programs_, *connection_, manifest_, stop_}; }
    [[nodiscard]] bool same_major() const { return connection_->major() == manifest_.server.version_num / 10000; }
    [[nodiscard]] bool any_restored() const {
        return std::any_of(report_.databases.begin(), report_.databases.end(),
                           [](const auto& d) { return d.restored; });
    }
    [[nodiscard]] DrilledDatabase& drilled(const std::string& name);

    void add(std::string kind, std::string database, std::string object, std::string text) {
        report_.findings.push_back({std::move(kind), std::move(database), std::move(object), std::move(text)});
    }
    void add(std::vector<proof::Difference> differences);

    // Measures what is done in it.
    template <class Work>
    auto stage(const std::string& name, const std::string& database, const Work& work) {
        observer_.stage_started(name, database);
        const auto began = std::chrono::steady_clock::now();
        auto result = work();
        const auto took =
            std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began);
        report_.stages.push_back({name, database, took});
        return result;
    }

    const DrillPlan& plan_;
    const restore::Source& source_;
    const catalogue::Manifest& manifest_;
    DrillObserver& observer_;
    const std::stop_token& stop_;

    std::vector<postgres::GlobalStatement> globals_;
    std::string globals_sha256_;
    bool globals_restored_ = false;
    SettingsLeftOut settings_left_out_;
    std::optional<proof::Proof> proof_;
    std::set<std::string> there_before_;  // roles and tablespaces
    std::set<std::string> databases_before_;
    std::unique_ptr<postgres::ScratchServer> scratch_;
    postgres::Server target_;
    std::string superuser_;
    std::optional<postgres::Connection> connection_;
    std::optional<postgres::ClientPrograms> programs_;
    Report report_;
};

}  // namespace lifeboat::drill
