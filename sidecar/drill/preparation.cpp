// What a drill reads, and what it has ready, before the first restore.
#include "archive/sql_text.hpp"
#include "drill.hpp"
#include "globals.hpp"
#include "proof/proof_json.hpp"
#include "result/in_quotes.hpp"
#include "server_checks.hpp"
#include "stream/counter.hpp"
#include "stream/sha256.hpp"

namespace lifeboat::drill {
namespace {

constexpr std::size_t largest_globals = std::size_t{64} << 20U;
constexpr std::size_t largest_proof = std::size_t{1} << 30U;

}  // namespace

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
        const int major = manifest_.server.version_num / 10000;
        superuser_ = first_superuser(globals_, major);
        postgres::ScratchOptions options{plan_.bin_dir, major, superuser_, settings_for(manifest_)};
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

}  // namespace lifeboat::drill
