#include "backup/backup_job.hpp"

#include "backup/restore_text.hpp"
#include "catalogue/catalogue.hpp"
#include "catalogue/trust.hpp"
#include "database_dump.hpp"
#include "giving_way.hpp"
#include "part_writer.hpp"
#include "postgres/globals_script.hpp"
#include "postgres/server_lock.hpp"
#include "proof_part.hpp"
#include "stream/sha256.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace lifeboat::backup {
namespace {

using catalogue::Layout;
using catalogue::Manifest;
using store::StoredObject;

bool is_silence(const Status& status) {
    return !status && (status.error().kind == ErrorKind::temporary || status.error().kind == ErrorKind::interrupted);
}

// Objects of a run that has no manifest yet. Unless kept, they are taken back.
class Uncommitted {
public:
    explicit Uncommitted(store::ObjectStore& store) : store_(store) {}
    Uncommitted(const Uncommitted&) = delete;
    Uncommitted& operator=(const Uncommitted&) = delete;
    ~Uncommitted() {
        // What stays is data without a manifest: the sweep's. A store that does not answer is not waited for once an
        // object: how the run ended would be told hours later.
        for (const auto& object : objects_) {
            if (const auto removed = store_.remove(object.key, object.version_id); is_silence(removed)) {
                return;
            }
        }
    }

    void add(const std::vector<StoredObject>& objects) {
        objects_.insert(objects_.end(), objects.begin(), objects.end());
    }
    void keep() { objects_.clear(); }

private:
    store::ObjectStore& store_;
    std::vector<StoredObject> objects_;
};

// The roles that a globals script creates, read as it passes.
class RolesTap final : public stream::Sink {
public:
    explicit RolesTap(stream::Sink& next) : next_(next) {}

    Status write(stream::Bytes chunk) override {
        hash_.update(chunk);
        if (script_.size() + chunk.size() <= most_text) {
            script_.append(stream::as_text(chunk));
        } else {
            whole_ = false;
        }
        return next_.write(chunk);
    }
    Status finish() override { return next_.finish(); }

    // Of all that passed; once, last.
    std::string sha256() { return hash_.hex(); }

    // Nothing where the script is larger than 4 MiB, or not understood: then nothing can be said of it.
    [[nodiscard]] std::optional<std::set<std::string>> roles() const {
        const auto statements = postgres::parse_globals(script_);
        if (!whole_ || !statements) {
            return std::nullopt;
        }
        const auto names = postgres::created_roles(*statements);
        return std::set<std::string>(names.begin(), names.end());
    }

private:
    static constexpr std::size_t most_text = std::size_t{4} << 20U;
    stream::Sink& next_;
    std::string script_;
    stream::Sha256 hash_;
    bool whole_ = true;
};

class Job {
public:
    Job(const BackupPlan& plan, Layout layout, store::ObjectStore& store, const os::Clock& clock,
        BackupObserver& observer, const std::stop_token& stop)
        : plan_(plan),
          layout_(std::move(layout)),
          store_(store),
          clock_(clock),
          observer_(observer),
          asked_to_stop_(stop),
          pass_on_(stop, [this] { letting_go_.request_stop(); }),
          stop_(letting_go_.get_token()),
          writer_(plan, store, observer, stop_),
          uncommitted_(store) {}

