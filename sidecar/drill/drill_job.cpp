#include "drill/drill_job.hpp"

#include "drill.hpp"
#include "manifest_checks.hpp"
#include "restore/verify_job.hpp"
#include "result/in_quotes.hpp"

namespace lifeboat::drill {
namespace {

// What the server would not have is no fault of the backup, and must not go unsaid either.
class SettingsAreNoted final : public restore::RestoreObserver {
public:
    SettingsAreNoted(restore::RestoreObserver& next, SettingsLeftOut& left_out, std::vector<std::string>& notes)
        : next_(next), left_out_(left_out), notes_(notes) {}

    void part_started(const std::string& part, std::uint64_t stored_bytes) override {
        next_.part_started(part, stored_bytes);
    }
    void part_moved(const std::string& part, std::uint64_t fetched_bytes, std::uint64_t plain_bytes) override {
        next_.part_moved(part, fetched_bytes, plain_bytes);
    }
    void part_restored(const std::string& part) override { next_.part_restored(part); }
    void noted(const std::string& text) override { next_.noted(text); }
    void setting_left_out(SettingOf of, const std::string& name, const std::string& text) override {
        (of == SettingOf::role ? left_out_.of_roles : left_out_.of_databases).insert(name);
        const std::string note = text + "; so its settings are not compared";
        if (std::find(notes_.begin(), notes_.end(), note) == notes_.end()) {
            notes_.push_back(note);
        }
    }

private:
    restore::RestoreObserver& next_;
    SettingsLeftOut& left_out_;
    std::vector<std::string>& notes_;
};

}  // namespace

DrilledDatabase& Drill::drilled(const std::string& name) {
    return *std::find_if(report_.databases.begin(), report_.databases.end(),
                         [&](const auto& database) { return database.name == name; });
}

void Drill::add(std::vector<proof::Difference> differences) {
    for (auto& difference : differences) {
        add(std::string(proof::name_of(difference.kind)), std::move(difference.database), std::move(difference.object),
            std::move(difference.text));
    }
}

Result<Report> Drill::run() {
    auto held = hold();
    if (!held) {
        return std::move(held).error();
    }
    report_.finished = std::chrono::system_clock::now();
    return std::move(report_);
}

Status Drill::hold() {
    for (const auto& database : manifest_.databases) {
        report_.databases.push_back({database.name, false, {}});
    }
    if (!manifest_.failures.empty()) {
        report_.notes.emplace_back("the backup is partial: some databases of its run failed, and are not in it");
    }
    note_what_is_not_in_it();
    for (const auto step : {&Drill::find_openers, &Drill::read_small_parts, &Drill::check_room, &Drill::start_server,
                            &Drill::look_at_server}) {
        if (auto stepped = (this->*step)(); !stepped) {
            return stepped;
        }
    }
    if (!connection_) {
        return done();  // what was found so far allows no restore
    }
    ask_about_others();
    bool with_globals = true;
    for (const auto& record : manifest_.databases) {
        if (auto drilled = drill_database(record, with_globals); !drilled) {
            return drilled;
        }
        with_globals = with_globals && !globals_restored_;
    }
    for (const auto& check : report_.checks) {
        if (!check.passed) {
            add("check", check.database, "",
                check.query + ": expected " + check.expect + ", " +
                    (check.error.empty() ? "got " + check.got : check.error));
        }
    }
    return globals_restored_ ? stage("globals", "", [this] { return compare_globals(); }) : done();
}

// It cannot be missing from what came back, and an owner who reads "proven" must know of it all the same.
void Drill::note_what_is_not_in_it() {
    const auto add_all = [this](const std::string& where, const std::vector<catalogue::OmissionRecord>& omissions) {
        for (const auto& omission : omissions) {
            if (omission.kind != "materialized_views") {  // which a restore fills again
                std::string words = omission.kind;
                std::replace(words.begin(), words.end(), '_', ' ');
                std::string note = "not in the backup" + where + ": ";
                note.append(std::to_string(omission.count)).append(" ").append(words);
                note.append(" (").append(omission.text).append(")");
                report_.notes.push_back(std::move(note));
            }
        }
    };
    for (const auto& database : manifest_.databases) {
        add_all(", of database " + in_quotes(database.name), database.omissions);
    }
    add_all("", manifest_.omissions);
    for (const auto& pattern : manifest_.exclude_table_data) {
        report_.notes.push_back("not in the backup, as it was told: the rows of tables named " + in_quotes(pattern));
    }
}

void Drill::note_how_it_is_confined() {
    if (!scratch_->own_user() && !scratch_->fenced()) {
        report_.notes.emplace_back(
            "restored SQL ran as the user of this program, who can read the key file: this kernel has no Landlock");
    }
    if (scratch_->reaches_network()) {
        report_.notes.emplace_back(
            "restored SQL could reach this machine's network: this kernel has no seccomp filters, and only root can "
            "give the throw-away server a network of its own");
    }
}

// Once for each.
void Drill::add_object(const std::string& part, const std::string& what) {
    const bool is_database = manifest_.find(part) != nullptr;
    const std::string text = is_database ? what : part + ": " + what;
    const bool known = std::any_of(report_.findings.begin(), report_.findings.end(), [&](const auto& finding) {
        return finding.kind == "object" && finding.text == text;
    });
    if (!known) {
        add("object", is_database ? part : "", "", text);
    }
}

// Takes down what is wrong with the backup. Nothing else of it need be restored to know that, but what else is wrong
// with its objects is of interest: they are read, all of them.
Status Drill::blame(const std::string& part, Error error) {
    if (says_nothing_of_backup(error.kind)) {
        return error;
    }
    auto looked = stage("verify", "", [this] {
        return restore::verify(
            source_, manifest_, [](const std::string&, std::uint64_t, std::optional<std::uint64_t>) {}, stop_);
    });
    bool named = false;
    for (const auto& found : looked.parts) {
        if (found.outcome) {
            continue;
        }
        if (!found.looked || says_nothing_of_backup(found.outcome.error().kind)) {
            return in_context(found.part, found.outcome.error());
        }
        named = named || found.part == part;
        add_object(found.part, whole_text(found.outcome.error()));
    }
    if (!named) {
        const bool is_database = manifest_.find(part) != nullptr;
        add(is_database             ? "restore"
            : part == "table proof" ? "proof"
                                    : "restore",
            is_database ? part : "", "", (is_database ? "" : part + ": ") + whole_text(error));
    }
    return done();
}

// Whether what failed with a database that came back is the backup's fault; else the error tells whose.
Status Drill::blame_backup(const std::string& database, const Error& error) {
    if (auto well = server_is_well(error); !well) {
        return well;
    }
    if (auto ours = sessions_are_ours(target_, database, error, stop_); !ours) {
        return ours;
    }
    return says_nothing_of_backup(error.kind) ? Status(error) : done();
}

Status Drill::restore_one(const catalogue::DatabaseRecord& record, bool with_globals, ArchiveLook& archive,
                          bool& restored) {
    auto plan = restore_plan();
    plan.databases = {{record.name, record.name}};
    plan.globals = with_globals;
    plan.inspector = [&archive](const std::string&, stream::Sink& next) { return archive.tap(next); };
    SettingsAreNoted observer(observer_, settings_left_out_, report_.notes);
    const auto began = std::chrono::steady_clock::now();
    auto ran =
        stage("restore", record.name, [&] { return restore::run_restore(plan, source_, manifest_, observer, stop_); });
    report_.restore_took +=
        std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began);
    restored = ran.ok();
    if (ran) {
        globals_restored_ = globals_restored_ || (with_globals && !manifest_.globals.empty());
        return done();
    }
    if (auto well = server_is_well(ran.error()); !well) {
        return well;
    }
    if (auto any = any_name_will_do(ran.error()); !any) {
        return any;
    }
    if (ran.error().kind == ErrorKind::busy) {
        auto busy = std::move(ran).error();
        busy.next = "wait for it to end, and drill again";
        return busy;
    }
    return blame(record.name, std::move(ran).error());
}

