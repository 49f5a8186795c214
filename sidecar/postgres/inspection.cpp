#include "postgres/inspection.hpp"

#include "archive/sql_text.hpp"
#include "postgres/table_pattern.hpp"

#include <algorithm>
#include <charconv>
#include <set>

namespace lifeboat::postgres {
namespace {

constexpr int pg_14 = 140000;
constexpr int pg_15 = 150000;
constexpr int pg_17 = 170000;
constexpr int pg_19 = 190000;

// What pg_dump reads: ordinary and partitioned tables and sequences of people's schemas, and of extensions only
// the tables that they registered for dumping.
constexpr const char* dumped_relations = R"(
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p', 'S') AND c.relpersistence <> 't'
      AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
      AND (NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
           OR c.oid IN (SELECT unnest(extconfig) FROM pg_extension)) )";

constexpr std::size_t most_names = 5;

std::uint64_t number(const std::string& text) {
    std::uint64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

std::string plural(std::uint64_t count, const std::string& one) {
    return std::to_string(count) + " " + one + (count == 1 ? "" : "s");
}

// The first column of each row, the first few of them.
std::string some_names(const Rows& rows) {
    std::string names;
    for (std::size_t i = 0; i < std::min(most_names, rows.size()); ++i) {
        names += (i == 0 ? "" : ", ") + rows[i].front().value_or("");
    }
    return names + (rows.size() > most_names ? ", …" : "");
}

// The tables whose rows are left out, as an SQL array of their object ids.
Result<std::string> array_of_matching(Connection& connection, const std::vector<std::string>& patterns) {
    const auto matching = tables_matching(connection, patterns);
    if (!matching) {
        return matching.error();
    }
    std::string ids;
    for (const auto& id : *matching) {
        ids += (ids.empty() ? "" : ",") + id;
    }
    return "'{" + ids + "}'::pg_catalog.oid[]";
}

class Inspector {
public:
    Inspector(Connection& connection, bool in_recovery, const std::vector<std::string>& without_rows)
        : connection_(connection),
          in_recovery_(in_recovery),
          without_rows_(without_rows),
          role_(archive::quote_identifier(connection.user())) {}

    Result<Inspection> run();

private:
    Status look(const std::string& condition, const std::string& one, const std::string& cure);
    Status find_gaps();
    Status cure_other_role();
    Status find_row_security();
    Status find_large_object_gaps();
    Status find_omissions();
    Status count(const std::string& sql, const std::string& kind, const std::string& text);
    Status read_locale();
    Status read_extensions();
    Status read_tablespaces();
    Status read_size();
    Status read_locks();
    [[nodiscard]] std::string read_grant() const;

    Connection& connection_;
    bool in_recovery_;
    const std::vector<std::string>& without_rows_;
    std::string role_;
    bool superuser_ = false;
    Inspection found_;
};

Result<Inspection> Inspector::run() {
    auto superuser = connection_.value("SELECT rolsuper FROM pg_roles WHERE rolname = current_user");
    if (!superuser) {
        return std::move(superuser).error();
    }
    superuser_ = *superuser == "t";
    for (const auto step : {&Inspector::find_gaps, &Inspector::find_large_object_gaps, &Inspector::find_omissions,
                            &Inspector::read_locale, &Inspector::read_extensions, &Inspector::read_tablespaces,
                            &Inspector::read_size, &Inspector::read_locks}) {
        if (auto stepped = (this->*step)(); !stepped) {
            return std::move(stepped).error();
        }
    }
    if (auto cured = cure_other_role(); !cured) {
        return std::move(cured).error();
    }
    return std::move(found_);
}

// ALTER DATABASE … SET role, or ALTER ROLE: then it is another role that may not read, and granting our own more is no
// cure.
Status Inspector::cure_other_role() {
    if (found_.gaps.empty()) {
        return done();
    }
    auto rows = connection_.query("SELECT current_user, session_user, pg_catalog.current_database()");
    if (!rows) {
        return std::move(rows).error();
    }
    const auto text = [&](std::size_t column) { return rows->front()[column].value_or(""); };
    if (text(0) == text(1)) {
        return done();
    }
    for (auto& gap : found_.gaps) {
        gap.cure = "ALTER ROLE " + role_ + " IN DATABASE " + archive::quote_identifier(text(2)) +
                   " SET role = none (a setting has its sessions there work as role '" + text(0) + "')";
    }
    return done();
}

std::string Inspector::read_grant() const {
    return connection_.version_num() >= pg_14
               ? "GRANT pg_read_all_data TO " + role_
               : "GRANT USAGE ON SCHEMA … TO " + role_ + "; GRANT SELECT ON ALL TABLES IN SCHEMA … TO " + role_ +
                     "; GRANT SELECT ON ALL SEQUENCES IN SCHEMA … TO " + role_;
}

Status Inspector::look(const std::string& condition, const std::string& one, const std::string& cure) {
    auto rows = connection_.query("SELECT pg_catalog.format('%I.%I', n.nspname, c.relname)" +
                                  std::string(dumped_relations) + " AND " + condition + " ORDER BY 1");
    if (!rows) {
        return std::move(rows).error();
    }
    if (!rows->empty()) {
        found_.gaps.push_back({plural(rows->size(), one), some_names(*rows), cure});
    }
    return done();
}

Status Inspector::find_gaps() {
    if (superuser_) {
        return done();
    }
    auto schemas =
        connection_.query("SELECT DISTINCT pg_catalog.format('%I', n.nspname)" + std::string(dumped_relations) +
                          " AND NOT pg_catalog.has_schema_privilege(n.oid, 'USAGE') ORDER BY 1");
    if (!schemas) {
        return std::move(schemas).error();
    }
    if (!schemas->empty()) {
        found_.gaps.push_back({plural(schemas->size(), "schema"), some_names(*schemas), read_grant()});
    }
    if (auto looked = look("CASE WHEN c.relkind <> 'S' THEN NOT pg_catalog.has_table_privilege(c.oid, 'SELECT') END",
                           "table", read_grant());
        !looked) {
        return looked;
    }
    if (auto looked = look("CASE WHEN c.relkind = 'S' THEN NOT pg_catalog.has_sequence_privilege(c.oid, 'SELECT') END",
                           "sequence", read_grant());
        !looked) {
        return looked;
    }
    return find_row_security();
}

// It hides rows, and is no matter where none are dumped: of tables left out on request, and of unlogged ones on a
// standby. A partition is a table of its own here, for pg_dump as for its policies.
Status Inspector::find_row_security() {
    auto left_out = array_of_matching(connection_, without_rows_);
    if (!left_out) {
        return std::move(left_out).error();
    }
    std::string hidden = "c.relkind = 'r' AND c.relrowsecurity AND c.oid <> ALL (" + *left_out + ")";
    hidden += in_recovery_ ? " AND c.relpersistence <> 'u'" : "";
    return look("CASE WHEN " + hidden + " THEN pg_catalog.row_security_active(c.oid) END", "table with row security",
                "ALTER ROLE " + role_ + " BYPASSRLS");
}

// pg_read_all_data does not cover large objects before PostgreSQL 19.
Status Inspector::find_large_object_gaps() {
    if (superuser_) {
        return done();
    }
    auto rows = connection_.query(R"(
        SELECT m.oid FROM pg_largeobject_metadata m
        WHERE pg_catalog.current_setting('lo_compat_privileges') = 'off'
          AND NOT pg_catalog.pg_has_role(m.lomowner, 'USAGE')
          AND NOT EXISTS (SELECT FROM pg_catalog.aclexplode(m.lomacl) a WHERE a.privilege_type = 'SELECT'
                          AND (a.grantee = 0 OR pg_catalog.pg_has_role(a.grantee, 'USAGE'))))" +
                                  std::string(connection_.version_num() >= pg_19
                                                  ? " AND NOT pg_catalog.pg_has_role('pg_read_all_data', 'USAGE')"
                                                  : "") +
                                  " ORDER BY 1");
    if (!rows) {
        return std::move(rows).error();
    }
    if (!rows->empty()) {
        found_.gaps.push_back({plural(rows->size(), "large object"), some_names(*rows),
                               connection_.version_num() >= pg_19
                                   ? read_grant()
                                   : "ALTER ROLE " + role_ + " SET lo_compat_privileges = on"});
    }
    return done();
}

Status Inspector::count(const std::string& sql, const std::string& kind, const std::string& text) {
    auto value = connection_.value(sql);
    if (!value) {
        return std::move(value).error();
    }
    if (const auto how_many = number(*value); how_many > 0) {
        found_.omissions.push_back({kind, how_many, text});
    }
    return done();
}

Status Inspector::find_omissions() {
    struct Question {
        bool ask;
        const char* sql;
        const char* kind;
        const char* text;
    };
    const Question questions[] = {
        // NOLINT(*-avoid-c-arrays)
        {!superuser_,
         "SELECT count(*) FROM pg_subscription WHERE subdbid = (SELECT oid FROM pg_database WHERE datname = "
         "current_database())",
         "subscriptions", "not dumped, because the role is no superuser: create them again after a restore"},
        {!superuser_, "SELECT count(*) FROM pg_user_mappings", "user_mapping_options",
         "dumped without options (passwords among them), because the role is no superuser: set them again after a "
         "restore"},
        {true, "SELECT count(*) FROM pg_class WHERE relkind = 'f'", "foreign_tables",
         "defined in the dump, their rows stay on the foreign server"},
        {in_recovery_, "SELECT count(*) FROM pg_class WHERE relpersistence = 'u' AND relkind = 'r'", "unlogged_tables",
         "their rows are not readable on a standby, and not in the dump"},
        // pg_relation_size waits for the table's lock. OFFSET 0 keeps the planner from asking it for every table there
        // is.
        {true,
         "SELECT count(*) FROM (SELECT c.oid FROM pg_class c "
         "JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e' "
         "WHERE c.relkind = 'r' AND c.relnamespace <> 'pg_catalog'::regnamespace "
         "AND c.oid NOT IN (SELECT unnest(extconfig) FROM pg_extension WHERE extconfig IS NOT NULL) OFFSET 0) t "
         "WHERE pg_catalog.pg_relation_size(t.oid) > 0",
         "extension_tables",
         "belong to an extension that did not register them for dumping: their rows are not in the dump"},
        {true, "SELECT count(*) FROM pg_class WHERE relkind = 'm'", "materialized_views",
         "defined in the dump, and filled again by a restore"},
        // As pg_dump chooses them (getIndexes).
        {true,
         "SELECT count(*) FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid "
         "JOIN pg_namespace n ON n.oid = t.relnamespace "
         "WHERE NOT (i.indisready AND (i.indisvalid OR t.relkind = 'p')) AND n.nspname !~ '^pg_'",
         "invalid_indexes",
         "are not valid (a CREATE INDEX CONCURRENTLY that did not end), so they are not in the dump: REINDEX or drop "
         "them"},
    };
    for (const auto& question : questions) {
        if (question.ask) {
            if (auto counted = count(question.sql, question.kind, question.text); !counted) {
                return counted;
            }
        }
    }
    return done();
}

Status Inspector::read_locale() {
    const int version = connection_.version_num();
    const std::string provider =
        version >= pg_15 ? "CASE datlocprovider WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' ELSE 'libc' END" : "'libc'";
    const std::string locale = version >= pg_17 ? "datlocale" : version >= pg_15 ? "daticulocale" : "''";
    auto rows =
        connection_.query("SELECT pg_catalog.pg_encoding_to_char(encoding), " + provider + ", datcollate, datctype, " +
                          locale + " FROM pg_database WHERE datname = pg_catalog.current_database()");
    if (!rows || rows->size() != 1) {
        return rows ? failed("the database is gone") : std::move(rows).error();
    }
    const auto& row = rows->front();
    found_.needs.locale = {row[0].value_or(""), row[1].value_or(""), row[2].value_or(""), row[3].value_or(""),
                           row[4].value_or("")};
    return done();
}

Status Inspector::read_extensions() {
    auto rows = connection_.query("SELECT extname, extversion FROM pg_extension WHERE extname <> 'plpgsql' ORDER BY 1");
    if (!rows) {
        return std::move(rows).error();
    }
    for (const auto& row : *rows) {
        found_.needs.extensions.push_back({row[0].value_or(""), row[1].value_or("")});
    }
    return done();
}

Status Inspector::read_tablespaces() {
    auto rows = connection_.query(R"(
        SELECT spcname FROM pg_tablespace t WHERE spcname !~ '^pg_'
          AND (oid = (SELECT dattablespace FROM pg_database WHERE datname = pg_catalog.current_database())
               OR EXISTS (SELECT FROM pg_class c WHERE c.reltablespace = t.oid)) ORDER BY 1)");
    if (!rows) {
        return std::move(rows).error();
    }
    for (const auto& row : *rows) {
        found_.needs.tablespaces.push_back(row.front().value_or(""));
    }
    return done();
}

// Asking a table for its size waits for its lock, so those that someone has locked are left out. A guess is not worth
// a failed backup either.
Status Inspector::read_size() {
    auto bytes = connection_.value(R"(
        SELECT coalesce(sum(pg_catalog.pg_table_size(oid)), 0) FROM pg_class WHERE relkind = 'r' AND oid >= 16384
          AND oid NOT IN (SELECT relation FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND relation IS NOT NULL))");
    if (!bytes && bytes.error().kind != ErrorKind::failed) {
        return std::move(bytes).error();
    }
    found_.table_bytes = bytes ? number(*bytes) : 0;
    return done();
}

// Sequences too: reading where one stands locks it until the end.
Status Inspector::read_locks() {
    auto relations = connection_.value("SELECT count(*)" + std::string(dumped_relations));
    if (!relations) {
        return std::move(relations).error();
    }
    auto locks = promised_locks(connection_);
    if (!locks) {
        return std::move(locks).error();
    }
    found_.locks = *locks;
    found_.locks.relations = number(*relations);
    return done();
}

}  // namespace

