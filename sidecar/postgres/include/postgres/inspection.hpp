// A look at one database before it is dumped: what the role cannot read, what a dump will not hold, what a
// server must have to take it back.
#pragma once

#include "postgres/connection.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace lifeboat::postgres {

// Something that the role cannot read. pg_dump would fail on it half way, or leave it out.
struct Gap {
    std::string what;   // "3 tables", without names
    std::string names;  // "public.a, public.b, …": for the log and the terminal only
    std::string cure;   // the statement that gives the right, to be run by a superuser
};

// Something that is there and that a dump does not hold, although it ends well.
struct Omission {
    std::string kind;  // stable: "subscriptions"
    std::uint64_t count = 0;
    std::string text;  // in words, without names
};

struct ExtensionVersion {
    std::string name;
    std::string version;
};

// How a database was created: what a server must know to create it again.
struct DatabaseLocale {
    std::string encoding;  // "UTF8"
    std::string provider;  // "libc", "icu", "builtin"
    std::string collate;
    std::string ctype;
    std::string locale;  // ICU's or the built-in provider's; empty for libc
};

struct DatabaseNeeds {
    DatabaseLocale locale;
    std::vector<ExtensionVersion> extensions;  // without plpgsql, which every server has
    std::vector<std::string> tablespaces;      // used by the database or anything in it; without pg_default
};

// pg_dump holds a lock on everything that it dumps until its end, in a table that all sessions of the server share.
struct LockNeed {
    std::uint64_t relations = 0;  // tables and sequences
    std::uint64_t slots = 0;      // that the settings promise, to all sessions together
    std::uint64_t sessions = 0;   // among which max_locks_per_transaction is counted

    // Where they are too few. Beyond what is promised the server has some to spare, how many nobody can tell: such a
    // dump may pass, or end with "out of shared memory", and so may other sessions while it runs.
    [[nodiscard]] std::optional<std::string> warning() const;
};

// What the server's settings promise; no relations. By a connection to any database.
Result<LockNeed> promised_locks(Connection& connection);

struct Inspection {
    std::vector<Gap> gaps;
    std::vector<Omission> omissions;
    DatabaseNeeds needs;
    LockNeed locks;
    std::uint64_t table_bytes = 0;  // on disk, without indexes: a guess at how large the archive will be
};

// `connection` is to the database itself. In a server that is a standby, unlogged tables are not readable.
// `exclude_table_data`: patterns of tables whose rows will not be dumped, so that row security on them is no gap. (The
// right to read them is needed all the same: pg_dump locks them.)
Result<Inspection> inspect_database(Connection& connection, bool in_recovery,
                                    const std::vector<std::string>& exclude_table_data = {});

// What no dump of any database holds: settings by ALTER SYSTEM and ALTER ROLE ALL, logical replication slots, databases
// that cannot or are not to be dumped. Where the role may not see how a setting was made, that is an omission of its
// own.
Result<std::vector<Omission>> server_omissions(Connection& connection);

// Whether pg_dumpall can read roles with their passwords; the error names the statement that lets it.
Status check_globals_readable(Connection& connection);

// The gaps as one error for the database, with every statement that cures them.
Error gaps_error(const std::vector<Gap>& gaps, const std::string& role);

// Which file on disk each table has now.
//
// TRUNCATE and a rewriting ALTER TABLE are not MVCC-safe: a table that was rewritten after a snapshot was taken,
// and before it was locked, looks empty to that snapshot, and pg_dump says nothing. Taken before pg_dump starts
// and compared when its first bytes arrive (its locks are held by then), a table with another file betrays it. So does
// a name that went from one table to another: pg_dump locks and reads by name, and a new table under an old one's name
// looks as empty.
class TableFiles {
public:
    static Result<TableFiles> read(Connection& connection);

    // Of the tables that extensions registered for dumping (pg_extension_config_dump) alone, but for those that match a
    // pattern of `without_rows`. pg_dump locks each of them no earlier than it reads its rows: for these the end of the
    // dump is what to compare with.
    static Result<TableFiles> read_registered(Connection& connection, const std::vector<std::string>& without_rows);

    // How many tables of both have different files, and how many names changed hands. A table that is new, or is gone
    // with its name, does not count.
    [[nodiscard]] std::size_t rewritten_since(const TableFiles& before) const;

private:
    static Result<TableFiles> read_where(Connection& connection, const std::string& condition);

    struct Table {
        std::uint32_t table = 0;  // object id
        std::uint32_t file = 0;
        std::uint32_t name = 0;  // a hash of it, with its schema's: one that collides costs a second dump, no more
    };
    std::vector<Table> tables_;  // sorted by object id
};

// The names of the schemas whose rows are dumped. pg_dump reads each table by its name when its turn comes, and no lock
// of a table keeps its schema from being renamed: where another schema takes that name, its tables are read in their
// stead. Taken before pg_dump starts and compared when it has ended. Schemas without a table or sequence, as those of
// views and functions, and those whose tables all match a pattern of `without_rows`, may change names as they like:
// their definitions have all been read before the first row.
class SchemaNames {
public:
    static Result<SchemaNames> read(Connection& connection, const std::vector<std::string>& without_rows);

    // Whether a schema has given up its name and another has it now, or has taken the name of one that is gone by now.
    // One that was only dropped, or made, does not count: while a dump holds its locks, none can go that holds a table.
    [[nodiscard]] bool exchanged_since(const SchemaNames& before) const;

private:
    std::map<std::string, std::string> names_;  // by object id
};

}  // namespace lifeboat::postgres