    Result<BackupOutcome> run();

private:
    Result<BackupOutcome> give_way_on(postgres::ServerLock& lock, const postgres::ServerFacts& facts);
    Result<BackupOutcome> run_on(postgres::ServerLock& lock, const postgres::ServerFacts& facts);
    Result<Manifest> begin_manifest(const postgres::ServerFacts& facts, postgres::Connection& connection) const;
    Status dump_all(postgres::ServerLock& lock, const postgres::Selection& selection, Manifest& manifest);
    Status dump_some(postgres::ServerLock& lock, const std::vector<std::string>& names, Manifest& manifest,
                     std::vector<std::string>* later);
    Status dump_one(const std::string& name, Manifest& manifest);
    Status after_failure(const std::string& name, const Error& error, postgres::ServerLock& lock, Manifest& manifest);
    Status dump_globals(postgres::ServerLock& lock, Manifest& manifest);
    Status store_proof(Manifest& manifest);
    Status check_roles(const std::optional<std::set<std::string>>& created) const;
    Status note_failure(Manifest& manifest, std::optional<std::string> database, const Error& error);
    Status check_objects(const Manifest& manifest);
    Status check_counts(const store::StoredObject& stored, const std::string& json);
    Status compare_with_earlier(Manifest& manifest, const std::vector<std::string>& on_server);
    Result<BackupOutcome> commit(Manifest manifest);
    [[nodiscard]] catalogue::Encrypted encrypted() const {
        return plan_.recipients.empty() ? catalogue::Encrypted::no : catalogue::Encrypted::yes;
    }