std::optional<std::string> LockNeed::warning() const {
    constexpr std::uint64_t room_for_others = 64;  // PostgreSQL's own default
    if (relations <= slots || sessions == 0) {
        return std::nullopt;
    }
    return "the dump must lock " + std::to_string(relations) +
           " tables and sequences at once, and the server promises room for " + std::to_string(slots) +
           " locks: it may end with \"out of shared memory\", and so may other sessions while it runs; next: ALTER "
           "SYSTEM SET max_locks_per_transaction = " +
           std::to_string(relations / sessions + room_for_others) + ", and restart the server";
}

Result<LockNeed> promised_locks(Connection& connection) {
    auto settings = connection.query(R"(
        SELECT pg_catalog.current_setting('max_locks_per_transaction'), sum(setting::bigint) + 1 FROM pg_settings
        WHERE name IN ('max_connections', 'max_prepared_transactions', 'max_worker_processes')
           OR (name = 'max_wal_senders' AND pg_catalog.current_setting('server_version_num')::int >= 120000)
           OR name = CASE WHEN pg_catalog.current_setting('server_version_num')::int >= 180000
                          THEN 'autovacuum_worker_slots' ELSE 'autovacuum_max_workers' END)");
    if (!settings) {
        return std::move(settings).error();
    }
    LockNeed locks;
    locks.sessions = number(settings->front()[1].value_or(""));
    locks.slots = number(settings->front()[0].value_or("")) * locks.sessions;
    return locks;
}

