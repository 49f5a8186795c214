#include "keys.hpp"

#include <algorithm>

#include "config/reference.hpp"

namespace lifeboat::config {
namespace {

constexpr std::int64_t most = 100'000;  // of anything that is counted: more is a slip of the finger

// Adds the keys of one table.
template <class Table>
class Rows {
public:
    Rows(std::vector<Key>& keys, std::string name, Table Settings::*table)
        : keys_(keys), name_(std::move(name)), table_(table) {}

    template <class T>
    Key& add(std::string name, T Table::*member, Type<T> type, std::string meaning) {
        Key key;
        key.table = name_;
        key.name = std::move(name);
        key.type = type.name;
        key.meaning = std::move(meaning);
        key.is_list = type.is_list;
        key.from_text = type.from_text;
        key.is_secret = type.is_secret;
        key.set = [table = table_, member, read = type.read](Settings& settings, const Raw& raw) -> Status {
            auto value = read(raw);
            if (!value) {
                return value.error();
            }
            settings.*table.*member = std::move(*value);
            return done();
        };
        key.show = [table = table_, member, show = type.show](const Settings& settings) {
            return show(settings.*table.*member);
        };
        return keys_.emplace_back(std::move(key));
    }

private:
    std::vector<Key>& keys_;
    std::string name_;
    Table Settings::*table_;
};

void add_instance(std::vector<Key>& keys) {
    Rows rows(keys, "instance", &Settings::instance);
    rows.add("name", &Instance::name, instance_name(),
             "What this server's backups are called in the store: a-z, 0-9 and hyphens, at most 63.")
        .flag = "--instance";
}

void add_postgres(std::vector<Key>& keys) {
    Rows rows(keys, "postgres", &Settings::postgres);
    rows.add("uri", &Postgres::uri, server_uri(),
             "The server, as postgresql://USER@HOST/DATABASE. Without it, libpq's PG* names and defaults.");
    rows.add("password", &Postgres::password, secret(),
             "The password. Without it, what the URI holds, then libpq's own: PGPASSWORD, PGPASSFILE, ~/.pgpass.");
    rows.add("databases", &Postgres::databases, list_of(any_text()), "Which databases to dump; * stands for any text.");
    rows.add("exclude", &Postgres::exclude, list_of(any_text()), "Which of them not to dump; * as above.");
    rows.add("exclude_table_data", &Postgres::exclude_table_data, list_of(any_text()),
             "Tables to dump without their rows, as patterns of pg_dump; on record in the manifest.");
    rows.add("role", &Postgres::role, one_of<Role>({{"primary", Role::primary}, {"any", Role::any}}),
             "Dump only where the server is the primary, or wherever Lifeboat runs.");
    rows.add("yield_to_ddl", &Postgres::yield_to_ddl, or_word("never", positive_duration()),
             "How long another session may wait for a lock that the dump holds before the dump gives way.");
    rows.add("max_stall", &Postgres::max_stall, positive_duration(),
             "A dump that has not moved for this long is ended.");
    rows.add("lock_timeout", &Postgres::lock_timeout, positive_duration(),
             "How long pg_dump waits for the locks that it needs.");
    rows.add("read_rate", &Postgres::read_rate, or_word("unlimited", rate()), "How fast to read from the server.");
    rows.add("dump_memory", &Postgres::dump_memory, or_word("auto", size_between(16 * mebibyte, 1024 * gibibyte)),
             "The address space that pg_dump may use; auto takes it from the cgroup's limit.");
    rows.add("bin_dir", &Postgres::bin_dir, absolute_folder(),
             "Where pg_dump, pg_dumpall and pg_restore are; {major} stands for the server's major version.");
}

void add_schedule(std::vector<Key>& keys) {
    Rows rows(keys, "schedule", &Settings::schedule);
    rows.add("cron", &Schedule::cron, cron(),
             "When to back up: minute, hour, day of month, month, day of week; or @hourly, @daily, @weekly, @monthly, "
             "@yearly, @every 6h.");
    rows.add("timezone", &Schedule::timezone, timezone(), "The time zone of the schedule, by its IANA name.");
    rows.add("jitter", &Schedule::jitter, duration(),
             "How far a start may be put off, so that many do not start at once.");
    rows.add("max_duration", &Schedule::max_duration, positive_duration(), "A backup that takes longer is ended.");
}

void add_store_place(Rows<Store>& rows) {
    rows.add("url", &Store::url, if_given(store_url()),
             "Where backups go: s3://BUCKET/PREFIX, or file:///FOLDER for a folder.")
        .flag = "--store";
    Key& endpoint_key = rows.add("endpoint", &Store::endpoint, if_given(endpoint()),
                                 "The S3 server, as https://HOST. Without it, AWS.");
    endpoint_key.flag = "--endpoint";
    endpoint_key.standard_names = {"AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"};
    Key& region_key = rows.add("region", &Store::region, or_word("derived", region()),
                               "The region to sign for; derived from the endpoint where that tells it.");
    region_key.flag = "--region";
    region_key.standard_names = {"AWS_REGION", "AWS_DEFAULT_REGION"};
}

void add_store_access(Rows<Store>& rows) {
    rows.add("access_key_id", &Store::access_key_id, secret(), "The key's id.").standard_names = {"AWS_ACCESS_KEY_ID"};
    rows.add("secret_access_key", &Store::secret_access_key, secret(), "The key itself.").standard_names = {
        "AWS_SECRET_ACCESS_KEY"};
    rows.add("session_token", &Store::session_token, secret(),
             "The token that temporary keys need. AWS_SESSION_TOKEN counts only along with AWS_ACCESS_KEY_ID.")
        .standard_names = {"AWS_SESSION_TOKEN"};
    rows.add("ca_file", &Store::ca_file, if_given(file_path()), "Certificates (PEM) to trust instead of the system's.")
        .standard_names = {"AWS_CA_BUNDLE"};
    rows.add("addressing", &Store::addressing,
             one_of<Addressing>(
                 {{"auto", Addressing::automatic}, {"path", Addressing::path}, {"virtual", Addressing::virtual_host}}),
             "Whether the bucket stands in the path or in the host name.");
}

void add_store(std::vector<Key>& keys) {
    Rows rows(keys, "store", &Settings::store);
    add_store_place(rows);
    add_store_access(rows);
    rows.add("part_size", &Store::part_size, size_between(5 * mebibyte, 5 * gibibyte),
             "The size of an upload's parts; memory for one more than `uploads` of them is taken.");
    rows.add("uploads", &Store::uploads, whole_number<unsigned>(1, 16), "How many parts are under way at once.");
    rows.add("upload_rate", &Store::upload_rate, or_word("unlimited", rate()), "How fast to send to the store.");
    rows.add("expires_after", &Store::expires_after, or_word("auto", positive_duration()),
             "The age at which the bucket itself deletes; auto reads it from the bucket, where the key may.");
    rows.add(
        "object_lock", &Store::object_lock, or_word("none", object_lock()),
        "Lock what is stored against deletion, as compliance:30d; only where the bucket has no default retention.");
}

void add_compression(std::vector<Key>& keys) {
    Rows rows(keys, "compression", &Settings::compression);
    rows.add("level", &Compression::level, whole_number<int>(1, 19), "The level of zstd.");
}

void add_encryption(std::vector<Key>& keys) {
    Rows rows(keys, "encryption", &Settings::encryption);
    rows.add("recipients", &Encryption::recipients, list_of(recipient()),
             "The public keys to encrypt to; two are recommended, one of them kept offline.");
    rows.add("mode", &Encryption::mode,
             one_of<EncryptionMode>({{"age", EncryptionMode::age}, {"none", EncryptionMode::none}}),
             "none stores backups in plain, without recipients.");
    rows.add("identity_file", &Encryption::identity_file, list_or_one(identity_path()),
             "Files with secret keys, for verbs that read backups; - is standard input. The sidecar needs none.")
        .flag = "--identity";
}

void add_retention(std::vector<Key>& keys) {
    Rows rows(keys, "retention", &Settings::retention);
    const auto count = whole_number<unsigned>(0, most);
    rows.add("keep_days", &Retention::keep_days, count, "Keep every backup of the last so many days.");
    rows.add("keep_last", &Retention::keep_last, count, "Keep the newest so many.");
    rows.add("keep_weekly", &Retention::keep_weekly, count, "Keep the newest of each of the last so many weeks.");
    rows.add("keep_monthly", &Retention::keep_monthly, count, "Keep the newest of each of the last so many months.");
    rows.add("keep_yearly", &Retention::keep_yearly, count, "Keep the newest of each of the last so many years.");
    rows.add("prune", &Retention::prune, prune_mode(), "Whether to delete what no rule keeps; auto: if the key can.");
    rows.add("max_delete", &Retention::max_delete, count,
             "Never delete more than this at once; the default is more where the schedule makes more in a day.");
    rows.add("expiry_warning", &Retention::expiry_warning, duration(),
             "How long before the bucket deletes the last good backup to warn.");
}

void add_lineage(std::vector<Key>& keys) {
    Rows rows(keys, "lineage", &Settings::lineage);
    rows.add("min_ratio", &Lineage::min_ratio, ratio(),
             "A backup in which rows, bytes or tables of a database fall under this share of the last trusted one is "
             "marked.");
}

void add_health(std::vector<Key>& keys) {
    Rows rows(keys, "health", &Settings::health);
    rows.add("listen", &Health::listen, address(), "Where /livez, /healthz and /metrics are served.");
    rows.add("page", &Health::page, loopback_address(), "Where the page for people is served; loopback only.");
    rows.add("overdue_after", &Health::overdue_after, or_word("derived", positive_duration()),
             "The age of the last good backup that counts as overdue; derived from the schedule.");
    rows.add("livez_warns", &Health::livez_warns, truth(),
             "Let /livez answer with a redirect when backups are not in order: kubelet makes it a warning event.");
}

void add_drill(std::vector<Key>& keys) {
    Rows rows(keys, "drill", &Settings::drill);
    rows.add("checks", &Drill::checks, drill_checks(), "What to ask a restored database, and what to expect.");
    rows.add("require_within", &Drill::require_within, or_word("off", positive_duration()),
             "Be unhealthy when the last good drill is older.");
    rows.add("bin_dir", &Drill::bin_dir, if_given(absolute_folder()),
             "Where the throw-away server's programs are. Without it, postgres.bin_dir.");
}

void add_notify(std::vector<Key>& keys) {
    Rows rows(keys, "notify", &Settings::notify);
    rows.add("on_failure", &Notify::on_failure, web_address(), "Called on failures, marks and recovery.");
    rows.add("on_success", &Notify::on_success, web_address(), "Called on each success.");
    rows.add("ping", &Notify::ping, web_address(), "Called as a dead man's switch.");
}

void add_kubernetes(std::vector<Key>& keys) {
    Rows rows(keys, "kubernetes", &Settings::kubernetes);
    rows.add("configmap", &Kubernetes::configmap, or_word("off", object_name()),
             "The ConfigMap to write the status to.");
    rows.add("events", &Kubernetes::events, truth(), "Report failures as events.");
    rows.add("condition", &Kubernetes::condition, truth(), "Report health as the pod condition BackupHealthy.");
}

void add_log(std::vector<Key>& keys) {
    Rows rows(keys, "log", &Settings::log);
    rows.add("level", &Log::level,
             one_of<LogLevel>({{"trace", LogLevel::trace},
                               {"debug", LogLevel::debug},
                               {"info", LogLevel::info},
                               {"warn", LogLevel::warn},
                               {"error", LogLevel::error}}),
             "How much to log.")
        .flag = "--log-level";
    rows.add("format", &Log::format, one_of<LogFormat>({{"json", LogFormat::json}, {"text", LogFormat::text}}),
             "For programs or for people.");
}

std::vector<Key> make_keys() {
    std::vector<Key> keys;
    add_instance(keys);
    add_postgres(keys);
    add_schedule(keys);
    add_store(keys);
    add_compression(keys);
    add_encryption(keys);
    add_retention(keys);
    add_lineage(keys);
    add_health(keys);
    add_drill(keys);
    add_notify(keys);
    add_kubernetes(keys);
    add_log(keys);
    return keys;
}

std::vector<std::string> make_tables() {
    std::vector<std::string> tables;
    for (const Key& key : all_keys()) {
        if (tables.empty() || tables.back() != key.table) {
            tables.push_back(key.table);
        }
    }
    return tables;
}

char to_upper(char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

}  // namespace

std::string Key::environment() const {
    std::string upper = table + "_" + name;
    std::transform(upper.begin(), upper.end(), upper.begin(), to_upper);
    return "LIFEBOAT_" + upper;
}

const std::vector<Key>& all_keys() {
    static const std::vector<Key> keys = make_keys();
    return keys;
}

const std::vector<std::string>& all_tables() {
    static const std::vector<std::string> tables = make_tables();
    return tables;
}

const Key* find_key(std::string_view table, std::string_view name) {
    const auto& keys = all_keys();
    const auto found =
        std::find_if(keys.begin(), keys.end(), [&](const Key& key) { return key.table == table && key.name == name; });
    return found == keys.end() ? nullptr : &*found;
}

const Key* find_key(std::string_view dotted) {
    const std::size_t dot = dotted.find('.');
    return dot == std::string_view::npos ? nullptr : find_key(dotted.substr(0, dot), dotted.substr(dot + 1));
}

std::string plain_text(const Json& shown) {
    if (shown.is_null()) {
        return {};
    }
    // Environment values need not be UTF-8, and what is no UTF-8 must not end the program.
    const std::string written = shown.dump(-1, ' ', false, Json::error_handler_t::replace);
    const bool plain = shown.is_string() && written.find('\\') == std::string::npos;
    return plain ? written.substr(1, written.size() - 2) : written;
}

std::vector<KeyDescription> describe_keys() {
    std::vector<KeyDescription> descriptions;
    const Settings defaults;
    for (const Key& key : all_keys()) {
        KeyDescription each;
        each.key = key.dotted();
        each.type = key.type;
        each.default_text = plain_text(key.show(defaults));
        each.environment = key.from_text ? key.environment() : "";
        each.meaning = key.meaning;
        each.secret = key.is_secret;
        descriptions.push_back(std::move(each));
    }
    return descriptions;
}

}  // namespace lifeboat::config
