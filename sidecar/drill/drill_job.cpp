#include "drill/drill_job.hpp"

#include "archive/sql_text.hpp"
#include "archive_look.hpp"
#include "dump.hpp"
#include "globals.hpp"
#include "manifest_checks.hpp"
#include "os/random.hpp"
#include "postgres/scratch_server.hpp"
#include "proof/differences.hpp"
#include "proof/proof_json.hpp"
#include "restore/verify_job.hpp"
#include "result/in_quotes.hpp"
#include "server_checks.hpp"
#include "sql_checks.hpp"
#include "stream/counter.hpp"
#include "stream/sha256.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

namespace lifeboat::drill {
namespace {

using Steady = std::chrono::steady_clock;

constexpr std::size_t largest_globals = std::size_t{64} << 20U;
constexpr std::size_t largest_proof = std::size_t{1} << 30U;
constexpr std::size_t random_bytes = 8;

// Of these the backup is no cause; all others say something about it, or may.
bool says_nothing_of_backup(ErrorKind kind) {
    switch (kind) {
        case ErrorKind::temporary:
        case ErrorKind::busy:
        case ErrorKind::usage:
        case ErrorKind::refused:
        case ErrorKind::interrupted: return true;
        case ErrorKind::failed:
        case ErrorKind::not_found:
        case ErrorKind::exists:
        case ErrorKind::corrupt: break;
    }
    return false;
}

bool disk_is_full(const Error& error) {
    const std::string text = whole_text(error);
    return text.find("No space left on device") != std::string::npos ||
           text.find("Disk quota exceeded") != std::string::npos;
}

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
    Status hold();
    Status read_small_parts();
    Status check_listing();
    Status read_proof();
    Status find_openers();
    Status start_server();
    Status check_room();
    Status prepare_tablespaces();
    Status own_tablespaces();
    Status look_at_server();
    Status drill_database(const catalogue::DatabaseRecord& record, bool with_globals);
    Status restore_one(const catalogue::DatabaseRecord& record, bool with_globals, ArchiveLook& archive,
                       bool& restored);
    Status compare(const catalogue::DatabaseRecord& record, ArchiveLook& archive, ArchiveLook& after);
    Status compare_definitions(const catalogue::DatabaseRecord& record, ArchiveLook& archive, const ArchiveLook& after);
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
    Status blame(const std::string& part, Error error);
    void add_object(const std::string& part, const std::string& what);
    Status note_what_is_there();
    [[nodiscard]] Error lacking(const std::vector<std::string>& lacks) const;
    Status server_is_well(const Error& error);
    Status sessions_are_ours(const std::string& database, const Error& error);
    Status blame_backup(const std::string& database, const Error& error);
    void check_databases_of_proof();
    void note_what_is_not_in_it();
    void note_how_it_is_confined();
    void note_what_was_not_restored(const ArchiveLook& archive, const std::string& database);

