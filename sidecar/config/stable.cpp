#include "config/stable.hpp"

#include <map>
#include <utility>

#include "config/fingerprint.hpp"

namespace lifeboat::config {
namespace {

Reading read_once(const Sources& sources, const Needs& needs) {
    std::map<std::filesystem::path, Fingerprint> before;
    Sources watched = sources;
    watched.read = [&](const std::filesystem::path& path) {
        before.emplace(path, fingerprint_of(path));
        return sources.read(path);
    };
    const Recording recording(watched);
    Reading reading{attempt(recording.sources, needs), recording.inputs, true};
    for (const auto& [path, fingerprint] : before) {
        reading.stable = reading.stable && fingerprint == fingerprint_of(path);
    }
    return reading;
}

}  // namespace

Reading read_settings(const Sources& sources, const Needs& needs) {
    constexpr int most_tries = 5;
    Reading reading = read_once(sources, needs);
    for (int tries = 1; tries < most_tries && !reading.stable; ++tries) {
        reading = read_once(sources, needs);
    }
    return reading;
}

}  // namespace lifeboat::config