Result<Inspection> inspect_database(Connection& connection, bool in_recovery,
                                    const std::vector<std::string>& exclude_table_data) {
    return Inspector(connection, in_recovery, exclude_table_data).run();
}

Result<std::vector<Omission>> server_omissions(Connection& connection) {
    std::vector<Omission> omissions;
    const auto add = [&](const std::string& sql, const std::string& kind, const std::string& text) -> Status {
        auto value = connection.value(sql);
        if (!value) {
            return std::move(value).error();
        }
        if (const auto how_many = number(*value); how_many > 0) {
            omissions.push_back({kind, how_many, text});
        }
        return done();
    };
    if (auto added =
            add("SELECT count(*) FROM pg_settings WHERE sourcefile ~ 'postgresql.auto.conf$'", "alter_system_settings",
                "settings by ALTER SYSTEM are not in any dump: keep them with the server's configuration");
        !added) {
        return std::move(added).error();
    }
    // Without pg_read_all_settings, pg_settings hides from which file a setting came.
    if (auto added = add("SELECT count(*) FROM pg_settings WHERE source = 'configuration file' AND sourcefile IS NULL",
                         "settings_of_unseen_origin",
                         "come from postgresql.conf or by ALTER SYSTEM, and the backup's role may not see which: GRANT "
                         "pg_read_all_settings to it; settings by ALTER SYSTEM are not in any dump");
        !added) {
        return std::move(added).error();
    }
    if (auto added =
            add("SELECT count(*) FROM pg_db_role_setting WHERE setdatabase = 0 AND setrole = 0",
                "alter_role_all_settings", "ALTER ROLE ALL SET … is not in any dump: set it again after a restore");
        !added) {
        return std::move(added).error();
    }
    if (auto added =
            add("SELECT count(*) FROM pg_database WHERE NOT datallowconn AND NOT datistemplate AND datconnlimit <> -2",
                "closed_databases",
                "take no connections, so they cannot be dumped: ALTER DATABASE … WITH ALLOW_CONNECTIONS true");
        !added) {
        return std::move(added).error();
    }
    if (auto added = add("SELECT count(*) FROM pg_database WHERE datistemplate AND datname NOT IN ('template0', "
                         "'template1') AND datconnlimit <> -2",
                         "template_databases",
                         "are templates, which are not dumped: ALTER DATABASE … WITH IS_TEMPLATE false, if they are to "
                         "be");
        !added) {
        return std::move(added).error();
    }
    if (auto added = add("SELECT count(*) FROM pg_replication_slots WHERE slot_type = 'logical' AND NOT temporary",
                         "logical_replication_slots",
                         "are not in any dump: after a restore, those who read from them must begin anew");
        !added) {
        return std::move(added).error();
    }
    return omissions;
}

