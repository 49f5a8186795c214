#include "backup/backup_job.hpp"

#include "backup/outgoing_stream.hpp"
#include "restore_text.hpp"
#include "postgres/server_lock.hpp"

#include <array>
#include <utility>

namespace lifeboat::backup {
namespace {

using catalogue::Layout;
using catalogue::Manifest;
using store::StoredObject;

struct StoredPart {
    std::vector<StoredObject> objects;
    std::uint64_t bytes_in = 0;
    std::uint64_t bytes_out = 0;
    std::vector<std::string> warnings;
};

// Objects of a run that has no manifest yet. Unless kept, they are taken back.
class Uncommitted {
public:
    explicit Uncommitted(store::ObjectStore& store) : store_(store) {}
    Uncommitted(const Uncommitted&) = delete;
    Uncommitted& operator=(const Uncommitted&) = delete;
    ~Uncommitted() {
        for (const auto& object : objects_) {
            (void)store_.remove(object.key, object.version_id);  // what stays is data without a manifest: the sweep's
        }
    }

    void add(const std::vector<StoredObject>& objects) { objects_.insert(objects_.end(), objects.begin(), objects.end()); }
    void keep() { objects_.clear(); }

private:
    store::ObjectStore& store_;
    std::vector<StoredObject> objects_;
};

class Job {
public:
    Job(const BackupPlan& plan, Layout layout, store::ObjectStore& store, const os::Clock& clock, BackupObserver& observer,
        std::stop_token stop)
        : plan_(plan), layout_(std::move(layout)), store_(store), clock_(clock), observer_(observer), stop_(std::move(stop)),
          uncommitted_(store) {}

    Result<BackupOutcome> run();

private:
    Result<Manifest> begin_manifest(const postgres::ServerFacts& facts) const;
    Status dump_all(postgres::ServerLock& lock, const postgres::Selection& selection, Manifest& manifest);
    Status dump_database(const std::string& name, postgres::ServerLock& lock, Manifest& manifest);
    Status dump_globals(postgres::ServerLock& lock, Manifest& manifest);
    Result<StoredPart> store_output(const std::string& part, const store::ObjectKey& key, postgres::ClientProgram program);
    Status copy_output(const std::string& part, postgres::ClientProgram& program, OutgoingStream& out);
    Status note_failure(Manifest& manifest, std::optional<std::string> database, const Error& error);
    Result<BackupOutcome> commit(Manifest manifest);
    [[nodiscard]] catalogue::Encrypted encrypted() const {
        return plan_.recipients.empty() ? catalogue::Encrypted::no : catalogue::Encrypted::yes;
    }

