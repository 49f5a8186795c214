#include "database_restore.hpp"

#include "archive/sql_text.hpp"
#include "archive_file.hpp"
#include "os/memory_file.hpp"
#include "stream/fd_sink.hpp"
#include "stream/sha256.hpp"

#include <algorithm>
#include <set>

namespace lifeboat::restore {
namespace {

using archive::DatabaseStatement;
using archive::DatabaseStatementKind;
using archive::quote_identifier;
using postgres::ClientProgram;

// Somebody who comes back at once may be in again before the names change hands.
constexpr int swap_tries = 10;

// Tells how far an archive has come, and gives up when asked to stop.
class Loading final : public stream::Sink {
public:
    Loading(stream::Sink& next, const RestoreTools& tools, const std::string& name)
        : next_(next), tools_(tools), name_(name) {}

    // The source to read from, so that what is fetched is counted, too.
    [[nodiscard]] Source source() {
        Source counted = tools_.source;
        counted.fetched_bytes = &fetched_;
        return counted;
    }

    Status write(stream::Bytes chunk) override {
        if (tools_.stop.stop_requested()) {
            return Error{ErrorKind::interrupted, "stopped", {}};
        }
        auto passed = next_.write(chunk);
        bytes_ += chunk.size();
        tools_.observer.part_moved(name_, fetched_.load(std::memory_order_relaxed), bytes_);
        return passed;
    }
    Status finish() override { return next_.finish(); }

private:
    stream::Sink& next_;
    const RestoreTools& tools_;
    const std::string& name_;
    std::atomic<std::uint64_t> fetched_{0};
    std::uint64_t bytes_ = 0;
};

constexpr const char* old_loads =
    " FROM pg_stat_activity WHERE datname = $1 AND application_name = 'lifeboat' AND xact_start IS NOT NULL AND pid <> "
    "pg_catalog.pg_backend_pid()";

// How long a session that was ended may take to go.
constexpr int end_tries = 100;
constexpr const char* end_pause = "0.1";

// A database with a subscription cannot be dropped. The one that was loaded never made a slot on its publisher: the
// slot of that name is the original's, and must stay. So the subscription forgets it first.
Status drop_subscriptions(const RestoreTools& tools, postgres::Connection& connection, const std::string& name) {
    auto count = connection.value(
        "SELECT count(*) FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid WHERE d.datname = $1", {name});
    if (!count || *count == "0") {
        return count ? done() : Status(std::move(count).error());
    }
    auto inside = postgres::Connection::open(tools.plan.target, name, {});
    if (!inside) {
        return std::move(inside).error();
    }
    auto names = inside->query(
        "SELECT subname FROM pg_subscription WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = "
        "current_database())");
    if (!names) {
        return std::move(names).error();
    }
    for (const auto& row : *names) {
        const std::string subscription = "SUBSCRIPTION " + quote_identifier(row.front().value_or(""));
        for (const std::string& sql : {"ALTER " + subscription + " DISABLE",
                                       "ALTER " + subscription + " SET (slot_name = NONE)", "DROP " + subscription}) {
            if (auto ran = inside->execute(sql); !ran) {
                return ran;
            }
        }
    }
    return done();
}

// The server is gone, or we are told to go: unlike a statement that it refused.
bool ends_it(const Error& error) {
    return error.kind == ErrorKind::temporary || error.kind == ErrorKind::interrupted;
}

// Whoever is still in it is a load whose restore is gone: the server goes on with its statement until it next wants to
// answer. FORCE ends it, from PostgreSQL 13 on.
Status drop_passing(const RestoreTools& tools, postgres::Connection& connection, const std::string& name) {
    if (auto dropped = drop_subscriptions(tools, connection, name); !dropped) {
        return dropped;
    }
    return connection.execute("DROP DATABASE IF EXISTS " + quote_identifier(name) +
                              (connection.major() >= 13 ? " WITH (FORCE)" : ""));
}

// A database under its passing name: dropped again unless it got its own. By a connection of its own, because the
// stop that ends a restore must not end the clean-up.
class PassingDatabase {
public:
    PassingDatabase(const RestoreTools& tools, std::string name, std::string wanted_name)
        : tools_(tools), name_(std::move(name)), wanted_name_(std::move(wanted_name)) {}
    PassingDatabase(const PassingDatabase&) = delete;
    PassingDatabase& operator=(const PassingDatabase&) = delete;
    ~PassingDatabase() {
        if (!there_) {
            return;
        }
        auto connection = postgres::Connection::open(tools_.plan.target, tools_.connection.database(), {});
        auto dropped = connection ? drop_passing(tools_, *connection, name_) : Status(connection.error());
        if (!dropped) {
            tools_.observer.noted("half of a database is left under the name '" + name_ +
                                  "', which the next restore of '" + wanted_name_ + "' drops: " + dropped.error().what);
        }
    }
    void created() { there_ = true; }
    void renamed() { there_ = false; }

private:
    const RestoreTools& tools_;
    std::string name_;
    std::string wanted_name_;
    bool there_ = false;
};

class DatabaseRestore {
public:
    DatabaseRestore(const RestoreTools& tools, const DatabaseTask& task, Fate& fate)
        : tools_(tools),
          task_(task),
          fate_(fate),
          in_place_(task.before == DatabaseState::empty),
          name_(in_place_ ? task.new_name : passing_name(task.new_name)) {}

