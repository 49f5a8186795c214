#include "restore/restore_job.hpp"

#include "archive_file.hpp"
#include "database_restore.hpp"
#include "globals_restore.hpp"
#include "postgres/server_lock.hpp"
#include "rehearsal.hpp"
#include "target_check.hpp"

#include <deque>
#include <numeric>

namespace lifeboat::restore {
namespace {

constexpr std::size_t largest_globals = std::size_t{64} << 20U;

std::uint64_t size_of(const std::vector<store::StoredObject>& objects) {
    return std::accumulate(objects.begin(), objects.end(), std::uint64_t{0},
                           [](std::uint64_t sum, const auto& object) { return sum + object.size; });
}

const char* words_for(Fate fate) {
    switch (fate) {
        case Fate::as_before: return "was not restored and is as it was before";
        case Fate::part_of_it: return "was not restored and may hold a part of it";
        case Fate::restored: return "is restored, but something is left to do";
    }
    return "";
}

std::string listed(const std::vector<std::string>& names) {
    std::string text;
    for (const auto& name : names) {
        text += (text.empty() ? "" : ", ") + name;
    }
    return text.empty() ? "none" : text;
}

class Job {
public:
    Job(const RestorePlan& plan, const Source& source, const catalogue::Manifest& manifest, RestoreObserver& observer,
        const std::stop_token& stop)
        : plan_(plan), source_(source), manifest_(manifest), observer_(observer), stop_(stop) {}

    enum class Purpose { preview, restore };

    // Everything up to the first change.
    Result<RestorePreview> look(postgres::Connection& connection, Purpose purpose);
    Status restore(postgres::Connection& connection);

private:
    Status choose();
    Status check_version(int target_major) const;
    Status check_room() const;
    Status rehearse(postgres::Connection& connection, Purpose purpose, std::vector<std::string>& lacks);
    Status read_backup();
    Status look_at_databases(postgres::Connection& connection);
    Status bring_back_globals(postgres::Connection& connection);
    Status bring_back_databases(postgres::Connection& connection, const postgres::ClientPrograms& programs);
    [[nodiscard]] Error ended_at(std::size_t failed, Fate fate, Error error) const;
    [[nodiscard]] RestorePreview preview(std::vector<std::string> lacks) const;