    const BackupPlan& plan_;
    Layout layout_;
    store::ObjectStore& store_;
    const os::Clock& clock_;
    BackupObserver& observer_;
    const std::stop_token& asked_to_stop_;
    std::stop_source letting_go_;  // of every connection: asked to stop, or for the server's sake
    std::stop_callback<std::function<void()>> pass_on_;
    const std::stop_token stop_;
    PartWriter writer_;
    Uncommitted uncommitted_;
    std::optional<GivingWay> giving_way_;
    postgres::ClientPrograms programs_;
    std::map<std::string, std::string> ids_;  // of the databases, as the run began
    std::optional<Error> first_failure_;
    std::optional<Yield> yield_;         // of a part that failed by it: the first
    bool nothing_but_yield_ = false;     // no database could be stored, and that was why
    std::set<std::string> roles_named_;  // by any archive of this run
    std::optional<ProofPart> proof_;
};

Result<BackupOutcome> Job::run() {
    auto lock = postgres::ServerLock::acquire(plan_.server, plan_.lock_wait, stop_);
    if (!lock) {
        return std::move(lock).error();
    }
    auto facts = postgres::read_server_facts(lock->connection());
    if (!facts) {
        return std::move(facts).error();
    }
    if (facts->in_recovery && plan_.role == Role::primary) {
        return BackupOutcome{BackupOutcome::Kind::not_ours};
    }
    return give_way_on(*lock, *facts);
}

// Once the lock is held, everything that is done here may be in somebody's way.
Result<BackupOutcome> Job::give_way_on(postgres::ServerLock& lock, const postgres::ServerFacts& facts) {
    giving_way_.emplace(plan_, lock, facts.in_recovery, [this] { letting_go_.request_stop(); });
    writer_.give_way_by(*giving_way_);
    auto outcome = run_on(lock, facts);
    if (!outcome && !asked_to_stop_.stop_requested()) {
        if (giving_way_->server_went_away(asked_to_stop_)) {
            giving_way_->note({postgres::GaveWay::To::shutdown});
        }
        if (giving_way_->server_crashed()) {
            outcome =
                Error{ErrorKind::temporary, "the server crashed while it was backed up",
                      "see its log for what ended which of its processes: it may be that a dump needs more memory"};
        } else if (const auto server = giving_way_->to_the_server()) {
            outcome = BackupOutcome{BackupOutcome::Kind::yielded, std::nullopt, Yield{*server}};
        } else if (nothing_but_yield_) {
            outcome = BackupOutcome{BackupOutcome::Kind::yielded, std::nullopt, yield_};
        }
    }
    giving_way_.reset();  // it uses the lock's connection
    return outcome;
}

Result<BackupOutcome> Job::run_on(postgres::ServerLock& lock, const postgres::ServerFacts& facts) {
    if (plan_.still_wanted) {  // asks the store, which may take its time
        auto wanted = plan_.still_wanted();
        if (!wanted) {
            return std::move(wanted).error();
        }
        if (!*wanted) {
            return BackupOutcome{BackupOutcome::Kind::not_needed};
        }
    }
    auto programs = postgres::find_client_programs(plan_.bin_dir, lock.connection().major());
    if (!programs) {
        return std::move(programs).error();
    }
    programs_ = std::move(*programs);
    auto found = postgres::list_databases(lock.connection());
    if (!found) {
        return std::move(found).error();
    }
    auto ids = postgres::ids_of_databases(lock.connection());
    if (!ids) {
        return std::move(ids).error();
    }
    ids_ = std::move(*ids);
    const auto selection = postgres::select_databases(*found, plan_.databases, plan_.exclude);
    if (selection.chosen.empty()) {
        return Error{ErrorKind::usage, "none of the server's " + std::to_string(found->size()) + " databases is chosen",
                     "correct postgres.databases and postgres.exclude"};
    }
    auto manifest = begin_manifest(facts, lock.connection());
    if (!manifest) {
        return std::move(manifest).error();
    }
    if (auto written = write_restore_text(store_, layout_); !written) {
        return std::move(written).error();
    }
    observer_.started(manifest->id, facts, selection.chosen.size() + 1);
    proof_.emplace(manifest->id.text(), layout_.instance());
    if (programs_.outdated()) {
        observer_.warned("", "the PostgreSQL clients are " + programs_.version +
                                 ", older than the minor release that closed CVE-2026-116314");
    }
    if (auto dumped = dump_all(lock, selection, *manifest); !dumped) {
        return std::move(dumped).error();
    }
    if (auto stored = store_proof(*manifest); !stored) {
        return in_context("the table proof", std::move(stored).error());
    }
    if (auto compared = compare_with_earlier(*manifest, *found); !compared) {
        return std::move(compared).error();
    }
    // Without the lock another run may have been at work beside this one since nobody knows when.
    if (auto held = lock.check(); !held) {
        return std::move(held).error();
    }
    return commit(std::move(*manifest));
}

Result<Manifest> Job::begin_manifest(const postgres::ServerFacts& facts, postgres::Connection& connection) const {
    auto omissions = postgres::server_omissions(connection);
    if (!omissions) {
        return std::move(omissions).error();
    }
    const auto now = clock_.now();
    Manifest manifest{catalogue::BackupId::make(now),
                      layout_.instance(),
                      now,
                      now,
                      {},
                      {},
                      {},
                      0,
                      {},
                      {},
                      {},
                      {},
                      {},
                      {},
                      {},
                      {},
                      {}};
    manifest.writer = {plan_.lifeboat_version, programs_.version};
    manifest.server = {facts.version, facts.version_num, facts.system_identifier, facts.timeline,
                       facts.in_recovery ? "standby" : "primary"};
    for (const auto& recipient : plan_.recipients) {
        manifest.recipients.push_back(recipient.text());
    }
    manifest.compression_level = plan_.compression_level;
    for (const auto& omission : *omissions) {
        manifest.omissions.push_back({omission.kind, omission.count, omission.text});
    }
    manifest.exclude_table_data = plan_.exclude_table_data;
    manifest.retention = plan_.retention;
    return manifest;
}

Status Job::dump_all(postgres::ServerLock& lock, const postgres::Selection& selection, Manifest& manifest) {
    std::vector<std::string> later;
    if (auto dumped = dump_some(lock, selection.chosen, manifest, &later); !dumped) {
        return dumped;
    }
    if (auto dumped = dump_some(lock, later, manifest, nullptr); !dumped) {
        return dumped;
    }
    // Last, because the first failure is the run's when nothing could be stored: then it is not a name that is to
    // blame.
    for (const auto& name : selection.missing) {
        const Error error{ErrorKind::not_found, "the server has no database '" + name + "'",
                          "create it, or take it out of postgres.databases"};
        if (auto noted = note_failure(manifest, name, error); !noted) {
            return noted;
        }
    }
    nothing_but_yield_ = nothing_but_yield_ && manifest.databases.empty();
    if (manifest.databases.empty()) {
        return first_failure_ ? *first_failure_ : failed("every database was dropped before its turn", "run again");
    }
    if (auto dumped = dump_globals(lock, manifest); !dumped) {
        return note_failure(manifest, std::nullopt, dumped.error());
    }
    return done();
}

// A dump that gave way to a statement is tried again later, if there is a later: while the others were dumped, that
// statement may have come to its end.
Status Job::dump_some(postgres::ServerLock& lock, const std::vector<std::string>& names, Manifest& manifest,
                      std::vector<std::string>* later) {
    for (const auto& name : names) {
        auto dumped = dump_one(name, manifest);
        const auto gave_way = giving_way_->take_statement();
        if (dumped || stop_.stop_requested()) {
            if (!dumped) {
                return dumped;
            }
            continue;
        }
        if (gave_way && later != nullptr && &name != &names.back()) {
            observer_.warned(name, postgres::in_words(*gave_way) + "; it is tried again after the others");
            later->push_back(name);
            continue;
        }
        if (gave_way && !yield_) {
            yield_ = Yield{*gave_way, name};
            nothing_but_yield_ = !first_failure_;
        }
        if (auto survived = after_failure(name, dumped.error(), lock, manifest); !survived) {
            nothing_but_yield_ = false;
            return survived;
        }
    }
    return done();
}

Status Job::dump_one(const std::string& name, Manifest& manifest) {
    observer_.part_started(name);
    if (!catalogue::can_be_named(name)) {
        return failed("its name is not UTF-8, and no manifest could tell it from another's",
                      "connected to a database of its encoding, run ALTER DATABASE … RENAME TO with a name in ASCII; "
                      "or leave it out by postgres.exclude");
    }
    const DumpTools tools{plan_, programs_, manifest.server.role == "standby", observer_, writer_, *giving_way_, stop_};
    auto dumped = dump_database(tools, name, layout_.database(manifest.id, name, encrypted()));
    if (!dumped) {
        return std::move(dumped).error();
    }
    uncommitted_.add(dumped->record.objects);
    if (auto added = proof_->add(dumped->proof); !added) {
        return added;
    }
    if (!dumped->proof.not_proven.empty()) {
        observer_.warned(name, "stored, but not proven: " + dumped->proof.not_proven);
        dumped->record.not_proven = dumped->proof.not_proven;
    }
    manifest.databases.push_back(std::move(dumped->record));
    roles_named_.merge(dumped->roles);
    return done();
}

Status Job::after_failure(const std::string& name, const Error& error, postgres::ServerLock& lock, Manifest& manifest) {
    if (error.kind == ErrorKind::interrupted) {
        return error;
    }
    // A server that went away took the lock with it: there is no point in trying its other databases.
    auto found = postgres::list_databases(lock.connection());
    if (!found) {
        return in_context("database '" + name + "'", error);
    }
    // Neither is there in one that goes wrong with every part: each would open a dump, and hold its locks in vain.
    const auto nothing = [](const store::ObjectInfo&) { return done(); };
    if (auto answered = store_.list(layout_.restore_text().text(), nothing); !answered) {
        return in_context("database '" + name + "'", error);
    }
    auto gone = std::find(found->begin(), found->end(), name) == found->end()
                    ? postgres::is_gone(lock.connection(), ids_[name])
                    : Result<bool>(false);
    if (!gone) {
        return in_context("database '" + name + "'", error);
    }
    if (*gone) {
        const std::string text = "database '" + name + "' was dropped before its turn";
        manifest.notes.push_back(text);
        observer_.warned(name, text);
        return done();
    }
    return note_failure(manifest, name, error);
}

// A failed part does not throw away the others, unless someone asked us to stop.
Status Job::note_failure(Manifest& manifest, std::optional<std::string> database, const Error& error) {
    if (error.kind == ErrorKind::interrupted) {
        return error;
    }
    const std::string part = database ? "database '" + *database + "'" : "the globals";
    observer_.part_failed(database.value_or("globals"), error);
    if (!first_failure_) {
        first_failure_ = in_context(part, error);
    }
    manifest.failures.push_back({std::move(database), error.what});
    return done();
}

// After the databases, so that every role that an archive names can be among them.
Status Job::dump_globals(postgres::ServerLock& lock, Manifest& manifest) {
    observer_.part_started("globals");
    // Anew, as since the lock's was opened the password may be another.
    auto connection = postgres::Connection::open(plan_.server, lock.connection().database(), stop_);
    if (!connection) {
        return std::move(connection).error();
    }
    if (auto readable = postgres::check_globals_readable(*connection); !readable) {
        return readable;
    }
    // pg_dumpall takes no database from --dbname, and would look for one named postgres.
    const std::string database = connection->database();
    auto alone = giving_way_->without_pings();
    auto program = postgres::ClientProgram::start(programs_.pg_dumpall,
                                                  {"--globals-only", "--no-password", "--database=" + database},
                                                  postgres::ClientProgram::Streams::output, *connection, database, {});
    connection->close();
    alone.unlock();
    if (!program) {
        return std::move(program).error();
    }
    RolesTap* tap = nullptr;
    PartWriter::Looks looks;
    looks.inspector = [&tap](stream::Sink& next) {
        auto made = std::make_unique<RolesTap>(next);
        tap = made.get();
        return made;
    };
    looks.last_look = [&] {
        proof_->globals(tap->sha256());
        return check_roles(tap->roles());
    };
    auto part = writer_.write("globals", layout_.globals(manifest.id, encrypted()), std::move(*program), looks);
    if (!part) {
        return std::move(part).error();
    }
    uncommitted_.add(part->objects);
    manifest.globals = std::move(part->objects);
    return done();
}

// A run that cannot store its proof fails: a manifest names nothing that is not whole, and a whole backup has its
// proof. It is one small object, and a store that does not take it will not take the manifest either.
Status Job::store_proof(Manifest& manifest) {
    auto objects = proof_->store(store_, layout_.proof(manifest.id, encrypted()), plan_.recipients, stop_);
    if (!objects) {
        return std::move(objects).error();
    }
    uncommitted_.add(*objects);
    manifest.proof = catalogue::ProofRecord{std::string(archive::content_hash_algorithm), std::move(*objects)};
    return done();
}

// Last, so that what another run stored meanwhile is known.
Status Job::compare_with_earlier(Manifest& manifest, const std::vector<std::string>& on_server) {
    if (!manifest.failures.empty()) {
        return done();  // a partial run has no place in the lineage
    }
    auto ancestry = catalogue::read_ancestry(store_, layout_, clock_.now());
    if (!ancestry) {
        if (ancestry.error().kind == ErrorKind::interrupted) {
            return std::move(ancestry).error();
        }
        manifest.lineage = catalogue::LineageRecord{{}, ancestry.error().what, plan_.lineage.min_ratio};
        observer_.warned("", "the backup is not compared with those before it: " + ancestry.error().what);
        return done();
    }
    auto judgement = lineage::judge(*ancestry, manifest, plan_.lineage, {on_server.begin(), on_server.end()});
    for (const auto& note : judgement.notes) {
        observer_.warned("", note);
    }
    manifest.notes.insert(manifest.notes.end(), judgement.notes.begin(), judgement.notes.end());
    manifest.marks = std::move(judgement.marks);
    manifest.lineage =
        catalogue::LineageRecord{ancestry->trusted ? ancestry->trusted->id.text() : "", {}, plan_.lineage.min_ratio};
    return done();
}

Status Job::check_roles(const std::optional<std::set<std::string>>& created) const {
    if (!created) {
        return failed("what pg_dumpall printed is larger than 4 MiB, or not understood although it ended well",
                      "look at the program in postgres.bin_dir, and at how many roles there are");
    }
    Error error = failed("roles that own something or have privileges are not among the globals",
                         "run again: they were dropped or renamed under way");
    for (const auto& role : roles_named_) {
        if (created->count(role) == 0) {
            error.detail += (error.detail.empty() ? "" : ", ") + role;
        }
    }
    return error.detail.empty() ? done() : Status(error);
}

// A run that took longer than the store's rules or another's sweep expect may have lost what it stored first.
Status Job::check_objects(const Manifest& manifest) {
    std::set<store::ObjectKey> listed;
    auto looked = store_.list(layout_.data_prefix(manifest.id), [&](const store::ObjectInfo& info) {
        if (!info.hide_marker) {
            listed.insert(info.key);
        }
        return done();
    });
    if (!looked) {
        return looked;
    }
    for (const auto& object : manifest.all_objects()) {
        if (listed.count(object.key) == 0) {
            return failed("'" + object.key.text() + "' was stored by this run and is gone from the store",
                          "see which rule or which other program deletes there, and run again");
        }
    }
    return done();
}

Error name_is_taken(const store::ObjectKey& key, const std::string& what_came_of_it) {
    return failed("somebody stored another object under the name of this backup's manifest, '" + key.text() +
                      "', before it was written: " + what_came_of_it,
                  "run again: the next backup has a name of its own; find out which key did it, and replace that key");
}

// Whoever may write and saw the data come knew the manifest's name. What was stored there first is what counts.
Status Job::check_counts(const store::StoredObject& stored, const std::string& json) {
    const auto counts = catalogue::is_what_counts(store_, stored, json);
    if (!counts) {
        observer_.warned(
            "", "the manifest is stored; whether it is the first of its name cannot be seen: " + counts.error().what);
        return done();
    }
    return *counts ? done() : Status(name_is_taken(stored.key, "the backup is listed as hidden, and does not count"));
}

Result<BackupOutcome> Job::commit(Manifest manifest) {
    manifest.finished = clock_.now();
    if (plan_.overdue_after) {
        manifest.next_overdue = manifest.finished + *plan_.overdue_after;
    }
    const bool whole = manifest.failures.empty();
    const auto key = whole ? layout_.manifest(manifest.id) : layout_.partial_manifest(manifest.id);
    const std::string json = catalogue::to_json(manifest);
    if (auto there = check_objects(manifest); !there) {
        return std::move(there).error();
    }
    auto put = store::put(store_, key, stream::as_bytes(json));
    if (!put) {
        if (put.error().kind == ErrorKind::exists) {
            uncommitted_.keep();  // another's manifest, which may name what lies there
            return name_is_taken(key, "nothing was replaced, and this backup has no manifest");
        }
        // The store may have taken it although it told otherwise. What a manifest names must stay for as long
        // as the manifest may be there.
        if (!store_.remove(key, {})) {
            uncommitted_.keep();
        }
        return std::move(put).error();
    }
    uncommitted_.keep();
    if (auto counts = check_counts(*put, json); !counts) {
        return std::move(counts).error();
    }
    for (const auto& mark : manifest.marks) {
        observer_.marked(mark);
    }
    return BackupOutcome{whole ? BackupOutcome::Kind::good : BackupOutcome::Kind::partial, std::move(manifest),
                         whole ? std::nullopt : yield_};
}

}  // namespace

Result<BackupOutcome> run_backup(const BackupPlan& plan, store::ObjectStore& store, const os::Clock& clock,
                                 BackupObserver& observer, const std::stop_token& stop) {
    auto layout = Layout::of(plan.instance);
    if (!layout) {
        return std::move(layout).error();
    }
    return Job(plan, std::move(*layout), store, clock, observer, stop).run();
}

}  // namespace lifeboat::backup
