// Feeds any bytes to the settings file's parser, and shows what comes of them. No secret file is read: no table
// that has secrets is needed.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "config/load.hpp"
#include "config/show.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    lifeboat::config::Sources sources;
    sources.zoneinfo = "/nonexistent";
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto attempt =
        lifeboat::config::attempt_text(text, "fuzz.toml", sources, {.instance = true, .recipients = true});
    (void)lifeboat::config::show(attempt.loaded);
    (void)lifeboat::config::show_json(attempt.loaded);
    if (!attempt.problems.empty()) {
        (void)lifeboat::config::error_from(attempt.problems);
    }
    return 0;
}