    Status run();

private:
    Status create();
    Status fill_new();
    Status fill_in_place();
    Status end_old_load();
    Status give_owner();
    Status load();
    Status load_streamed(std::vector<std::string> arguments);
    Status load_from_file(std::vector<std::string> arguments);
    Status apply_properties();
    Status analyse();
    Status analyse_one_by_one(postgres::Connection& inside);
    Status note_subscriptions(postgres::Connection& inside);
    Status take_name();
    Status replace();
    [[nodiscard]] std::string name_aside() const { return restore::name_aside(task_.new_name); }
    Result<std::vector<std::string>> load_arguments();
    [[nodiscard]] std::unique_ptr<stream::Sink> inspector(stream::Sink& next) const {
        return tools_.plan.inspector ? tools_.plan.inspector(task_.record.name, next) : nullptr;
    }

    const RestoreTools& tools_;
    const DatabaseTask& task_;
    Fate& fate_;
    bool in_place_;
    std::string name_;  // under which it is loaded
    os::Fd entries_;    // pg_restore's list of what to restore, where it is not everything
};

Status DatabaseRestore::run() {
    PassingDatabase guard(tools_, name_, task_.new_name);
    fate_ = Fate::as_before;
    if (!in_place_) {
        if (auto created = create(); !created) {
            return created;
        }
        guard.created();
    }
    if (auto filled = in_place_ ? fill_in_place() : fill_new(); !filled) {
        return filled;
    }
    for (const auto step : {&DatabaseRestore::apply_properties, &DatabaseRestore::analyse}) {
        if (auto stepped = (this->*step)(); !stepped) {
            return stepped;
        }
    }
    if (!in_place_) {
        auto named = take_name();
        if (fate_ == Fate::restored) {
            guard.renamed();
        }
        if (!named) {
            return named;
        }
    }
    return done();
}

// Its owner first: with --role it is he who loads.
Status DatabaseRestore::fill_new() {
    auto given = give_owner();
    return given ? load() : given;
}

// One that was there already is as it was until it is loaded, and from then on it is not.
Status DatabaseRestore::fill_in_place() {
    if (auto ended = end_old_load(); !ended) {
        return ended;
    }
    if (auto loaded = load(); !loaded) {
        return loaded;
    }
    fate_ = Fate::part_of_it;
    return give_owner();
}

Status DatabaseRestore::create() {
    const auto& statements = task_.head.needs.database();
    const auto create = std::find_if(statements.begin(), statements.end(), [](const auto& statement) {
        return statement.kind == DatabaseStatementKind::create;
    });
    if (create == statements.end()) {
        return Error{ErrorKind::corrupt, "the archive does not say how to create its database", {}};
    }
    auto sql = archive::for_database(*create, name_);
    if (!sql) {
        return std::move(sql).error();
    }
    // Left by a restore that was killed: this run holds the lock, so nobody is at work on it.
    if (auto dropped = drop_passing(tools_, tools_.connection, name_); !dropped) {
        return in_context("cannot drop what an earlier restore left under the name '" + name_ + "'",
                          std::move(dropped).error());
    }
    // One that was replaced. Its subscriptions were somebody's, and are not ours to forget.
    if (auto dropped = tools_.connection.execute("DROP DATABASE IF EXISTS " + quote_identifier(name_aside()));
        !dropped) {
        return in_context("cannot drop what an earlier restore left under the name '" + name_aside() + "'",
                          std::move(dropped).error());
    }
    auto created = tools_.connection.execute(*sql);
    return created ? done() : Status(in_context("cannot create the database", std::move(created).error()));
}

// A restore that was killed while it loaded in place has left the server with a statement that goes on to its end, in a
// transaction whose locks and names would be in our way until then. This run holds the lock: its session is nobody's.
Status DatabaseRestore::end_old_load() {
    for (int tries = 0; tries < end_tries; ++tries) {
        auto ended =
            tools_.connection.query(std::string("SELECT pg_catalog.pg_terminate_backend(pid)") + old_loads, {name_});
        if (!ended) {
            return in_context("an earlier restore's session is still at work in the database, and could not be ended",
                              std::move(ended).error());
        }
        if (ended->empty()) {
            return done();
        }
        if (tries == 0) {
            tools_.observer.noted("an earlier restore's session was still at work in '" + name_ + "': ending it");
        }
        if (auto waited = tools_.connection.query(std::string("SELECT pg_catalog.pg_sleep(") + end_pause + ")");
            !waited) {
            return std::move(waited).error();
        }
    }
    return failed("an earlier restore's session is still at work in the database, and does not end",
                  "end it with pg_terminate_backend: its application_name is 'lifeboat'; then run this again");
}

Status DatabaseRestore::give_owner() {
    const std::string owner = tools_.plan.owners ? task_.head.needs.database_owner() : tools_.plan.role.value_or("");
    if (owner.empty() || (in_place_ && !tools_.plan.owners)) {
        return done();
    }
    auto given =
        tools_.connection.execute("ALTER DATABASE " + quote_identifier(name_) + " OWNER TO " + quote_identifier(owner));
    return given ? done() : Status(in_context("cannot give the database its owner", std::move(given).error()));
}

Result<std::vector<std::string>> DatabaseRestore::load_arguments() {
    std::vector<std::string> arguments = flags_of(tools_.plan);
    arguments.insert(arguments.end(), {"--exit-on-error", "--no-password"});
    if (in_place_ && tools_.plan.jobs <= 1) {
        arguments.emplace_back("--single-transaction");
    }
    if (tools_.plan.jobs > 1) {
        arguments.push_back("--jobs=" + std::to_string(tools_.plan.jobs));
    }
    auto superuser = tools_.connection.value("SELECT rolsuper FROM pg_roles WHERE rolname = current_user");
    if (!superuser) {
        return std::move(superuser).error();
    }
    std::set<std::int32_t> left_out;
    if (*superuser != "t" && !task_.head.superuser_only.empty()) {
        left_out = task_.head.superuser_only;
        tools_.observer.noted("comments on extensions of '" + task_.record.name +
                              "' were left out: only a superuser can set them");
    }
    if (!tools_.plan.replication) {
        left_out.insert(task_.head.replication.begin(), task_.head.replication.end());
    }
    if (!left_out.empty()) {
        auto file = entry_list(task_.head, left_out);
        if (!file) {
            return std::move(file).error();
        }
        entries_ = std::move(*file);
        arguments.push_back("--use-list=" + os::memory_file_path(entries_.get()));
    }
    return arguments;
}

Status DatabaseRestore::load() {
    auto arguments = load_arguments();
    if (!arguments) {
        return std::move(arguments).error();
    }
    return tools_.plan.jobs > 1 ? load_from_file(std::move(*arguments)) : load_streamed(std::move(*arguments));
}

Status DatabaseRestore::load_streamed(std::vector<std::string> arguments) {
    auto program = ClientProgram::start(tools_.programs.pg_restore, std::move(arguments), ClientProgram::Streams::input,
                                        tools_.connection, name_, {.inherited = {entries_.get()}, .writes = true});
    if (!program) {
        return std::move(program).error();
    }
    // A pg_restore that waits for a lock or builds an index does not read, and writing to it would wait as long. The
    // callback runs on the thread that asked to stop.
    const std::stop_callback end(tools_.stop, [&program] { program->end(); });
    stream::FdSink input(program->input(), "pg_restore");
    Loading loading(input, tools_, task_.new_name);
    const auto inspecting = inspector(loading);
    auto fed = read_stream(loading.source(), task_.record.objects, inspecting ? *inspecting : loading);
    // pg_restore stops reading when it fails; why is on its stderr. When the stream is bad, the end of its input
    // must not look like the end of the archive, so it is ended instead (by its destructor).
    const bool reader_gone = !fed && fed.error().kind == ErrorKind::interrupted && !tools_.stop.stop_requested();
    if (!fed && !reader_gone) {
        return fed;
    }
    program->close_input();
    auto ended = program->wait(tools_.stop);
    // Content with a part of it, it took an archive that ends earlier than what is stored, and that nobody has checked.
    if (ended && reader_gone) {
        fate_ = in_place_ ? Fate::part_of_it : fate_;  // what it took is there for good
        return Error{ErrorKind::corrupt, "the archive ends before its object does: this is not what was backed up",
                     "restore another backup, and see `lifeboat verify`: somebody may have exchanged the object"};
    }
    return ended;
}

Status DatabaseRestore::load_from_file(std::vector<std::string> arguments) {
    auto file = ArchiveFile::create();
    if (!file) {
        return std::move(file).error();
    }
    Loading loading(**file, tools_, task_.new_name);
    const auto inspecting = inspector(loading);
    if (auto fetched = read_stream(loading.source(), task_.record.objects, inspecting ? *inspecting : loading);
        !fetched) {
        return fetched;
    }
    arguments.push_back(os::memory_file_path((*file)->fd()));
    auto program =
        ClientProgram::start(tools_.programs.pg_restore, std::move(arguments), ClientProgram::Streams::input,
                             tools_.connection, name_, {.inherited = {entries_.get(), (*file)->fd()}, .writes = true});
    if (!program) {
        return std::move(program).error();
    }
    program->close_input();
    return program->wait(tools_.stop);
}

// Settings bind new sessions, also those that load data, so they come after the load.
Status DatabaseRestore::apply_properties() {
    auto inside = postgres::Connection::open(tools_.plan.target, name_, tools_.stop);
    if (!inside) {
        return std::move(inside).error();
    }
    // An empty database that was there already may have been made read-only. Apart: statements that are sent together
    // are one transaction, which would have begun so.
    for (const char* sql : {"SET default_transaction_read_only = off", "BEGIN"}) {
        if (auto ran = inside->execute(sql); !ran) {
            return ran;
        }
    }
    auto applied = restore::apply_properties(*inside, tools_.plan, task_.head, name_, task_.new_name, tools_.observer);
    return applied ? inside->execute("COMMIT") : applied;
}

Status DatabaseRestore::analyse() {
    auto inside = postgres::Connection::open(tools_.plan.target, name_, tools_.stop);
    if (!inside) {
        return std::move(inside).error();
    }
    if (auto told = note_subscriptions(*inside); !told) {
        return told;
    }
    // A setting of the database that came back with it may forbid writing. Apart: sent together with it, ANALYZE would
    // be one transaction, and keep a lock on every table to its end.
    if (auto writable = inside->execute("SET default_transaction_read_only = off"); !writable) {
        return writable;
    }
    const auto analysed = inside->execute("ANALYZE");
    return analysed || ends_it(analysed.error()) ? analysed : analyse_one_by_one(*inside);
}

// All rows are back, and a query planner that knows less is no reason to throw them away. ANALYZE runs what others
// wrote (an expression that fails for a row, a partition that is another server's), and ends at the first that fails.
Status DatabaseRestore::analyse_one_by_one(postgres::Connection& inside) {
    const auto tables = inside.query(
        "SELECT pg_catalog.quote_ident(nspname) || '.' || pg_catalog.quote_ident(relname) "
        "FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace "
        "WHERE relkind IN ('r', 'm', 'p') AND relpersistence <> 't' AND nspname <> 'pg_catalog' ORDER BY 1");
    if (!tables) {
        return tables.error();
    }
    constexpr std::size_t most_named = 5;
    std::size_t failures = 0;
    for (const auto& row : *tables) {
        const std::string table = row.front().value_or("");
        auto analysed = inside.execute("ANALYZE " + table);
        if (analysed) {
            continue;
        }
        if (ends_it(analysed.error())) {
            return analysed;
        }
        if (++failures <= most_named) {
            tools_.observer.noted(
                "table " + table + " of '" + task_.record.name +
                "' is back, and has no statistics for the planner: ANALYZE: " + whole_text(analysed.error()));
        }
    }
    if (failures > most_named) {
        tools_.observer.noted("so it is with " + std::to_string(failures - most_named) + " more tables of '" +
                              task_.record.name + "'");
    }
    return done();
}

// pg_dump writes them without a connection: nothing flows until somebody says so.
Status DatabaseRestore::note_subscriptions(postgres::Connection& inside) {
    auto names = inside.value(
        "SELECT coalesce(string_agg(subname, ', ' ORDER BY subname), '') FROM pg_catalog.pg_subscription "
        "WHERE NOT subenabled AND subdbid = (SELECT oid FROM pg_catalog.pg_database "
        "WHERE datname = pg_catalog.current_database())");
    if (!names) {
        return std::move(names).error();
    }
    if (!names->empty()) {
        tools_.observer.noted("subscriptions of '" + task_.record.name + "' came back disabled: " + *names +
                              "; once their publishers are right, ALTER SUBSCRIPTION … ENABLE starts each");
    }
    return done();
}

Status DatabaseRestore::take_name() {
    if (task_.before == DatabaseState::filled) {
        return replace();
    }
    auto renamed = tools_.connection.execute("ALTER DATABASE " + quote_identifier(name_) + " RENAME TO " +
                                             quote_identifier(task_.new_name));
    if (!renamed) {
        return in_context("cannot give the database its name", std::move(renamed).error());
    }
    fate_ = Fate::restored;
    return done();
}

// Both names change hands in one transaction: under the name there is always the old database or the new one. RENAME
// keeps new sessions out from its start, and waits five seconds for those to go that are there. The old database is not
// closed to connections before it: whoever killed us then would find it closed.
Status DatabaseRestore::replace() {
    const std::string old = quote_identifier(task_.new_name);
    const std::string aside = quote_identifier(name_aside());
    const std::string swap = "BEGIN; ALTER DATABASE " + old + " RENAME TO " + aside + "; ALTER DATABASE " +
                             quote_identifier(name_) + " RENAME TO " + old + "; COMMIT";
    Status swapped = failed("its sessions do not end");
    for (int tries = 0; tries < swap_tries && !swapped; ++tries) {
        auto ended = tools_.connection.query(
            "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", {task_.new_name});
        swapped = ended ? tools_.connection.execute(swap) : Status(std::move(ended).error());
        if (!swapped) {
            (void)tools_.connection.execute("ROLLBACK");
            if (swapped.error().kind == ErrorKind::interrupted) {
                break;
            }
        }
    }
    if (!swapped) {
        return in_context("the database that was to be replaced is in place as it was", std::move(swapped).error());
    }
    fate_ = Fate::restored;
    auto dropped = tools_.connection.execute("DROP DATABASE " + aside);
    return dropped ? done()
                   : Status(in_context("the one that it replaced could not be dropped, and is there under the name '" +
                                           name_aside() + "'",
                                       std::move(dropped).error()));
}

bool wanted(const DatabaseStatement& statement, const RestorePlan& plan) {
    switch (statement.kind) {
        case DatabaseStatementKind::create: return false;
        case DatabaseStatementKind::privilege:
        case DatabaseStatementKind::session_authorization: return plan.privileges;
        case DatabaseStatementKind::role_setting: return plan.owners;
        default: return true;
    }
}

bool is_setting(const DatabaseStatement& statement) {
    return statement.kind == DatabaseStatementKind::setting || statement.kind == DatabaseStatementKind::role_setting;
}

// One statement within the transaction. A setting that is refused is undone alone.
Status apply(postgres::Connection& inside, const DatabaseStatement& statement, const std::string& sql,
             const std::string& called, RestoreObserver& observer) {
    if (!is_setting(statement)) {
        return inside.execute(sql);
    }
    auto applied = inside.execute("SAVEPOINT before_setting");
    applied = applied ? inside.execute(sql) : applied;
    if (applied || applied.error().kind != ErrorKind::failed) {
        return applied;
    }
    observer.setting_left_out(RestoreObserver::SettingOf::database, called,
                              "a setting of database '" + called + "' was left out: " + whole_text(applied.error()));
    return inside.execute("ROLLBACK TO SAVEPOINT before_setting");
}

}  // namespace

std::string passing_name(const std::string& name) {
    return "lifeboat-restore-" + stream::sha256_hex(name).substr(0, 12);
}

std::string name_aside(const std::string& name) {
    return passing_name(name + " replaced");
}

std::vector<std::string> flags_of(const RestorePlan& plan) {
    std::vector<std::string> flags;
    if (!plan.owners) {
        flags.emplace_back("--no-owner");
    }
    if (!plan.privileges) {
        flags.emplace_back("--no-acl");
    }
    if (plan.role) {
        flags.push_back("--role=" + *plan.role);
    }
    return flags;
}

Result<os::Fd> entry_list(const DatabaseHead& head, const std::set<std::int32_t>& left_out) {
    std::string list;
    for (const auto id : head.all_entries) {
        list += left_out.count(id) != 0 ? "" : std::to_string(id) + ";\n";
    }
    return os::memory_file("entries", Secret(list));
}

Result<std::size_t> sessions_of_old_loads(postgres::Connection& connection, const std::string& name) {
    auto sessions = connection.query(std::string("SELECT pid") + old_loads, {name});
    return sessions ? Result<std::size_t>(sessions->size()) : Result<std::size_t>(std::move(sessions).error());
}

// By a connection to the database itself: what PostgreSQL keeps about databases has no encoding of its own, and only
// where the archive's encoding is also the server's do the texts arrive byte for byte.
Status apply_properties(postgres::Connection& inside, const RestorePlan& plan, const DatabaseHead& head,
                        const std::string& name, const std::string& called, RestoreObserver& observer) {
    if (const std::string& encoding = head.needs.encoding(); !encoding.empty()) {
        if (auto set = inside.execute("SET client_encoding = '" + encoding + "'"); !set) {
            return set;
        }
    }
    for (const auto& statement : head.needs.database()) {
        if (!wanted(statement, plan)) {
            continue;
        }
        const Result<std::string> sql = statement.kind == DatabaseStatementKind::session_authorization
                                            ? Result<std::string>(statement.text)
                                            : archive::for_database(statement, name);
        if (!sql) {
            observer.noted("a property of database '" + called + "' is not of a known kind, and was not applied");
            continue;
        }
        if (auto applied = apply(inside, statement, *sql, called, observer); !applied) {
            return in_context("cannot apply the database's settings and privileges", std::move(applied).error());
        }
    }
    return done();
}

Status restore_database(const RestoreTools& tools, const DatabaseTask& task, Fate& fate) {
    auto restored = DatabaseRestore(tools, task, fate).run();
    if (!restored && task.before == DatabaseState::empty && tools.plan.jobs > 1) {
        fate = Fate::part_of_it;
    }
    return restored;
}

}  // namespace lifeboat::restore
