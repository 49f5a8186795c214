// The manifest: a backup's commit marker and the page of the catalogue about it.
//
// JSON in UTF-8, described in docs/manifest.md. Readers ignore fields that they do not know, and refuse a
// `format` that they do not know. Holds no password, no table name, no row and no hash of plain text.
#pragma once

#include "catalogue/backup_id.hpp"
#include "catalogue/layout.hpp"
#include "os/clock.hpp"
#include "result/result.hpp"
#include "store/object_store.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lifeboat::catalogue {

inline constexpr std::string_view manifest_format = "lifeboat-manifest/1";

// No manifest is larger; a reader takes no more.
inline constexpr std::uint64_t largest_manifest = std::uint64_t{16} * 1024 * 1024;

struct WriterFacts {
    std::string lifeboat;  // version
    std::string pg_dump;   // version
};

struct SourceServer {
    std::string version;            // "15.20 (Debian 15.20-0+deb12u1)"
    int version_num = 0;            // 150020
    std::string system_identifier;  // empty: not known
    std::optional<std::int64_t> timeline;
    std::string role;  // "primary" or "standby"
};

// Something that was there and that the backup does not hold.
struct OmissionRecord {
    std::string kind;  // "subscriptions"
    std::uint64_t count = 0;
    std::string text;
};

struct ExtensionRecord {
    std::string name;
    std::string version;
};

// What a server must have to take a database back.
struct NeedsRecord {
    std::string encoding;
    std::string locale_provider;  // "libc", "icu", "builtin"
    std::string collate;
    std::string ctype;
    std::string locale;  // ICU's or the built-in provider's; may be empty
    std::vector<ExtensionRecord> extensions;
    std::vector<std::string> tablespaces;
};

// What the archive of a database holds.
struct ContentTotals {
    std::uint64_t tables = 0;  // those whose rows are in it
    std::uint64_t rows = 0;
    std::uint64_t bytes = 0;  // of the rows as COPY writes them, and of large objects
    std::uint64_t sequences = 0;
    std::uint64_t large_objects = 0;
};

// The table proof, which holds names and so is encrypted.
struct ProofRecord {
    std::string algorithm;  // of its hashes
    std::vector<store::StoredObject> objects;
};

struct DatabaseRecord {
    std::string name;
    std::vector<store::StoredObject> objects;  // the archive's segments, in order
    std::uint64_t archive_bytes = 0;           // of pg_dump's archive, before compression and encryption
    std::uint64_t warnings = 0;                // lines that pg_dump said although it succeeded; the log has them
    NeedsRecord needs;
    std::vector<OmissionRecord> omissions;
    std::optional<ContentTotals> contents = {};  // empty: not known
    // Why it is not proven what the archive holds, or not all of it. Empty: it is, or the backup is from before there
    // were proofs (Manifest::proof).
    std::string not_proven = {};
};

// A part of a run that failed: a database, or "globals".
struct FailureRecord {
    std::optional<std::string> database;  // empty: the globals
    std::string error;
};

// Why an owner should look before trusting a backup: docs/lineage.md.
struct Mark {
    std::string kind;           // "database_gone"; the room lineage has all of them
    std::string reason;         // in words, without the name of a table
    std::string database = {};  // that it is about; empty: the server as a whole
    std::string backup = {};    // the id of the backup that it was compared with, or that it follows
};

// The mark of a backup that is as good as the one that it follows, and no better: that one is marked, and nobody
// accepted it.
inline constexpr std::string_view follows_marked = "follows_marked";

// What the backup was compared with when it was made.
struct LineageRecord {
    std::string compared_with;  // a backup's id; empty: there was none to compare with
    std::string not_checked;    // why it could not be compared; empty: it was
    double min_ratio = 0.5;     // lineage.min_ratio of its settings: whoever compares it later goes by the same
};

struct RetentionRecord {
    unsigned keep_days = 0;
    unsigned keep_last = 0;
    unsigned keep_weekly = 0;
    unsigned keep_monthly = 0;
    unsigned keep_yearly = 0;
};

struct Manifest {
    BackupId id;
    std::string instance;
    os::TimePoint started;
    os::TimePoint finished;
    WriterFacts writer;
    SourceServer server;
    std::vector<std::string> recipients;  // age recipients; empty: not encrypted
    int compression_level = 0;
    std::vector<DatabaseRecord> databases;
    std::vector<store::StoredObject> globals;     // empty only in a partial backup
    std::vector<OmissionRecord> omissions;        // of the server as a whole
    std::vector<std::string> notes;               // what an owner may want to know, and need not mend
    std::vector<std::string> exclude_table_data;  // patterns whose rows were left out on request
    std::vector<FailureRecord> failures;          // only in a partial backup
    std::vector<Mark> marks;
    RetentionRecord retention;
    // When the next good backup is overdue, by the schedule of that time; empty: not known.
    std::optional<os::TimePoint> next_overdue;
    std::optional<ProofRecord> proof = {};      // empty: the backup is from before there were proofs
    std::optional<LineageRecord> lineage = {};  // empty: it is partial, or from before backups were compared

    [[nodiscard]] Encrypted encrypted() const { return recipients.empty() ? Encrypted::no : Encrypted::yes; }
    [[nodiscard]] std::uint64_t stored_bytes() const;
    [[nodiscard]] const DatabaseRecord* find(std::string_view database) const;
    [[nodiscard]] std::vector<store::StoredObject> all_objects() const;
};

std::string to_json(const Manifest& manifest);

// Whether a manifest can hold this name as it is. JSON holds UTF-8 only, and to_json writes U+FFFD for anything else:
// two names could become one.
bool can_be_named(const std::string& database);

// ErrorKind::corrupt names the field. Refuses a manifest whose id or instance is not `id` and `layout`'s, and
// one that names an object outside of its own data folder. A format that is not known is ErrorKind::failed.
Result<Manifest> parse_manifest(std::string_view json, const Layout& layout, const BackupId& id);

// Whether it may lie where it was found, in manifests/ or in partial/. ErrorKind::corrupt for one of a partial run
// under manifests/, where it would pass for a whole backup, and for one of a whole run under partial/.
Status check_place(const Manifest& manifest, KeyKind found);

}  // namespace lifeboat::catalogue
