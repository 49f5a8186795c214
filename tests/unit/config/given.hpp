// What the tests of this room begin with: sources that touch nothing of this machine.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "config/load.hpp"

namespace lifeboat::config::testing {

inline Sources no_sources() {
    Sources sources;
    sources.default_config = "/nonexistent/lifeboat.toml";
    sources.zoneinfo = "/nonexistent/zoneinfo";
    return sources;
}

// "app.toml" is the file's name in messages.
inline Attempt from_text(const std::string& text, const Sources& sources = no_sources(), const Needs& needs = {}) {
    return attempt_text(text, "app.toml", sources, needs);
}

inline Attempt from_environment(Environment environment, const Needs& needs = {}) {
    Sources sources = no_sources();
    sources.environment = std::move(environment);
    return attempt(sources, needs);
}

// All problems as one text, for a look at what a person would read.
inline std::string told(const Attempt& attempt) {
    std::string text;
    for (const Problem& problem : attempt.problems) {
        text += problem.text() + "; " + problem.next + "\n";
    }
    return text;
}

// A folder that goes with the test, in one of its own: what others do in the folder for temporary files is no change
// of where this one lies.
class ScratchFolder {
public:
    ScratchFolder() {
        std::string pattern = ::testing::TempDir() + "lifeboat-config-XXXXXX";
        outer_ = ::mkdtemp(pattern.data());
        std::filesystem::create_directory(path());
    }
    ScratchFolder(const ScratchFolder&) = delete;
    ScratchFolder& operator=(const ScratchFolder&) = delete;
    ~ScratchFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(outer_, ignored);
    }
    [[nodiscard]] std::filesystem::path path() const { return outer_ / "scratch"; }

    std::string write(const std::string& name, const std::string& content) const {
        const std::filesystem::path file = path() / name;
        std::ofstream(file, std::ios::binary) << content;
        return file.string();
    }

private:
    std::filesystem::path outer_;
};

}  // namespace lifeboat::config::testing