    const BackupPlan& plan_;
    Layout layout_;
    store::ObjectStore& store_;
    const os::Clock& clock_;
    BackupObserver& observer_;
    std::stop_token stop_;
    Uncommitted uncommitted_;
    postgres::ClientPrograms programs_;
    std::optional<Error> first_failure_;
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
        return BackupOutcome{BackupOutcome::Kind::not_ours, std::nullopt};
    }
    auto programs = postgres::find_client_programs(plan_.bin_dir, lock->connection().major());
    if (!programs) {
        return std::move(programs).error();
    }
    programs_ = std::move(*programs);
    auto found = postgres::list_databases(lock->connection());
    if (!found) {
        return std::move(found).error();
    }
    const auto selection = postgres::select_databases(*found, plan_.databases, plan_.exclude);
    if (selection.chosen.empty()) {
        return Error{ErrorKind::usage, "none of the server's " + std::to_string(found->size()) + " databases is chosen",
                     "correct postgres.databases and postgres.exclude"};
    }
    auto manifest = begin_manifest(*facts);
    if (!manifest) {
        return std::move(manifest).error();
    }
    observer_.started(manifest->id, *facts, selection.chosen.size() + 1);
    if (auto dumped = dump_all(*lock, selection, *manifest); !dumped) {
        return std::move(dumped).error();
    }
    // Without the lock another run may have been at work beside this one since nobody knows when.
    if (auto held = lock->check(); !held) {
        return std::move(held).error();
    }
    return commit(std::move(*manifest));
}

Result<Manifest> Job::begin_manifest(const postgres::ServerFacts& facts) const {
    const auto now = clock_.now();
    Manifest manifest{catalogue::BackupId::make(now), layout_.instance(), now, now, {}, {}, {}, 0, {}, {}, {}, {}, {}, {}};
    manifest.writer = {plan_.lifeboat_version, programs_.version};
    manifest.server = {facts.version, facts.version_num, facts.system_identifier, facts.timeline,
                       facts.in_recovery ? "standby" : "primary"};
    for (const auto& recipient : plan_.recipients) {
        manifest.recipients.push_back(recipient.text());
    }
    manifest.compression_level = plan_.compression_level;
    manifest.exclude_table_data = plan_.exclude_table_data;
    manifest.retention = plan_.retention;
    return manifest;
}

Status Job::dump_all(postgres::ServerLock& lock, const postgres::Selection& selection, Manifest& manifest) {
    for (const auto& name : selection.missing) {
        const Error error{ErrorKind::not_found, "the server has no database '" + name + "'",
                          "create it, or take it out of postgres.databases"};
        if (auto noted = note_failure(manifest, name, error); !noted) {
            return noted;
        }
    }
    for (const auto& name : selection.chosen) {
        if (auto dumped = dump_database(name, lock, manifest); !dumped) {
            if (auto noted = note_failure(manifest, name, dumped.error()); !noted) {
                return noted;
            }
            // A server that went away took the lock with it: there is no point in trying its other databases.
            if (auto held = lock.check(); !held) {
                return in_context("database '" + name + "'", dumped.error());
            }
        }
    }
    if (manifest.databases.empty()) {
        return *first_failure_;  // nothing to keep
    }
    if (auto dumped = dump_globals(lock, manifest); !dumped) {
        return note_failure(manifest, std::nullopt, dumped.error());
    }
    return done();
}

// A failed part does not throw away the others, unless the run itself is over: asked to stop, or the store or
// the server gone.
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

Status Job::dump_database(const std::string& name, postgres::ServerLock& lock, Manifest& manifest) {
    observer_.part_started(name);
    std::vector<std::string> arguments = {"--format=custom", "--compress=0", "--no-password",
                                          "--lock-wait-timeout=" + std::to_string(plan_.lock_timeout.count())};
    for (const auto& pattern : plan_.exclude_table_data) {
        arguments.push_back("--exclude-table-data=" + pattern);
    }
    auto program = postgres::ClientProgram::start(programs_.pg_dump, std::move(arguments), postgres::ClientProgram::Streams::output,
                                                  lock.connection(), name);
    if (!program) {
        return std::move(program).error();
    }
    auto part = store_output(name, layout_.database(manifest.id, name, encrypted()), std::move(*program));
    if (!part) {
        return std::move(part).error();
    }
    manifest.databases.push_back({name, std::move(part->objects), part->bytes_in, std::move(part->warnings)});
    return done();
}

Status Job::dump_globals(postgres::ServerLock& lock, Manifest& manifest) {
    observer_.part_started("globals");
    auto program = postgres::ClientProgram::start(programs_.pg_dumpall, {"--globals-only", "--no-password"},
                                                  postgres::ClientProgram::Streams::output, lock.connection(),
                                                  lock.connection().database());
    if (!program) {
        return std::move(program).error();
    }
    auto part = store_output("globals", layout_.globals(manifest.id, encrypted()), std::move(*program));
    if (!part) {
        return std::move(part).error();
    }
    manifest.globals = std::move(part->objects);
    return done();
}

Result<StoredPart> Job::store_output(const std::string& part, const store::ObjectKey& key, postgres::ClientProgram program) {
    auto out = OutgoingStream::open(store_, key, plan_.compression_level, plan_.recipients);
    if (!out) {
        return std::move(out).error();
    }
    if (auto copied = copy_output(part, program, **out); !copied) {
        return std::move(copied).error();
    }
    // The end of its output is not success: only its exit code is.
    if (auto ended = program.wait(); !ended) {
        return std::move(ended).error();
    }
    if (auto finished = (*out)->finish(); !finished) {
        return std::move(finished).error();
    }
    if (stop_.stop_requested()) {
        return Error{ErrorKind::interrupted, "stopped", {}};
    }
    auto objects = (*out)->commit();
    if (!objects) {
        return std::move(objects).error();
    }
    uncommitted_.add(*objects);
    StoredPart stored{std::move(*objects), (*out)->bytes_in(), (*out)->bytes_out(), program.said()};
    for (const auto& line : stored.warnings) {
        observer_.warned(part, line);
    }
    observer_.part_stored(part, stored.bytes_in, stored.bytes_out);
    return stored;
}

Status Job::copy_output(const std::string& part, postgres::ClientProgram& program, OutgoingStream& out) {
    std::array<std::byte, std::size_t{64} * 1024> buffer{};
    for (;;) {
        auto got = program.read(buffer, stop_);
        if (!got) {
            return std::move(got).error();
        }
        if (*got == 0) {
            return done();
        }
        if (auto written = out.write(stream::Bytes(buffer).first(*got)); !written) {
            return written;
        }
        observer_.part_moved(part, out.bytes_in(), out.bytes_out());
    }
}

Result<BackupOutcome> Job::commit(Manifest manifest) {
    manifest.finished = clock_.now();
    const bool whole = manifest.failures.empty();
    const auto key = whole ? layout_.manifest(manifest.id) : layout_.partial_manifest(manifest.id);
    if (auto written = write_restore_text(store_, layout_); !written) {
        return std::move(written).error();
    }
    const std::string json = catalogue::to_json(manifest);
    if (auto put = store::put(store_, key, stream::as_bytes(json)); !put) {
        // The store may have taken it although it told otherwise. What a manifest names must stay for as long
        // as the manifest may be there.
        if (!store_.remove(key, {})) {
            uncommitted_.keep();
        }
        return std::move(put).error();
    }
    uncommitted_.keep();
    return BackupOutcome{whole ? BackupOutcome::Kind::good : BackupOutcome::Kind::partial, std::move(manifest)};
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
