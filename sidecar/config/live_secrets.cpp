#include "config/live_secrets.hpp"

#include <algorithm>
#include <utility>

#include "keys.hpp"
#include "secret_file.hpp"

namespace lifeboat::config {
namespace {

std::vector<std::string> of_files(const Settings& settings, std::vector<std::string> keys) {
    std::erase_if(keys, [&](const std::string& key) { return !settings.secret_files.contains(key); });
    return keys;
}

}  // namespace

LiveSecrets::LiveSecrets(const Settings& settings, std::vector<std::string> keys, ReadFile read)
    : keys_(of_files(settings, std::move(keys))),
      read_(std::move(read)),
      settings_(std::make_shared<const Settings>(settings)) {
    for (const std::string& key : keys_) {
        files_.push_back(settings.secret_files.find(key)->second);
    }
}

Result<Settings> LiveSecrets::read() const {
    Settings settings = *settings_;
    for (std::size_t i = 0; i < keys_.size(); ++i) {
        auto secret = read_secret(read_, files_[i]);
        if (!secret) {
            return std::move(secret).error();
        }
        if (Status set = find_key(keys_[i])->set(settings, *secret); !set) {
            return std::move(set).error();
        }
    }
    return settings;
}

std::shared_ptr<const Settings> LiveSecrets::current() {
    constexpr int most_tries = 5;
    const std::lock_guard lock(mutex_);
    if (keys_.empty()) {
        return settings_;
    }
    auto before = fingerprints_of(files_);
    for (int tries = 0; tries < most_tries && before != seen_; ++tries) {
        auto fresh = read();
        auto after = fingerprints_of(files_);
        if (after == before) {
            if (fresh) {
                settings_ = std::make_shared<const Settings>(*std::move(fresh));
            }
            const bool settled =
                std::all_of(after.begin(), after.end(), [](const auto& each) { return each.settled(); });
            seen_ = settled ? std::move(after) : std::vector<Fingerprint>();
            break;
        }
        before = std::move(after);
    }
    return settings_;
}

}  // namespace lifeboat::config
