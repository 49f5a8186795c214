// What the tests of stores share: keys, contents, and a folder that goes away with its test.
#pragma once

#include "store/object_store.hpp"

#include <gtest/gtest.h>

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace lifeboat::test {

inline store::ObjectKey key(const std::string& text) {
    return store::ObjectKey::parse(text).value();
}

// `size` bytes that depend on `seed`, all byte values among them.
inline std::string content_of(std::size_t size, unsigned seed = 1) {
    std::string content(size, '\0');
    unsigned state = seed * 2654435761U + 1U;
    for (char& c : content) {
        state = state * 1664525U + 1013904223U;
        c = static_cast<char>(state >> 24U);
    }
    return content;
}

inline Result<store::StoredObject> put_text(store::ObjectStore& store, const std::string& name,
                                            std::string_view content) {
    return store::put(store, key(name), stream::as_bytes(content));
}

inline Result<std::string> get_text(store::ObjectStore& store, const std::string& name) {
    return store::get(store, key(name), {}, std::uint64_t{1} << 30U);
}

// The keys that a listing shows, in its order; "error: ..." when it fails.
inline std::vector<std::string> listed(store::ObjectStore& store, const std::string& prefix = {}) {
    std::vector<std::string> keys;
    auto status = store.list(prefix, [&](const store::ObjectInfo& info) {
        keys.push_back(info.key.text());
        return done();
    });
    if (!status) {
        keys.push_back("error: " + status.error().what);
    }
    return keys;
}

inline std::vector<std::string> unfinished_keys(store::ObjectStore& store, const std::string& prefix = {}) {
    auto uploads = store.unfinished(prefix);
    if (!uploads) {
        return {"error: " + uploads.error().what};
    }
    std::vector<std::string> keys;
    for (const auto& upload : *uploads) {
        keys.push_back(upload.key.text());
    }
    return keys;
}

class TemporaryFolder {
public:
    TemporaryFolder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "lifeboat-store-XXXXXX").string();
        if (::mkdtemp(pattern.data()) == nullptr) {
            std::abort();
        }
        path_ = pattern;
        (void)::chmod(path_.c_str(), 0755);  // so that a child without root's rights reaches what is in it
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    ~TemporaryFolder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] std::string below(const std::string& name) const { return path_ + "/" + name; }

private:
    std::string path_;
};

// Every file and folder below `root`, relative to it, in byte order.
inline std::vector<std::string> everything_below(const std::string& root) {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
        found.push_back(std::filesystem::relative(entry.path(), root).string());
    }
    std::sort(found.begin(), found.end());
    return found;
}

}  // namespace lifeboat::test
