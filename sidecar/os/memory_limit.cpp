#include "os/memory_limit.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <string>

namespace lifeboat::os {
namespace {

// v1 has no word for "no limit": it shows the largest multiple of a page.
constexpr std::uint64_t unlimited = std::uint64_t{1} << 60U;

std::optional<std::uint64_t> read_limit(const std::string& path) {
    std::ifstream file(path);
    std::string text;
    std::uint64_t limit = 0;
    if (!(file >> text) || std::from_chars(text.data(), text.data() + text.size(), limit).ec != std::errc()) {
        return std::nullopt;  // not there, or "max"
    }
    return limit < unlimited ? std::optional(limit) : std::nullopt;
}

std::optional<std::uint64_t> tightest(const std::string& root, std::string group, const std::string& file) {
    std::optional<std::uint64_t> least;
    for (;;) {
        if (const auto limit = read_limit(std::string(root).append(group).append("/").append(file))) {
            least = std::min(least.value_or(*limit), *limit);
        }
        if (group.empty() || group == "/") {
            return least;
        }
        group.resize(group.rfind('/'));
    }
}

}  // namespace

std::optional<std::uint64_t> memory_limit() {
    std::ifstream groups("/proc/self/cgroup");
    std::optional<std::uint64_t> least;
    for (std::string line; std::getline(groups, line);) {
        const auto path = line.find('/');
        if (path == std::string::npos) {
            continue;
        }
        const bool v2 = line.rfind("0::", 0) == 0;
        const bool v1 = line.find(":memory:") != std::string::npos;
        const auto limit = v2   ? tightest("/sys/fs/cgroup", line.substr(path), "memory.max")
                           : v1 ? tightest("/sys/fs/cgroup/memory", line.substr(path), "memory.limit_in_bytes")
                                : std::nullopt;
        if (limit) {
            least = std::min(least.value_or(*limit), *limit);
        }
    }
    return least;
}

}  // namespace lifeboat::os