Status check_globals_readable(Connection& connection) {
    auto readable = connection.value("SELECT pg_catalog.has_table_privilege('pg_catalog.pg_authid', 'SELECT')");
    if (!readable) {
        return std::move(readable).error();
    }
    if (*readable == "t") {
        return done();
    }
    const std::string role = archive::quote_identifier(connection.user());
    return failed("role '" + connection.user() + "' cannot read the server's roles and their passwords",
                  connection.version_num() >= pg_14 ? "as a superuser run: GRANT pg_read_all_data TO " + role
                                                    : "as a superuser run: GRANT SELECT ON pg_authid TO " + role);
}

Error gaps_error(const std::vector<Gap>& gaps, const std::string& role) {
    Error error{ErrorKind::failed, "role '" + role + "' cannot read ", "as a superuser of that database run: ", {}};
    std::vector<std::string> cures;
    for (std::size_t i = 0; i < gaps.size(); ++i) {
        error.what += (i == 0 ? "" : i + 1 == gaps.size() ? " and " : ", ") + gaps[i].what;
        error.detail += (i == 0 ? "" : "; ") + gaps[i].names;
        if (std::find(cures.begin(), cures.end(), gaps[i].cure) == cures.end()) {
            cures.push_back(gaps[i].cure);
        }
    }
    for (const auto& cure : cures) {
        error.next += cure + "; ";
    }
    error.next += "docs/backup-role.md shows the whole role";
    return error;
}