    const RestorePlan& plan_;
    const Source& source_;
    const catalogue::Manifest& manifest_;
    RestoreObserver& observer_;
    const std::stop_token& stop_;
    postgres::ClientPrograms programs_;
    std::vector<DatabaseChoice> choices_;
    std::deque<DatabaseHead> heads_;  // one for each choice; must not move
    std::vector<DatabaseState> before_;
    std::set<std::string> roles_before_;
    std::vector<postgres::GlobalStatement> globals_;
    std::vector<std::string> restored_;
};

Result<RestorePreview> Job::look(postgres::Connection& connection, Purpose purpose) {
    if (auto chosen = choose(); !chosen) {
        return std::move(chosen).error();
    }
    if (auto checked = check_version(connection.major()); !checked) {
        return std::move(checked).error();
    }
    auto standby = connection.value("SELECT pg_catalog.pg_is_in_recovery()");
    if (!standby) {
        return std::move(standby).error();
    }
    if (*standby == "t") {
        return failed("the target is a standby, which takes no changes", "restore into its primary");
    }
    // A setting of the role or the database may have switched it on, as a seat belt.
    if (auto set = connection.execute("SET default_transaction_read_only = off"); !set) {
        return std::move(set).error();
    }
    auto programs = postgres::find_client_programs(plan_.bin_dir, connection.major());
    if (!programs) {
        return std::move(programs).error();
    }
    programs_ = std::move(*programs);
    if (programs_.outdated()) {
        observer_.noted("pg_restore " + programs_.version +
                        " is older than the minor release that closed CVE-2026-116314: an archive that somebody "
                        "tampered with could run code here; install the newest minor of postgresql-client-" +
                        std::to_string(programs_.major));
    }
    if (auto room = check_room(); !room) {
        return std::move(room).error();
    }
    if (auto looked = look_at_databases(connection); !looked) {
        return std::move(looked).error();
    }
    if (auto read = read_backup(); !read) {
        return std::move(read).error();
    }
    auto roles = names_of_roles(connection);
    if (!roles) {
        return std::move(roles).error();
    }
    roles_before_ = std::move(*roles);
    std::vector<CheckedDatabase> databases;
    for (std::size_t i = 0; i < choices_.size(); ++i) {
        databases.push_back({*manifest_.find(choices_[i].name), heads_[i], before_[i], choices_[i].new_name});
    }
    auto lacks = what_target_lacks(plan_, connection, databases, globals_);
    if (!lacks) {
        return std::move(lacks).error();
    }
    // What is known to be lacking would be refused there once more, in other words.
    if (lacks->empty()) {
        if (auto rehearsed = rehearse(connection, purpose, *lacks); !rehearsed) {
            return std::move(rehearsed).error();
        }
    }
    return preview(std::move(*lacks));
}

Status Job::rehearse(postgres::Connection& connection, Purpose purpose, std::vector<std::string>& lacks) {
    Quiet quiet;  // a restore will say the same on its way
    RestoreObserver& observer = purpose == Purpose::preview ? observer_ : quiet;
    const auto take = [&lacks](Result<Obstacle> found) -> Status {
        if (!found) {
            return std::move(found).error();
        }
        if (*found) {
            lacks.push_back(**std::move(found));
        }
        return done();
    };
    // They come all or none, so that a restore may as well try.
    if (plan_.globals && purpose == Purpose::preview) {
        if (auto taken = take(rehearse_roles(plan_, connection, globals_, observer)); !taken || !lacks.empty()) {
            return taken;
        }
    }
    const RestoreTools tools{plan_, source_, connection, programs_, observer, stop_};
    for (std::size_t i = 0; i < choices_.size(); ++i) {
        if (before_[i] != DatabaseState::empty) {
            continue;
        }
        const DatabaseTask task{*manifest_.find(choices_[i].name), choices_[i].new_name, heads_[i], before_[i]};
        if (auto taken = take(rehearse_load(tools, task, globals_)); !taken) {
            return taken;
        }
    }
    return done();
}

// With several jobs each archive goes through a file.
Status Job::check_room() const {
    if (plan_.jobs <= 1) {
        return done();
    }
    std::uint64_t largest = 0;
    for (const auto& choice : choices_) {
        largest = std::max(largest, manifest_.find(choice.name)->archive_bytes);
    }
    auto file = ArchiveFile::create();
    return file ? (*file)->check_room(largest) : Status(std::move(file).error());
}

RestorePreview Job::preview(std::vector<std::string> lacks) const {
    RestorePreview preview;
    using Deed = RestorePreview::Database::Deed;
    for (std::size_t i = 0; i < choices_.size(); ++i) {
        const Deed deed = before_[i] == DatabaseState::missing ? Deed::create
                          : before_[i] == DatabaseState::empty ? Deed::load_into_empty
                                                               : Deed::replace;
        preview.databases.push_back({choices_[i].name, choices_[i].new_name, deed});
    }
    for (const auto& role : postgres::created_roles(globals_)) {
        if (roles_before_.count(role) == 0) {
            preview.roles_to_create.push_back(role);
        }
    }
    preview.lacks = std::move(lacks);
    return preview;
}

Status Job::restore(postgres::Connection& connection) {
    if (plan_.globals) {
        if (auto restored = bring_back_globals(connection); !restored) {
            return in_context("the globals could not be restored, and no database was touched",
                              std::move(restored).error());
        }
    }
    return bring_back_databases(connection, programs_);
}

// PostgreSQL cuts off the rest of a longer one, with no more than a notice.
constexpr std::size_t longest_name = 63;

Status Job::choose() {
    choices_ = plan_.databases;
    if (choices_.empty()) {
        for (const auto& database : manifest_.databases) {
            choices_.push_back({database.name, database.name});
        }
    }
    std::set<std::string> new_names;
    for (const auto& choice : choices_) {
        if (manifest_.find(choice.name) == nullptr) {
            return Error{ErrorKind::not_found,
                         "backup " + manifest_.id.text() + " has no database '" + choice.name + "'",
                         "`lifeboat show " + manifest_.id.text() + "` names those it has"};
        }
        if (choice.new_name.empty() || choice.new_name.size() > longest_name) {
            return Error{ErrorKind::usage,
                         "database '" + choice.name + "' cannot be restored under a name " +
                             (choice.new_name.empty() ? "that is empty" : "of more than 63 bytes"),
                         "write --database NAME=NEWNAME with 1 to 63 bytes of NEWNAME"};
        }
        if (!new_names.insert(choice.new_name).second) {
            return Error{ErrorKind::usage, "two databases cannot both be restored as '" + choice.new_name + "'",
                         "give each its own name"};
        }
    }
    return done();
}

Status Job::check_version(int target_major) const {
    const int source_major = manifest_.server.version_num / 10000;
    if (target_major < source_major) {
        return failed("the backup is of PostgreSQL " + std::to_string(source_major) +
                          ", and the target is the older PostgreSQL " + std::to_string(target_major),
                      "restore into PostgreSQL " + std::to_string(source_major) + " or newer");
    }
    return done();
}

Status Job::look_at_databases(postgres::Connection& connection) {
    std::string filled;
    for (const auto& choice : choices_) {
        auto content = look_into_database(plan_.target, connection, choice.new_name, stop_);
        if (!content) {
            return std::move(content).error();
        }
        before_.push_back(content->state);
        if (content->state != DatabaseState::filled) {
            continue;
        }
        filled += (filled.empty() ? "'" : ", '") + choice.new_name + "' (" + listed(content->examples) + ")";
        if (plan_.overwrite && choice.new_name == connection.database()) {
            return Error{ErrorKind::usage,
                         "database '" + choice.new_name + "' cannot be replaced over a connection to itself",
                         "name another database in --to, such as template1"};
        }
    }
    if (!filled.empty() && !plan_.overwrite) {
        return Error{ErrorKind::refused,
                     "these databases of the target are not empty: " + filled + "; nothing was changed",
                     plan_.for_drill
                         ? "drop them if they are of an earlier drill, name a server in --to that is empty, or leave "
                           "--to out: a drill then starts a server of its own"
                         : "restore under another name with --database NAME=NEWNAME, or replace them with --overwrite"};
    }
    return done();
}

Status Job::read_backup() {
    for (const auto& choice : choices_) {
        if (auto read = read_head(source_, *manifest_.find(choice.name), heads_.emplace_back()); !read) {
            return read;
        }
    }
    if (!plan_.globals || manifest_.globals.empty()) {
        return done();
    }
    auto script = read_text(source_, manifest_.globals, largest_globals);
    if (!script) {
        return in_context("the globals", std::move(script).error());
    }
    auto statements = postgres::parse_globals(*script);
    if (!statements) {
        return in_context("the globals", std::move(statements).error());
    }
    globals_ = std::move(*statements);
    return done();
}

Status Job::bring_back_globals(postgres::Connection& connection) {
    if (manifest_.globals.empty()) {
        observer_.noted("this partial backup holds no globals: roles must be there already");
        return done();
    }
    observer_.part_started("globals", size_of(manifest_.globals));
    if (auto restored = restore_globals(plan_.target, connection, globals_, plan_.alter_roles, observer_); !restored) {
        return restored;
    }
    observer_.part_restored("globals");
    return done();
}

// Exactly what is done and what is not.
Error Job::ended_at(std::size_t failed, Fate fate, Error error) const {
    if (plan_.for_drill) {
        return in_context("it could not be restored", std::move(error));  // one at a time, and looked at afterwards
    }
    std::vector<std::string> not_begun;
    for (std::size_t i = failed + 1; i < choices_.size(); ++i) {
        not_begun.push_back(choices_[i].new_name);
    }
    error.detail = error.what + (error.detail.empty() ? "" : ": " + error.detail);
    error.what = "database '" + choices_[failed].new_name + "' " + words_for(fate) +
                 "; restored before it: " + listed(restored_) + "; not begun: " + listed(not_begun);
    return error;
}

Status Job::bring_back_databases(postgres::Connection& connection, const postgres::ClientPrograms& programs) {
    const RestoreTools tools{plan_, source_, connection, programs, observer_, stop_};
    for (std::size_t i = 0; i < choices_.size(); ++i) {
        const auto& choice = choices_[i];
        observer_.part_started(choice.new_name, size_of(manifest_.find(choice.name)->objects));
        const DatabaseTask task{*manifest_.find(choice.name), choice.new_name, heads_[i], before_[i]};
        Fate fate = Fate::as_before;
        if (auto restored = restore_database(tools, task, fate); !restored) {
            return ended_at(i, fate, std::move(restored).error());
        }
        restored_.push_back(choice.new_name);
        observer_.part_restored(choice.new_name);
    }
    return done();
}

Error lacks_error(const std::vector<std::string>& lacks) {
    Error error = failed("the target lacks what this backup needs, and nothing was changed",
                         "provide what is named, and run it again");
    for (const auto& line : lacks) {
        error.detail += (error.detail.empty() ? "" : "; ") + line;
    }
    return error;
}

}  // namespace

Result<RestorePreview> preview_restore(const RestorePlan& plan, const Source& source,
                                       const catalogue::Manifest& manifest, RestoreObserver& observer,
                                       const std::stop_token& stop) {
    auto connection = postgres::Connection::open(plan.target, std::nullopt, stop);
    if (!connection) {
        return std::move(connection).error();
    }
    if (auto direct = postgres::refuse_pooler(*connection); !direct) {
        return std::move(direct).error();
    }
    // Looked for and not taken: a rehearsal is no reason for a backup to fail.
    auto taken = postgres::ServerLock::taken(*connection);
    if (!taken) {
        return std::move(taken).error();
    }
    auto preview = Job(plan, source, manifest, observer, stop).look(*connection, Job::Purpose::preview);
    if (preview && *taken && plan.lock_wait.count() == 0) {
        preview->lacks.emplace_back(
            std::string(
                "the server to itself: another Lifeboat is at work on it, a backup or a restore: wait for it to "
                "end") +
            (plan.for_drill ? "" : ", or give --lock-wait 10m"));
    } else if (preview && *taken) {
        observer.noted("another Lifeboat is at work on this server: a restore would wait for it to end");
    }
    return preview;
}

Status run_restore(const RestorePlan& plan, const Source& source, const catalogue::Manifest& manifest,
                   RestoreObserver& observer, const std::stop_token& stop) {
    auto lock = postgres::ServerLock::acquire(plan.target, plan.lock_wait, stop);
    if (!lock) {
        return std::move(lock).error();
    }
    Job job(plan, source, manifest, observer, stop);
    auto preview = job.look(lock->connection(), Job::Purpose::restore);
    if (!preview) {
        return std::move(preview).error();
    }
    if (!preview->lacks.empty()) {
        return lacks_error(preview->lacks);
    }
    return job.restore(lock->connection());
}

}  // namespace lifeboat::restore
