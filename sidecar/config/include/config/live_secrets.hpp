// Secrets as their files hold them now, for what runs for hours: a key that is exchanged meanwhile is the one that the
// next request is signed with.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "config/fingerprint.hpp"
#include "config/load.hpp"
#include "config/settings.hpp"
#include "result/result.hpp"

namespace lifeboat::config {

// Any thread. Costs a few lstat(2) for each question while nothing changes, and nothing where no secret came from a
// file.
class LiveSecrets {
public:
    // `keys`: those that belong together, in their dotted form: "store.access_key_id". Those among them that did not
    // come from files stay as they are. The files are looked at from the first question on, as `settings` may be older
    // than they are.
    LiveSecrets(const Settings& settings, std::vector<std::string> keys, ReadFile read = read_small_file);

    // The settings with these secrets as they are now: all from one state of their files (an exchange of `..data` shows
    // whole or not at all), and all fit by the same rules as when settings are loaded. Otherwise as they were before:
    // whoever watches the files reports what is wrong with them.
    std::shared_ptr<const Settings> current();

private:
    [[nodiscard]] Result<Settings> read() const;

    const std::vector<std::string> keys_;
    std::vector<std::filesystem::path> files_;  // beside keys_
    const ReadFile read_;
    std::mutex mutex_;
    std::shared_ptr<const Settings> settings_;
    std::vector<Fingerprint> seen_;  // empty: to be read again in any case
};

}  // namespace lifeboat::config
