// What the owner asked for, typed: one struct per table of lifeboat.toml, one member per key.
//
// Every member holds its default, so Settings{} is what an empty configuration means. Load them with
// config/load.hpp. docs/settings.md describes each key for people. Values are checked on the way in: a part
// size is in its range, a time zone is spelt like one, an address has a port. A std::optional that is empty
// is the key's written default: "auto", "derived", "never", "off", "unlimited" or nothing, as noted beside it.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "secret/secret.hpp"

namespace lifeboat::config {

using Duration = std::chrono::milliseconds;  // "500ms", "30s", "5m", "6h", "7d", "1h30m"
using Size = std::uint64_t;                  // bytes: "64KiB", "8MiB", "5GB", or a plain number
using Rate = std::uint64_t;                  // bytes in a second: "10MiB/s"

inline constexpr Size kibibyte = 1024;
inline constexpr Size mebibyte = 1024 * kibibyte;
inline constexpr Size gibibyte = 1024 * mebibyte;

struct Instance {
    std::string name;  // [a-z0-9][a-z0-9-]{0,62}; empty only where Needs did not ask for it
};

// Where a server must stand in replication to be dumped.
enum class Role {
    primary,  // only while pg_is_in_recovery() is false
    any,      // wherever Lifeboat runs
};

struct Postgres {
    std::optional<Secret> uri;  // postgresql://…; empty: libpq's own PG* names and defaults
    std::optional<Secret>
        password;  // empty: what the URI holds, PGPASSWORD, PGPASSFILE or ~/.pgpass, all left to libpq
    std::vector<std::string> databases = {"*"};  // names, or patterns in which * stands for any text
    std::vector<std::string> exclude;
    std::vector<std::string> exclude_table_data;  // pg_dump's patterns
    Role role = Role::primary;
    std::optional<Duration> yield_to_ddl = std::chrono::seconds{5};  // empty: "never"
    Duration max_stall = std::chrono::minutes{5};
    Duration lock_timeout = std::chrono::seconds{30};
    std::optional<Rate> read_rate;    // empty: "unlimited"
    std::optional<Size> dump_memory;  // pg_dump's address space; empty: "auto", from the cgroup's limit
    std::string bin_dir = "/usr/lib/postgresql/{major}/bin";  // "{major}" stands for the server's major version
};

struct Schedule {
    std::string cron =
        "17 2 * * *";              // five fields, or @hourly, @daily, @midnight, @weekly, @monthly, @yearly, @annually
    std::string timezone = "UTC";  // a name of the IANA database
    Duration jitter = std::chrono::minutes{5};
    Duration max_duration = std::chrono::hours{6};
};

enum class Addressing { automatic, path, virtual_host };

// Where backups go, taken apart. No member ends with a slash.
struct StoreUrl {
    enum class Kind { s3, folder };
    Kind kind = Kind::folder;
    std::string bucket;            // s3 only
    std::string prefix;            // s3 only; letters, digits and -._/ ; may be empty
    std::filesystem::path folder;  // folder only; absolute
    // As it was written, without a slash at its end: "s3://bucket/prefix", "file:///var/lib/lifeboat".
    std::string text;
};

// How long a stored object may not be deleted by anyone: S3 object lock in compliance mode.
struct ObjectLock {
    Duration retain{};
};

struct Store {
    std::optional<StoreUrl> url;          // empty only where Needs did not ask for it
    std::optional<std::string> endpoint;  // http(s)://host[:port]; empty: AWS for the region
    std::optional<std::string> region;    // empty: derived from the endpoint
    std::optional<Secret> access_key_id;
    std::optional<Secret> secret_access_key;
    std::optional<Secret> session_token;
    std::optional<std::filesystem::path> ca_file;  // PEM; empty: the system's
    Addressing addressing = Addressing::automatic;
    Size part_size = 8 * mebibyte;          // 5 MiB to 5 GiB
    unsigned uploads = 3;                   // parts under way at once, 1 to 16
    std::optional<Rate> upload_rate;        // empty: "unlimited"
    std::optional<Duration> expires_after;  // the bucket's own age rule; empty: "auto", read from the bucket
    std::optional<ObjectLock> object_lock;  // empty: "none"
};

struct Compression {
    int level = 2;  // zstd, 1 to 19; measured, see bench/README.md
};

enum class EncryptionMode {
    age,   // to the recipients
    none,  // plain storage, asked for by name
};

// Either recipients, or mode none; both together are refused.
struct Encryption {
    std::vector<std::string> recipients;  // "age1…", spelling checked here, checksum by the age room
    EncryptionMode mode = EncryptionMode::age;
    std::vector<std::string> identity_file;  // for verbs that read; "-" is standard input
};

enum class PruneMode {
    automatic,  // where the key can delete
    always,
    never,
};

// A backup is kept if any rule keeps it; 0 switches a rule off; all 0 keeps everything.
struct Retention {
    unsigned keep_days = 30;
    unsigned keep_last = 7;
    unsigned keep_weekly = 0;
    unsigned keep_monthly = 0;
    unsigned keep_yearly = 0;
    PruneMode prune = PruneMode::automatic;
    unsigned max_delete = 10;  // where nobody says, loading makes it fit a schedule of many backups a day
    Duration expiry_warning = std::chrono::days{7};
};

struct Lineage {
    double min_ratio = 0.5;  // 0 to 1
};

// Where to listen. `host` has no brackets: "::", "127.0.0.1", "localhost". Port 0 takes any free port.
struct HostPort {
    std::string host;
    std::uint16_t port = 0;
};

struct Health {
    HostPort listen = {"::", 9847};
    HostPort page = {"127.0.0.1", 9848};    // a loopback address, always
    std::optional<Duration> overdue_after;  // empty: "derived" from the schedule
    bool livez_warns = false;
};

// A question that the owner asks a restored database.
struct DrillCheck {
    std::string database;
    std::string query;
    std::string expect;  // "> 1000", "= 3", or a plain text
};

struct Drill {
    std::vector<DrillCheck> checks;
    std::optional<Duration> require_within;  // empty: "off"
    std::optional<std::string> bin_dir;      // empty: postgres.bin_dir
};

// Web addresses to call; secret, as their path is often the password.
struct Notify {
    std::optional<Secret> on_failure;
    std::optional<Secret> on_success;
    std::optional<Secret> ping;
};

struct Kubernetes {
    std::optional<std::string> configmap;  // the status ConfigMap's name; empty: "off"
    bool events = false;
    bool condition = false;
};

enum class LogLevel { trace, debug, info, warn, error };
enum class LogFormat { json, text };

struct Log {
    LogLevel level = LogLevel::info;
    LogFormat format = LogFormat::json;
};

struct Settings {
    Instance instance;
    Postgres postgres;
    Schedule schedule;
    Store store;
    Compression compression;
    Encryption encryption;
    Retention retention;
    Lineage lineage;
    Health health;
    Drill drill;
    Notify notify;
    Kubernetes kubernetes;
    Log log;

    // Where those secrets stand that came from files, by their keys: "postgres.password". See config/live_secrets.hpp.
    std::map<std::string, std::filesystem::path, std::less<>> secret_files;
};

}  // namespace lifeboat::config