    [[nodiscard]] restore::RestorePlan restore_plan() const;
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
        const auto began = Steady::now();
        auto result = work();
        const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(Steady::now() - began);
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

// The globals are there in every whole backup, and small: whoever opens them opens the rest. Each key on its own, so
// that each is known to fit.
Status Drill::find_openers() {
    if (manifest_.encrypted() == catalogue::Encrypted::no) {
        return done();
    }
    const auto& parts = manifest_.proof                ? manifest_.proof->objects
                        : !manifest_.globals.empty()   ? manifest_.globals
                        : !manifest_.databases.empty() ? manifest_.databases.front().objects
                                                       : manifest_.globals;
    for (const auto& identity : source_.identities) {
        const auto recipient = identity.recipient().text();
        if (std::find(manifest_.recipients.begin(), manifest_.recipients.end(), recipient) ==
            manifest_.recipients.end()) {
            continue;
        }
        const std::vector<age::Identity> alone = {identity};
        stream::Discard nowhere;
        auto read = restore::read_stream({source_.store, source_.encrypted, alone}, parts, nowhere);
        if (read) {
            report_.opened_by.push_back(recipient);
        } else if (read.error().kind == ErrorKind::interrupted || read.error().kind == ErrorKind::temporary) {
            return read;
        }
    }
    return done();
}

// Parts of a backup that are no archive of a database.
Status Drill::read_small_parts() {
    if (!manifest_.globals.empty()) {
        auto script = restore::read_text(source_, manifest_.globals, largest_globals);
        if (!script) {
            return blame("globals", std::move(script).error());
        }
        auto statements = postgres::parse_globals(*script);
        if (!statements) {
            return blame("globals", std::move(statements).error());
        }
        globals_ = std::move(*statements);
        globals_sha256_ = stream::sha256_hex(*script);
    } else if (manifest_.failures.empty()) {
        add("manifest", "", "", "the manifest names no globals, which every whole backup has");
    } else {
        report_.notes.emplace_back("the backup holds no globals: roles are not compared");
    }
    if (manifest_.databases.empty()) {
        add("manifest", "", "", "the manifest names no database: there is nothing to restore");
    }
    if (auto listed = check_listing(); !listed) {
        return listed;
    }
    return read_proof();
}

// What lies in the backup's folder and is not in its manifest: somebody has taken it out of there.
Status Drill::check_listing() {
    auto layout = catalogue::Layout::of(manifest_.instance);
    if (!layout) {
        return std::move(layout).error();
    }
    std::set<std::string> named;
    for (const auto& object : manifest_.all_objects()) {
        named.insert(object.key.text());
    }
    return source_.store.list(layout->data_prefix(manifest_.id), [&](const store::ObjectInfo& info) {
        if (!info.hide_marker && named.insert(info.key.text()).second) {
            add("manifest", "", "", "the store holds " + in_quotes(info.key.text()) + ", and the manifest does not");
        }
        return done();
    });
}

Status Drill::read_proof() {
    if (!manifest_.proof) {
        report_.notes.emplace_back(
            "the backup has no table proof: what came back is compared with what its archives hold");
        return done();
    }
    auto text = restore::read_text(source_, manifest_.proof->objects, largest_proof);
    if (!text) {
        return blame("table proof", std::move(text).error());
    }
    auto parsed = proof::parse_proof(*text);
    if (!parsed) {
        return blame("table proof", std::move(parsed).error());
    }
    if (parsed->id != manifest_.id.text() || parsed->instance != manifest_.instance) {
        add("proof", "", "",
            "the table proof is of another backup: " + in_quotes(parsed->id) + " of instance " +
                in_quotes(parsed->instance));
    }
    proof_ = std::move(*parsed);
    if (!proof_->globals_sha256.empty() && !globals_sha256_.empty() && proof_->globals_sha256 != globals_sha256_) {
        add("proof", "", "",
            "the globals are not those that were stored with the table proof: perhaps another backup's");
    }
    check_databases_of_proof();
    return done();
}

void Drill::check_databases_of_proof() {
    for (const auto& database : proof_->databases) {
        if (manifest_.find(database.name) == nullptr) {
            add("manifest", database.name, "", "the table proof holds the database, and the manifest does not");
        }
    }
    for (const auto& record : manifest_.databases) {
        if (proof_->find(record.name) == nullptr) {
            add("manifest", record.name, "", "the manifest holds the database, and the table proof does not");
        }
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

// Databases are restored one after the other and dropped when they were compared, so the largest counts. Its rows take
// more room in a table than in an archive, its indexes come on top, and building one takes as much again for a while.
Status Drill::check_room() {
    constexpr std::uint64_t times = 3;
    if (plan_.to) {
        return done();
    }
    std::uint64_t largest = 0;
    for (const auto& record : manifest_.databases) {
        largest = std::max({largest, record.archive_bytes, record.contents ? record.contents->bytes : 0});
    }
    const std::uint64_t needed = largest * times + postgres::scratch_overhead;
    const auto room = postgres::scratch_room();
    if (!room || *room >= needed) {
        return done();
    }
    constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20U;
    return failed("the throw-away server may need " + std::to_string(needed / mebibyte) + " MiB in " +
                      postgres::scratch_parent() + " (three times the largest database, and its own), which has " +
                      std::to_string(*room / mebibyte) + " MiB free",
                  "set TMPDIR to a folder with more room, or give a server with --to");
}

Status Drill::start_server() {
    if (!report_.findings.empty() && globals_.empty() && !manifest_.globals.empty()) {
        return done();  // without roles nothing can be restored as it was
    }
    if (plan_.to) {
        target_ = *plan_.to;
        report_.own_server = false;
    } else {
        superuser_ = first_superuser(globals_);
        postgres::ScratchOptions options{plan_.bin_dir, manifest_.server.version_num / 10000, superuser_,
                                         settings_for(manifest_)};
        auto started = stage("server", "", [&] { return postgres::ScratchServer::start(options, stop_); });
        if (!started) {
            return std::move(started).error();
        }
        scratch_ = std::move(*started);
        target_ = scratch_->server();
        note_how_it_is_confined();
    }
    auto connection = postgres::Connection::open(target_, std::nullopt, stop_);
    if (!connection) {
        return std::move(connection).error();
    }
    auto programs = postgres::find_client_programs(plan_.bin_dir, connection->major());
    if (!programs) {
        return std::move(programs).error();
    }
    connection_.emplace(std::move(*connection));
    programs_.emplace(std::move(*programs));
    report_.server_version = connection_->version_text();
    if (!same_major()) {
        report_.notes.push_back("restored into PostgreSQL " + std::to_string(connection_->major()) +
                                ", the backup is of " + std::to_string(manifest_.server.version_num / 10000) +
                                ": some texts may be written in another way there");
    }
    return prepare_tablespaces();
}

// On the server of the backup they lie in folders that this machine need not have.
Status Drill::prepare_tablespaces() {
    if (!scratch_) {
        return done();
    }
    int number = 0;
    for (const auto& tablespace : postgres::created_tablespaces(globals_)) {
        auto folder = scratch_->make_folder("tablespace-" + std::to_string(++number));
        if (!folder) {
            return std::move(folder).error();
        }
        std::string location;
        for (const char c : folder->string()) {
            location += c == '\'' ? "''" : std::string(1, c);
        }
        if (auto made = connection_->execute("CREATE TABLESPACE " + archive::quote_identifier(tablespace.name) +
                                             " LOCATION '" + location + "'");
            !made) {
            return in_context("tablespace " + in_quotes(tablespace.name), std::move(made).error());
        }
    }
    return done();
}

// The restore left them alone, as they were there.
Status Drill::own_tablespaces() {
    if (!scratch_) {
        return done();
    }
    for (const auto& statement : globals_) {
        std::string sql;
        switch (statement.kind) {
            case postgres::GlobalKind::create_tablespace:
                if (const auto owner = owner_of_tablespace(statement); !owner.empty()) {
                    sql = "ALTER TABLESPACE " + archive::quote_identifier(statement.subject) + " OWNER TO " +
                          archive::quote_identifier(owner);
                }
                break;
            case postgres::GlobalKind::alter_tablespace:
            case postgres::GlobalKind::grant_tablespace:
            case postgres::GlobalKind::comment_tablespace: sql = std::string(statement.text.reveal()); break;
            default: break;
        }
        if (sql.empty()) {
            continue;
        }
        if (auto ran = connection_->execute(sql); !ran) {
            if (stop_.stop_requested()) {
                return ran;
            }
            add("restore", "", statement.subject, postgres::describe(statement) + ": " + whole_text(ran.error()));
        }
    }
    return done();
}

restore::RestorePlan Drill::restore_plan() const {
    restore::RestorePlan plan;
    plan.target = target_;
    plan.bin_dir = plan_.bin_dir;
    plan.for_drill = true;
    plan.replication = false;
    if (scratch_) {
        plan.alter_roles = true;  // the superuser that initdb made becomes the backup's
        plan.role = superuser_;   // and owns what has no owner of its own, as it did there
    }
    return plan;
}

// So that it is not taken for something that the restore brought.
Status Drill::note_what_is_there() {
    for (const char* sql : {"SELECT rolname FROM pg_roles", "SELECT spcname FROM pg_tablespace"}) {
        if (scratch_) {
            break;  // all that it has is of the backup, or is told apart by its name
        }
        auto names = connection_->query(sql);
        if (!names) {
            return std::move(names).error();
        }
        for (const auto& row : *names) {
            there_before_.insert(row.front().value_or(""));
        }
    }
    auto databases = connection_->query("SELECT datname FROM pg_database");
    if (!databases) {
        return std::move(databases).error();
    }
    for (const auto& row : *databases) {
        databases_before_.insert(row.front().value_or(""));
    }
    return done();
}

Error Drill::lacking(const std::vector<std::string>& lacks) const {
    Error error = failed(std::string(scratch_ ? "the throw-away server" : "the server of --to") +
                             " lacks what this backup needs, and nothing was restored",
                         "provide what is named, or give another server with --to");
    for (const auto& line : lacks) {
        error.detail += (error.detail.empty() ? "" : "; ") + line;
    }
    return error;
}

// All that it lacks, before anything is restored.
Status Drill::look_at_server() {
    if (!connection_) {
        return done();
    }
    if (auto noted = note_what_is_there(); !noted) {
        return noted;
    }
    return stage("look", "", [this]() -> Status {
        auto lacks = extensions_that_do_not_start(*connection_, manifest_);
        if (!lacks) {
            return std::move(lacks).error();
        }
        auto locks = locks_that_are_missing(*connection_, manifest_);
        if (!locks) {
            return std::move(locks).error();
        }
        lacks->insert(lacks->end(), locks->begin(), locks->end());
        auto preview = restore::preview_restore(restore_plan(), source_, manifest_, observer_, stop_);
        if (!preview) {
            if (says_nothing_of_backup(preview.error().kind)) {
                return std::move(preview).error();
            }
            // Named once more where it is restored; here it only kept us from looking.
            preview = restore::RestorePreview();
        }
        // What is not there was named by the extension's check already, or the other way round.
        lacks->insert(lacks->end(), preview->lacks.begin(), preview->lacks.end());
        if (!lacks->empty() && !report_.findings.empty()) {
            // Roles, perhaps, that are missing because the globals are. That something is wrong is known already.
            report_.notes.push_back(whole_text(lacking(*lacks)));
            connection_.reset();
            return done();
        }
        return lacks->empty() ? done() : Status(lacking(*lacks));
    });
}

// An amount of money is written as the server's lc_monetary says, and one with another cannot read it.
bool is_of_other_money(const Error& error) {
    return whole_text(error).find("for type money") != std::string::npos;
}

// What the server has too little of, in its words: clients do not print SQLSTATE, whose class 53 it is.
std::optional<Error> short_of_something(const Error& error, bool own_server) {
    const std::string text = whole_text(error);
    const auto says = [&text](std::string_view words) { return text.find(words) != std::string::npos; };
    if (says("out of shared memory") || says("max_locks_per_transaction")) {
        return Error{ErrorKind::failed, "the server that the backup was restored into has too few locks",
                     own_server ? "give a server with --to that has a higher max_locks_per_transaction"
                                : "raise max_locks_per_transaction on the server of --to, and restart it",
                     text};
    }
    if (says("out of memory")) {
        return Error{ErrorKind::failed, "the server that the backup was restored into has too little memory",
                     own_server ? "drill where there is more memory, or give a server with --to"
                                : "give the server of --to more memory",
                     text};
    }
    return std::nullopt;
}

// Whether what went wrong is the server's or the disk's own business.
Status Drill::server_is_well(const Error& error) {
    if (auto short_of = short_of_something(error, scratch_ != nullptr)) {
        return *short_of;
    }
    if (disk_is_full(error)) {
        return Error{ErrorKind::failed, "the disk of the server that the backup was restored into is full",
                     scratch_ ? "set TMPDIR to a folder with more room, or give a server with --to"
                              : "give a server with more room with --to",
                     whole_text(error)};
    }
    if (is_of_other_money(error)) {
        return Error{ErrorKind::failed,
                     "the backup's server wrote money in another way (lc_monetary) than this server reads it",
                     "give a server with --to that has the same lc_monetary in its postgresql.conf", whole_text(error)};
    }
    if (scratch_ && !scratch_->running()) {
        return Error{ErrorKind::failed, "the throw-away server ended by itself",
                     "see whether this machine has memory and room enough, or give a server with --to",
                     scratch_->last_words()};
    }
    return done();
}

// A database may have come back with a role for its sessions (ALTER DATABASE … SET role), who may read less than we.
Status Drill::sessions_are_ours(const std::string& database, const Error& error) {
    if (whole_text(error).find("permission denied") == std::string::npos) {
        return done();
    }
    auto inside = postgres::Connection::open(target_, database, stop_);
    if (!inside) {
        return std::move(inside).error();
    }
    auto role = inside->value("SELECT CASE WHEN current_user <> session_user THEN current_user ELSE '' END");
    if (!role) {
        return std::move(role).error();
    }
    return role->empty() ? done()
                         : Status(Error{ErrorKind::failed,
                                        "a setting that came back with database " + in_quotes(database) +
                                            " has sessions there work as role " + in_quotes(*role) +
                                            ", who may not read all of it",
                                        "add options=-c%20role%3Dnone to the URI of --to", whole_text(error)});
}

// Whether what failed with a database that came back is the backup's fault; else the error tells whose.
Status Drill::blame_backup(const std::string& database, const Error& error) {
    if (auto well = server_is_well(error); !well) {
        return well;
    }
    if (auto ours = sessions_are_ours(database, error); !ours) {
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
    const auto began = Steady::now();
    auto ran =
        stage("restore", record.name, [&] { return restore::run_restore(plan, source_, manifest_, observer_, stop_); });
    report_.restore_took += std::chrono::duration_cast<std::chrono::milliseconds>(Steady::now() - began);
    restored = ran.ok();
    if (ran) {
        globals_restored_ = globals_restored_ || (with_globals && !manifest_.globals.empty());
        return done();
    }
    if (auto well = server_is_well(ran.error()); !well) {
        return well;
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

void Drill::note_what_was_not_restored(const ArchiveLook& archive, const std::string& database) {
    if (archive.replication() > 0) {
        report_.notes.push_back("database " + in_quotes(database) + ": " + "subscriptions and publications (" +
                                std::to_string(archive.replication()) +
                                " entries) were not restored, and are compared from the archive alone");
    }
}

bool of_replication(const archive::TocLine& line) {
    const bool about = line.kind() == "COMMENT" || line.kind() == "SECURITY LABEL";
    const auto what = about ? line.name() : line.kind();
    return what.starts_with("SUBSCRIPTION") || what.starts_with("PUBLICATION");
}

// The language that every new database has. Where it was dropped and made anew, pg_dump takes it for somebody's own
// extension; a restore finds it there, and the next dump does not list it.
bool there_from_the_start(const archive::TocLine& line) {
    return (line.kind() == "EXTENSION" && line.name() == "plpgsql") ||
           (line.kind() == "COMMENT" && line.name() == "EXTENSION plpgsql");
}

// An extension comes with its comment, also where that was taken away.
bool brought_comment(const archive::TocLine& line, const std::set<std::string>& comments) {
    return line.kind() == "COMMENT" && line.name().starts_with("EXTENSION ") &&
           comments.count(std::string(line.name())) == 0;
}

std::set<std::string> names_of_comments(const proof::DatabaseProof& database) {
    std::set<std::string> names;
    for (const auto& line : database.contents.entries) {
        if (line.kind() == "COMMENT") {
            names.emplace(line.name());
        }
    }
    return names;
}

// Between majors large objects are listed in another way; their bytes are compared all the same.
bool listed_in_another_way(const archive::TocLine& line) {
    const bool about = line.kind() == "COMMENT" || line.kind() == "SECURITY LABEL" || line.kind() == "ACL";
    const auto what = about ? line.name() : line.kind();
    return what.starts_with("BLOB") || what.starts_with("LARGE OBJECT");
}

// What came back against what the archive holds, and that against the proof that was made with the backup.
Status Drill::compare(const catalogue::DatabaseRecord& record, ArchiveLook& archive, ArchiveLook& after) {
    after.moved = [&](std::uint64_t bytes) { observer_.compared(record.name, bytes); };
    if (auto dumped = look_at_database(dumping(), record, after); !dumped) {
        if (auto blamed = blame_backup(record.name, dumped.error()); !blamed) {
            return blamed;
        }
        add("restore", record.name, "", "what came back cannot be dumped: " + whole_text(dumped.error()));
        return done();
    }
    auto held = std::move(archive).proof(record.name);
    auto came = std::move(after).proof(record.name);
    const auto* proven = proof_ ? proof_->find(record.name) : nullptr;
    if (proven != nullptr) {
        auto stored = *proven;
        if (!stored.not_proven.empty()) {
            report_.notes.push_back(
                "database " + in_quotes(record.name) +
                ": its own proof is not whole, so that it is compared with what its archive holds (" +
                stored.not_proven + ")");
            stored.not_proven.clear();
        }
        add(proof::differences(stored, *held, {"in the table proof", "in the archive", {}}));
    }
    const bool same = same_major();
    const auto comments = names_of_comments(*held);
    proof::CompareOptions options{"in the backup", "after the restore", [&](const archive::TocLine& line) {
                                      return of_replication(line) || there_from_the_start(line) ||
                                             brought_comment(line, comments) || (!same && listed_in_another_way(line));
                                  }};
    options.owners_of_privileges = false;
    add(proof::differences(*held, *came, options));
    drilled(record.name).totals = proof::totals_of(*came);
    return done();
}

std::vector<std::string> only_in_first(const std::vector<std::string>& first, const std::vector<std::string>& second) {
    std::vector<std::string> rest;
    std::set_difference(first.begin(), first.end(), second.begin(), second.end(), std::back_inserter(rest));
    return rest;
}

// PostgreSQL writes some expressions in another way once they were restored, and always in that way from then on. So
// the archive's own words are restored once more, without rows, into a database that nothing else happens to; what came
// back must be told in the same words as that.
Status Drill::compare_definitions(const catalogue::DatabaseRecord& record, ArchiveLook& archive,
                                  const ArchiveLook& after) {
    const std::string second =
        "lifeboat-drill-" + os::random_hex(random_bytes);  // no database has it, nor another drill
    const auto& statements = archive.needs().database();
    const auto create = std::find_if(statements.begin(), statements.end(), [](const auto& statement) {
        return statement.kind == archive::DatabaseStatementKind::create;
    });
    if (create == statements.end()) {
        add("definition", record.name, "", "the archive does not say how to create its database");
        return done();
    }
    ArchiveLook again;
    auto restored = create_second(*create, second);
    if (restored) {
        restored = restore_again(record, archive, second, again);
    }
    if (!restored || !again.finished()) {
        auto dropped = drop(second);
        return restored ? dropped : restored;
    }
    const auto& came = after.definitions();
    const auto different = made_differently(again.definitions().inside(), came.inside());
    auto named = name_definitions(record, different, second);
    if (auto dropped = drop(second); !named || !dropped) {
        return named ? dropped : named;
    }
    const auto& held = archive.definitions();
    // What came back and is not in the backup at all is told with the lists of entries.
    for (const auto& object : only_in_first(missing_in_second(came.inside(), again.definitions().inside()),
                                            missing_in_second(came.inside(), held.inside()))) {
        add("definition", record.name, object, object + ": not there after another restore, without rows");
    }
    for (const auto& object : made_differently(held.of_large_objects(), came.of_large_objects())) {
        add("definition", record.name, object, object + ": not the same in the backup and after the restore");
    }
    // Whether it has settings and privileges of its own is a matter of its archive's list; what they are, of this one.
    if (same_major() && databases_before_.count(record.name) == 0) {
        for (const auto& object : made_differently(held.of_database(), came.of_database())) {
            add("definition", record.name, object, object + ": not the same in the backup and after the restore");
        }
    }
    if (auto others = only_in_first(made_differently(held.inside(), came.inside()), different); !others.empty()) {
        report_.respelled.push_back({record.name, std::move(others)});
    }
    return done();
}

Status Drill::create_second(const archive::DatabaseStatement& create, const std::string& name) {
    auto sql = archive::for_database(create, name);
    if (!sql) {
        return std::move(sql).error();
    }
    auto created = connection_->execute(*sql);
    return created ? done() : Status(in_context("cannot create a second database", std::move(created).error()));
}

// `again` is finished where it went well; where it is the backup's fault that it did not, that is a finding.
Status Drill::restore_again(const catalogue::DatabaseRecord& record, ArchiveLook& archive, const std::string& name,
                            ArchiveLook& again) {
    auto looked = restore_schema(dumping(), archive, name, superuser_);
    if (looked) {
        looked = set_as_restored(archive, name);
    }
    if (looked) {
        looked = look_at_schema(dumping(), record, name, again);
    }
    if (looked) {
        return looked;
    }
    if (auto blamed = blame_backup(record.name, looked.error()); !blamed) {
        return blamed;
    }
    add("definition", record.name, "",
        "it cannot be restored again, without its rows, for the comparison of definitions: " +
            whole_text(looked.error()));
    return done();
}

// Some of a database's settings change how definitions are written (lc_monetary, for one). What else its properties
// hold (that it is a template) is of no matter here.
Status Drill::set_as_restored(const ArchiveLook& archive, const std::string& name) {
    auto inside = postgres::Connection::open(target_, name, stop_);
    if (!inside) {
        return std::move(inside).error();
    }
    if (const auto& encoding = archive.needs().encoding(); !encoding.empty()) {
        if (auto set = inside->execute("SET client_encoding = '" + encoding + "'"); !set) {
            return set;
        }
    }
    for (const auto& statement : archive.needs().database()) {
        const bool setting = statement.kind == archive::DatabaseStatementKind::setting ||
                             statement.kind == archive::DatabaseStatementKind::role_setting;
        if (!setting || statement.text.find(" SET ", statement.name_at + statement.name_length) !=
                            statement.name_at + statement.name_length) {
            continue;
        }
        auto sql = archive::for_database(statement, name);
        // One that is refused was refused in the first restore, too.
        if (auto set = sql ? inside->execute(*sql) : done(); !set && set.error().kind != ErrorKind::failed) {
            return set;
        }
    }
    return done();
}

// Each is a finding, with where it is different.
Status Drill::name_definitions(const catalogue::DatabaseRecord& record, const std::vector<std::string>& objects,
                               const std::string& second) {
    if (objects.empty()) {
        return done();
    }
    const std::set<std::string> names(objects.begin(), objects.end());
    auto in_backup = texts_of(dumping(), record, second, names);
    if (!in_backup) {
        return std::move(in_backup).error();
    }
    auto restored = texts_of(dumping(), record, record.name, names);
    if (!restored) {
        return std::move(restored).error();
    }
    for (const auto& object : objects) {
        const auto where = what_differs((*in_backup)[object], (*restored)[object]);
        add("definition", record.name, object,
            object + ": not made as in the backup" + (where.empty() ? "" : " (" + where + ")"));
    }
    return done();
}

Status Drill::ask_checks(const std::string& database) {
    const auto wanted = std::any_of(plan_.checks.begin(), plan_.checks.end(),
                                    [&](const auto& check) { return check.database == database; });
    if (!wanted) {
        return done();
    }
    return stage("checks", database, [&]() -> Status {
        for (const auto& check : plan_.checks) {
            if (check.database != database) {
                continue;
            }
            auto outcome = ask(target_, check, stop_);
            if (!outcome) {
                return std::move(outcome).error();
            }
            report_.checks.push_back(std::move(*outcome));
        }
        return done();
    });
}

// A question about a database that the backup does not hold has its answer, too.
void Drill::ask_about_others() {
    for (const auto& check : plan_.checks) {
        if (manifest_.find(check.database) == nullptr) {
            report_.checks.push_back(
                {check.database, check.query, check.expect, {}, "the backup holds no such database", false});
        }
    }
}

Status Drill::drop(const std::string& database) {
    return connection_->execute("DROP DATABASE IF EXISTS " + archive::quote_identifier(database) +
                                (connection_->major() >= 13 ? " WITH (FORCE)" : ""));
}

Status Drill::compare_globals() {
    auto script = dump_globals(dumping());
    if (!script) {
        if (auto well = server_is_well(script.error()); !well) {
            return well;
        }
        return in_context("the roles of the server that the backup was restored into", std::move(script).error());
    }
    auto statements = postgres::parse_globals(*script);
    if (!statements) {
        return std::move(statements).error();
    }
    GlobalsOptions options{there_before_, same_major()};
    if (scratch_) {
        options.passed_over.insert(scratch_->login());
    } else if (const auto roles = postgres::created_roles(globals_); std::any_of(
                   roles.begin(), roles.end(), [this](const auto& role) { return there_before_.count(role); })) {
        report_.notes.emplace_back("roles that the server of --to had already were left as they are, and not compared");
    }
    for (auto& finding : globals_differences(globals_, *statements, options)) {
        report_.findings.push_back(std::move(finding));
    }
    return done();
}

}  // namespace

Result<Report> run_drill(const DrillPlan& plan, const restore::Source& source, const catalogue::Manifest& manifest,
                         DrillObserver& observer, const std::stop_token& stop) {
    return Drill(plan, source, manifest, observer, stop).run();
}

}  // namespace lifeboat::drill
