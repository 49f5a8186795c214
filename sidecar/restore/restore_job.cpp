#include "restore/restore_job.hpp"

#include "database_restore.hpp"
#include "globals_restore.hpp"
#include "postgres/server_lock.hpp"

#include <deque>

namespace lifeboat::restore {
namespace {

constexpr std::size_t largest_globals = std::size_t{64} << 20U;

class Job {
public:
    Job(const RestorePlan& plan, const Source& source, const catalogue::Manifest& manifest, RestoreObserver& observer,
        std::stop_token stop)
        : plan_(plan), source_(source), manifest_(manifest), observer_(observer), stop_(std::move(stop)) {}

    Status run();

private:
    Status choose();
    Status check_version(int target_major) const;
    Status read_heads();
    Status check_targets(postgres::Connection& connection);
    Status bring_back_globals(postgres::Connection& connection);
    Status bring_back_databases(postgres::Connection& connection, const postgres::ClientPrograms& programs);

    const RestorePlan& plan_;
    const Source& source_;
    const catalogue::Manifest& manifest_;
    RestoreObserver& observer_;
    std::stop_token stop_;
    std::vector<DatabaseChoice> choices_;
    std::deque<archive::Prerequisites> needs_;  // one for each choice; must not move
    std::vector<DatabaseState> before_;
    std::vector<std::string> restored_;
};

Status Job::run() {
    if (auto chosen = choose(); !chosen) {
        return chosen;
    }
    auto lock = postgres::ServerLock::acquire(plan_.target, plan_.lock_wait, stop_);
    if (!lock) {
        return std::move(lock).error();
    }
    auto& connection = lock->connection();
    if (auto checked = check_version(connection.major()); !checked) {
        return checked;
    }
    auto programs = postgres::find_client_programs(plan_.bin_dir, connection.major());
    if (!programs) {
        return std::move(programs).error();
    }
    if (auto checked = check_targets(connection); !checked) {
        return checked;
    }
    if (auto read = read_heads(); !read) {
        return read;
    }
    if (plan_.globals) {
        if (auto restored = bring_back_globals(connection); !restored) {
            return in_context("the globals could not be restored, and no database was touched", std::move(restored).error());
        }
    }
    return bring_back_databases(connection, *programs);
}

Status Job::choose() {
    choices_ = plan_.databases;
    if (choices_.empty()) {
        for (const auto& database : manifest_.databases) {
            choices_.push_back({database.name, database.name});
        }
    }
    for (const auto& choice : choices_) {
        if (manifest_.find(choice.name) == nullptr) {
            return Error{ErrorKind::not_found, "backup " + manifest_.id.text() + " has no database '" + choice.name + "'",
                         "`lifeboat show " + manifest_.id.text() + "` names those it has"};
        }
    }
    return done();
}

Status Job::check_version(int target_major) const {
    const int source_major = manifest_.server.version_num / 10000;
    if (target_major < source_major) {
        return failed("the backup is of PostgreSQL " + std::to_string(source_major) + ", and the target is the older PostgreSQL " +
                          std::to_string(target_major),
                      "restore into PostgreSQL " + std::to_string(source_major) + " or newer");
    }
    return done();
}

Status Job::check_targets(postgres::Connection& connection) {
    std::string filled;
    for (const auto& choice : choices_) {
        auto state = state_of_database(plan_.target, connection, choice.new_name, stop_);
        if (!state) {
            return std::move(state).error();
        }
        if (*state == DatabaseState::filled) {
            filled += (filled.empty() ? "'" : ", '") + choice.new_name + "'";
        }
        before_.push_back(*state);
    }
    if (!filled.empty()) {
        return Error{ErrorKind::refused, "these databases of the target are not empty: " + filled + "; nothing was changed",
                     "restore into an empty server, or under another name with --database NAME=NEWNAME, or drop them first"};
    }
    return done();
}

Status Job::read_heads() {
    for (const auto& choice : choices_) {
        if (auto read = read_prerequisites(source_, *manifest_.find(choice.name), needs_.emplace_back()); !read) {
            return read;
        }
    }
    return done();
}

Status Job::bring_back_globals(postgres::Connection& connection) {
    if (manifest_.globals.empty()) {
        observer_.noted("this partial backup holds no globals: roles must be there already");
        return done();
    }
    observer_.part_started("globals");
    auto script = read_text(source_, manifest_.globals, largest_globals);
    if (!script) {
        return std::move(script).error();
    }
    auto statements = postgres::parse_globals(*script);
    if (!statements) {
        return std::move(statements).error();
    }
    if (auto restored = restore_globals(connection, *statements, observer_); !restored) {
        return restored;
    }
    observer_.part_restored("globals");
    return done();
}

Status Job::bring_back_databases(postgres::Connection& connection, const postgres::ClientPrograms& programs) {
    const DatabaseTools tools{source_, plan_.target, connection, programs, observer_, stop_};
    for (std::size_t i = 0; i < choices_.size(); ++i) {
        const auto& choice = choices_[i];
        observer_.part_started(choice.new_name);
        const DatabaseTask task{*manifest_.find(choice.name), choice.new_name, needs_[i], before_[i]};
        if (auto restored = restore_database(tools, task); !restored) {
            std::string whole;
            for (const auto& name : restored_) {
                whole += (whole.empty() ? "" : ", ") + name;
            }
            Error error = in_context("database '" + choice.new_name + "' was not restored", std::move(restored).error());
            error.what += "; restored before it: " + (whole.empty() ? "none" : whole);
            return error;
        }
        restored_.push_back(choice.new_name);
        observer_.part_restored(choice.new_name);
    }
    return done();
}

}  // namespace

Status run_restore(const RestorePlan& plan, const Source& source, const catalogue::Manifest& manifest,
                   RestoreObserver& observer, const std::stop_token& stop) {
    return Job(plan, source, manifest, observer, stop).run();
}

}  // namespace lifeboat::restore