Result<TableFiles> TableFiles::read(Connection& connection) {
    return read_where(connection, "true");
}

Result<TableFiles> TableFiles::read_registered(Connection& connection, const std::vector<std::string>& without_rows) {
    auto left_out = array_of_matching(connection, without_rows);
    if (!left_out) {
        return std::move(left_out).error();
    }
    return read_where(connection,
                      "c.oid IN (SELECT pg_catalog.unnest(extconfig) FROM pg_catalog.pg_extension) AND c.oid <> ALL (" +
                          *left_out + ")");
}

Result<TableFiles> TableFiles::read_where(Connection& connection, const std::string& condition) {
    // One text instead of many rows: a database of 100,000 tables would cost tens of megabytes as rows.
    auto text = connection.value(
        "SELECT coalesce(string_agg(c.oid || ' ' || pg_catalog.pg_relation_filenode(c.oid) || ' ' || "
        "(pg_catalog.hashtext(n.nspname || '.' || c.relname)::bigint & 4294967295), ' ' ORDER BY c.oid), '') "
        "FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
        "WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND c.oid >= 16384 "
        "AND pg_catalog.pg_relation_filenode(c.oid) IS NOT NULL AND " +
        condition);
    if (!text) {
        return std::move(text).error();
    }
    TableFiles files;
    const char* at = text->data();
    const char* const end = at + text->size();
    const auto next = [&] {
        std::uint32_t value = 0;
        at = std::from_chars(at, end, value).ptr;
        at += at < end ? 1 : 0;  // the blank
        return value;
    };
    while (at < end) {
        const std::uint32_t table = next();
        const std::uint32_t file = next();
        files.tables_.push_back({table, file, next()});
    }
    return files;
}