Status Drill::drill_database(const catalogue::DatabaseRecord& record, bool with_globals) {
    ArchiveLook archive;
    archive.keep_front();
    bool restored = false;
    if (auto tried = restore_one(record, with_globals, archive, restored); !tried || !restored) {
        return tried;
    }
    drilled(record.name).restored = true;
    if (with_globals) {
        if (auto owned = own_tablespaces(); !owned) {
            return owned;
        }
    }
    for (auto& difference : differences_from_manifest(record, archive)) {
        report_.findings.push_back(std::move(difference));
    }
    note_what_was_not_restored(archive, record.name);
    ArchiveLook after;
    if (auto compared = stage("compare", record.name, [&] { return compare(record, archive, after); }); !compared) {
        return compared;
    }
    if (after.finished()) {
        if (auto compared =
                stage("definitions", record.name, [&] { return compare_definitions(record, archive, after); });
            !compared) {
            return compared;
        }
    }
    if (auto asked = ask_checks(record.name); !asked) {
        return asked;
    }
    return scratch_ ? drop(record.name) : done();
}

Result<Report> run_drill(const DrillPlan& plan, const restore::Source& source, const catalogue::Manifest& manifest,
                         DrillObserver& observer, const std::stop_token& stop) {
    return Drill(plan, source, manifest, observer, stop).run();
}

}  // namespace lifeboat::drill
