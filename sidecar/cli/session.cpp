#include "session.hpp"

#include "config/live_secrets.hpp"
#include "format.hpp"
#include "os/fd.hpp"
#include "store/directory_store.hpp"
#include "store/s3_store.hpp"
#include "store_rules.hpp"
#include "typed_key.hpp"

#include <unistd.h>
#include <cstdio>

namespace lifeboat::cli {
namespace {

constexpr std::size_t largest_identity_file = std::size_t{1} << 20U;

Result<std::string> identity_text(const std::string& path, const std::stop_token& stop) {
    return path == "-" ? read_typed_key(largest_identity_file, stop) : os::read_file(path, largest_identity_file);
}

}  // namespace

config::Sources Session::sources() const {
    config::Sources sources;
    if (flags.config) {
        sources.config = *flags.config;
    }
    const auto add = [&](const char* key, const std::optional<std::string>& value) {
        if (value) {
            sources.flags.emplace_back(key, *value);
        }
    };
    add("store.url", flags.store);
    add("store.endpoint", flags.endpoint);
    add("store.region", flags.region);
    add("instance.name", flags.instance);
    add("log.level", flags.log_level);
    for (const auto& path : flags.identities) {
        sources.flags.emplace_back("encryption.identity_file", path);
    }
    sources.environment = environment_;
    return sources;
}

Result<config::Loaded> Session::load(const config::Needs& needs) const {
    auto loaded = config::load(sources(), needs);
    if (loaded) {
        for (const auto& warning : loaded->warnings) {
            note("warning: " + warning);
        }
    }
    return loaded;
}

EventLog Session::open_log(const config::Loaded& loaded) {
    const auto& log = loaded.settings.log;
    const auto origin = loaded.origins.find("log.format");
    const bool chosen = origin != loaded.origins.end() && origin->second.kind != config::Origin::Kind::default_value;
    const bool json = log.format == config::LogFormat::json && (chosen || !is_terminal(STDERR_FILENO));
    return {static_cast<LogLevel>(log.level), json ? LogFormat::json : LogFormat::text};
}

Result<std::vector<age::Identity>> Session::read_identities(const config::Settings& settings) const {
    std::vector<age::Identity> identities;
    for (const auto& path : settings.encryption.identity_file) {
        auto text = identity_text(path, stop());
        if (!text) {
            if (text.error().kind == ErrorKind::interrupted) {
                return std::move(text).error();
            }
            Error error = std::move(text).error();
            error.kind = ErrorKind::usage;  // whatever it is: not_found would be said of a backup
            return error;
        }
        const Secret secret(std::move(*text));
        auto parsed = age::parse_identities(secret.reveal(), path == "-" ? "standard input" : path);
        if (!parsed) {
            return std::move(parsed).error();
        }
        identities.insert(identities.end(), parsed->begin(), parsed->end());
    }
    return identities;
}

void Session::note(const std::string& text) {
    std::fprintf(stderr, "lifeboat: %s\n", printable(text).c_str());
}

namespace {

s3::Addressing addressing_of(config::Addressing addressing) {
    switch (addressing) {
        case config::Addressing::path: return s3::Addressing::path;
        case config::Addressing::virtual_host: return s3::Addressing::virtual_host;
        case config::Addressing::automatic: break;
    }
    return s3::Addressing::automatic;
}

Result<s3::Credentials> credentials_of(const config::Store& store) {
    if (!store.access_key_id || !store.secret_access_key) {
        return Error{ErrorKind::usage, "the store is a bucket, and there is no key for it",
                     "set store.access_key_id and store.secret_access_key (or their _file forms, or AWS_ACCESS_KEY_ID "
                     "and AWS_SECRET_ACCESS_KEY)"};
    }
    return s3::Credentials{std::string(store.access_key_id->reveal()), *store.secret_access_key, store.session_token};
}

// From their files, wherever they came from files, as these are when a request is made.
s3::ReadCredentials live_credentials(const config::Settings& settings, s3::Credentials first) {
    const auto secrets = std::make_shared<config::LiveSecrets>(
        settings, std::vector<std::string>{"store.access_key_id", "store.secret_access_key", "store.session_token"});
    return [secrets, first = std::move(first)] {
        auto credentials = credentials_of(secrets->current()->store);
        return credentials ? *std::move(credentials) : first;
    };
}

}  // namespace

Result<store::S3Options> s3_options_of(const config::Settings& settings, const std::stop_token& stop) {
    const auto& store = settings.store;
    auto credentials = credentials_of(store);
    if (!credentials) {
        return std::move(credentials).error();
    }
    store::S3Options options;
    options.bucket = store.url->bucket;
    options.prefix = store.url->prefix;
    options.endpoint = store.endpoint;
    options.region = store.region;
    options.addressing = addressing_of(store.addressing);
    options.credentials = live_credentials(settings, *std::move(credentials));
    options.ca_file = store.ca_file;
    options.part_size = store.part_size;
    options.uploads = store.uploads;
    options.upload_rate = store.upload_rate;
    if (store.object_lock) {
        options.lock_for = std::chrono::ceil<std::chrono::seconds>(store.object_lock->retain);
    }
    // A dump that waits for the store holds its locks: the store gives up before the dump is ended as stalled, so that
    // the message names the cause.
    options.retry_for = settings.postgres.max_stall * 4 / 5;
    options.stall_after = std::min(options.stall_after, options.retry_for / 2);
    options.stop = stop;
    return options;
}

void note_retry(const Error& why, std::chrono::milliseconds pause) {
    if (is_terminal(STDERR_FILENO)) {
        std::fputs("\r\x1b[K", stderr);
    }
    Session::note("note: trying again in " + std::to_string(std::chrono::ceil<std::chrono::seconds>(pause).count()) +
                  " s: " + whole_text(why));
}

Result<std::unique_ptr<store::ObjectStore>> open_store(const config::Settings& settings, const std::stop_token& stop,
                                                       const BeforeRetry& before_retry) {
    const auto& url = settings.store.url;
    if (!url) {
        return Error{ErrorKind::usage, "no store is named", "set store.url, or give --store"};
    }
    if (url->kind == config::StoreUrl::Kind::folder) {
        return store::open_directory(url->folder.string());
    }
    auto options = s3_options_of(settings, stop);
    if (!options) {
        return std::move(options).error();
    }
    options->before_retry = before_retry;
    return store::open_s3(*options);
}

Result<catalogue::Layout> choose_instance(const config::Settings& settings, store::ObjectStore& store) {
    if (!settings.instance.name.empty()) {
        return catalogue::Layout::of(settings.instance.name);
    }
    auto instances = catalogue::list_instances(store);
    if (!instances) {
        return std::move(instances).error();
    }
    if (instances->empty()) {
        return Error{ErrorKind::not_found, "there are no backups at " + store.location(), "check --store"};
    }
    if (instances->size() > 1) {
        std::string names;
        for (const auto& layout : *instances) {
            names += (names.empty() ? "" : ", ") + layout.instance();
        }
        return Error{ErrorKind::usage, "the store holds several instances: " + names, "choose one with --instance"};
    }
    return instances->front();
}

Status check_instance(const catalogue::Catalogue& catalogue, store::ObjectStore& store) {
    if (!catalogue.backups.empty() || !catalogue.leftovers.empty() || !catalogue.refused.empty()) {
        return done();
    }
    auto instances = catalogue::list_instances(store);
    if (!instances && instances.error().kind == ErrorKind::interrupted) {
        return std::move(instances).error();
    }
    if (!instances || instances->empty()) {
        return done();  // a key for one instance may not look at the others
    }
    std::string names;
    for (const auto& layout : *instances) {
        names += (names.empty() ? "" : ", ") + layout.instance();
    }
    return Error{ErrorKind::not_found, "the store holds nothing of instance '" + catalogue.instance + "'",
                 "it holds: " + names};
}

void note_refused(const catalogue::Catalogue& catalogue) {
    for (const auto* refused : {&catalogue.refused, &catalogue.refused_drills}) {
        for (const auto& one : *refused) {
            Session::note("warning: " + one.what);
        }
    }
}

Result<OpenCatalogue> open_catalogue(const config::Settings& settings, const std::stop_token& stop) {
    auto store = open_store(settings, stop);
    if (!store) {
        return std::move(store).error();
    }
    auto layout = choose_instance(settings, **store);
    if (!layout) {
        return std::move(layout).error();
    }
    auto read = read_catalogue_by_rules(settings, **store, *layout);
    if (!read) {
        return std::move(read).error();
    }
    note_refused(*read);
    if (auto known = check_instance(*read, **store); !known) {
        return std::move(known).error();
    }
    return OpenCatalogue{std::move(*store), std::move(*read)};
}

Result<const catalogue::Backup*> choose_backup(const catalogue::Catalogue& catalogue, const catalogue::Wanted& wanted) {
    auto chosen = catalogue::resolve(catalogue, wanted);
    if (!chosen) {
        return std::move(chosen).error();
    }
    for (const auto& text : chosen->notes) {
        Session::note("note: " + text);
    }
    return chosen->backup;
}

Status require_identity(const catalogue::Manifest& manifest, const std::vector<age::Identity>& identities) {
    if (manifest.encrypted() == catalogue::Encrypted::no || !identities.empty()) {
        return done();
    }
    std::string recipients;
    for (const auto& recipient : manifest.recipients) {
        recipients += (recipients.empty() ? "" : " or ") + recipient;
    }
    return Error{ErrorKind::usage, "backup " + manifest.id.text() + " is encrypted, and no identity was given",
                 "give the key file that belongs to " + recipients + " with -i FILE (or -i - for standard input)"};
}

std::chrono::seconds manifest_duration(const catalogue::Manifest& manifest) {
    using std::chrono::floor;
    using std::chrono::seconds;
    return floor<seconds>(manifest.finished) - floor<seconds>(manifest.started);
}

bool is_terminal(int fd) {
    return ::isatty(fd) == 1;
}

void print(const std::string& text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
}
void print_line(const std::string& text) {
    print(text + "\n");
}
void print_field(const std::string& name, const std::string& value) {
    print(field_line(name, value));
}

}  // namespace lifeboat::cli