std::size_t TableFiles::rewritten_since(const TableFiles& before) const {
    std::size_t count = 0;
    std::set<std::uint32_t> new_names;  // of tables that came or were renamed
    std::set<std::uint32_t> old_names;  // of tables that went or were renamed
    auto now = tables_.begin();
    auto then = before.tables_.begin();
    while (now != tables_.end() || then != before.tables_.end()) {
        if (then == before.tables_.end() || (now != tables_.end() && now->table < then->table)) {
            new_names.insert((now++)->name);
        } else if (now == tables_.end() || then->table < now->table) {
            old_names.insert((then++)->name);
        } else {
            if (now->file != then->file) {
                ++count;
            }
            if (now->name != then->name) {
                new_names.insert(now->name);
                old_names.insert(then->name);
            }
            ++now;
            ++then;
        }
    }
    return count + static_cast<std::size_t>(std::count_if(old_names.begin(), old_names.end(), [&](std::uint32_t name) {
               return new_names.count(name) != 0;
           }));
}

Result<SchemaNames> SchemaNames::read(Connection& connection, const std::vector<std::string>& without_rows) {
    auto left_out = array_of_matching(connection, without_rows);
    if (!left_out) {
        return std::move(left_out).error();
    }
    auto rows = connection.query(
        "SELECT n.oid, n.nspname FROM pg_catalog.pg_namespace n WHERE n.nspname !~ '^pg_' AND EXISTS ("
        "SELECT FROM pg_catalog.pg_class c WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'S') "
        "AND c.relpersistence <> 't' AND c.oid <> ALL (" +
        *left_out + "))");
    if (!rows) {
        return std::move(rows).error();
    }
    SchemaNames schemas;
    for (auto& row : *rows) {
        schemas.names_.emplace(std::move(row[0]).value_or(""), std::move(row[1]).value_or(""));
    }
    return schemas;
}

bool SchemaNames::exchanged_since(const SchemaNames& before) const {
    std::set<std::string> given_up;
    std::set<std::string> taken;
    for (const auto& [id, name] : before.names_) {
        const auto now = names_.find(id);
        if (now != names_.end() && now->second != name) {
            given_up.insert(name);
            taken.insert(now->second);
        }
    }
    const auto among = [](const std::set<std::string>& names) {
        return [&names](const auto& schema) { return names.count(schema.second) != 0; };
    };
    return std::any_of(names_.begin(), names_.end(), among(given_up)) ||
           std::any_of(before.names_.begin(), before.names_.end(), among(taken));
}

}  // namespace lifeboat::postgres
