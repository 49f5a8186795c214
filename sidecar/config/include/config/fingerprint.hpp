// Whether a file is still the one that was read, without reading it.
#pragma once

#include <cstdint>
#include <ctime>
#include <filesystem>
#include <string>
#include <vector>

namespace lifeboat::config {

// What a path leads to at a moment. Two that are equal mean the same content, as far as the filesystem's clock is fine
// enough to tell: see `settled`.
struct Fingerprint {
    int error = 0;  // errno where it leads to nothing
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::int64_t size = 0;  // bytes
    std::int64_t modified_ns = 0;
    std::int64_t changed_ns = 0;  // of the content or of the inode: rights, owner, links
    std::string resolved;         // the path without symbolic links, as far as it goes

    bool operator==(const Fingerprint&) const = default;

    // Whether a later write would show: the last one is older than the granularity of file times.
    [[nodiscard]] bool settled() const;
};

// A name that was looked up in a directory on the way, and on which it depends what the path leads to.
struct Lookup {
    std::string directory;  // absolute, without symbolic links
    std::string name;
};

struct Resolution {
    Fingerprint fingerprint;
    // Every symbolic link that was followed, and the last name: the file's, or the one that is not there.
    std::vector<Lookup> lookups;
};

// Follows `path` as open(2) would. A relative one begins at the working directory. Never fails.
Resolution resolve(const std::filesystem::path& path);

inline Fingerprint fingerprint_of(const std::filesystem::path& path) {
    return resolve(path).fingerprint;
}
std::vector<Fingerprint> fingerprints_of(const std::vector<std::filesystem::path>& paths);

}  // namespace lifeboat::config
