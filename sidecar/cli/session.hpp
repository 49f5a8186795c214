// What every verb needs: the global flags, the settings, the store, the keys, and where to print.
#pragma once

#include "age/keys.hpp"
#include "catalogue/catalogue.hpp"
#include "config/load.hpp"
#include "exit_code.hpp"
#include "log/event_log.hpp"
#include "os/stop_signals.hpp"
#include "store/object_store.hpp"
#include "store/s3_store.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace lifeboat::cli {

using log::EventLog;
using log::LogFormat;
using log::LogLevel;

// They stand before or after the verb.
struct GlobalFlags {
    std::optional<std::string> config;
    std::optional<std::string> store;
    std::optional<std::string> endpoint;
    std::optional<std::string> region;
    std::optional<std::string> instance;
    std::optional<std::string> log_level;
    std::vector<std::string> identities;
    bool json = false;
};

class Session {
public:
    Session(config::Environment environment, const os::StopSignals& signals)
        : environment_(std::move(environment)), signals_(signals) {}

    GlobalFlags flags;

    [[nodiscard]] std::stop_token stop() const { return signals_.token(); }
    [[nodiscard]] const os::StopSignals& signals() const { return signals_; }
    [[nodiscard]] std::optional<int> signal() const { return signals_.received(); }

    // From flags, environment and file. Warnings go to stderr.
    Result<config::Loaded> load(const config::Needs& needs) const;
    [[nodiscard]] config::Sources sources() const;

    // The log as the settings want it; as text where nobody chose and stderr is a terminal.
    static EventLog open_log(const config::Loaded& loaded);

    // The identities that -i and the settings name; may be none.
    Result<std::vector<age::Identity>> read_identities(const config::Settings& settings) const;

    // Something for people on stderr, beside the verb's result.
    static void note(const std::string& text);

private:
    config::Environment environment_;
    const os::StopSignals& signals_;
};

// A store and one instance of it, opened for reading.
struct OpenCatalogue {
    std::unique_ptr<store::ObjectStore> store;
    catalogue::Catalogue catalogue;
};

// Hears why the store is asked once more, and after which pause. Called from any thread.
using BeforeRetry = std::function<void(const Error& why, std::chrono::milliseconds pause)>;

// On stderr, without spoiling a bar that stands there.
void note_retry(const Error& why, std::chrono::milliseconds pause);

Result<std::unique_ptr<store::ObjectStore>> open_store(const config::Settings& settings, const std::stop_token& stop,
                                                       const BeforeRetry& before_retry = note_retry);

// For a bucket: how it is reached. The settings name one.
Result<store::S3Options> s3_options_of(const config::Settings& settings, const std::stop_token& stop);

// The instance that the settings name, or the only one that the store holds.
Result<catalogue::Layout> choose_instance(const config::Settings& settings, store::ObjectStore& store);

// Says on stderr what in the store is not what its key says.
void note_refused(const catalogue::Catalogue& catalogue);

Result<OpenCatalogue> open_catalogue(const config::Settings& settings, const std::stop_token& stop);

// not_found for a name without anything under it, beside others that have: most likely a slip.
Status check_instance(const catalogue::Catalogue& catalogue, store::ObjectStore& store);

// Which backup ID means; notes about what was passed over go to stderr.
Result<const catalogue::Backup*> choose_backup(const catalogue::Catalogue& catalogue, const catalogue::Wanted& wanted);

// For verbs that open what is encrypted: an error with the next step when there is no identity.
Status require_identity(const catalogue::Manifest& manifest, const std::vector<age::Identity>& identities);

// By the whole seconds that the manifest holds.
std::chrono::seconds manifest_duration(const catalogue::Manifest& manifest);

bool is_terminal(int fd);

void print(const std::string& text);  // to stdout
void print_line(const std::string& text);
void print_field(const std::string& name, const std::string& value);  // one line, in two columns

}  // namespace lifeboat::cli
