#include "config/fingerprint.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <deque>
#include <iterator>
#include <system_error>

namespace lifeboat::config {
namespace {

constexpr int most_links = 40;  // as in the kernel

std::int64_t nanoseconds(const struct timespec& time) {
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

// One walk along a path. It could be left to the kernel, were it not for the links on the way.
class Walk {
public:
    explicit Walk(const std::filesystem::path& path) { go(path); }

    Resolution run() {
        while (!ahead_.empty()) {
            const std::string name = std::move(ahead_.front());
            ahead_.pop_front();
            if (name == "..") {
                at_ = at_.parent_path();
            } else if (!name.empty() && name != "." && !step(name)) {
                break;
            }
        }
        found_.fingerprint.resolved = at_.native();
        return std::move(found_);
    }

private:
    // Whether there is a way on.
    bool step(const std::string& name) {
        const std::filesystem::path next = at_ / name;
        struct stat about {};
        if (::lstat(next.c_str(), &about) != 0) {
            return ends_at(name, errno);
        }
        if (S_ISLNK(about.st_mode)) {
            return follow(name);
        }
        if (!ahead_.empty() && !S_ISDIR(about.st_mode)) {
            return ends_at(name, ENOTDIR);
        }
        if (ahead_.empty()) {
            found_.lookups.push_back({at_.native(), name});
            take(about);
        }
        at_ = next;
        return true;
    }

    bool follow(const std::string& name) {
        std::error_code error;
        const auto target = std::filesystem::read_symlink(at_ / name, error);
        if (error) {
            return ends_at(name, error.value());  // gone, or exchanged since
        }
        if (++links_ > most_links) {
            return ends_at(name, ELOOP);
        }
        found_.lookups.push_back({at_.native(), name});
        go(target);
        return true;
    }

    bool ends_at(const std::string& name, int error) {
        found_.lookups.push_back({at_.native(), name});
        found_.fingerprint.error = error;
        return false;
    }

    void go(const std::filesystem::path& path) {
        if (path.is_absolute()) {
            at_ = "/";
        }
        std::deque<std::string> names;
        for (const auto& part : path.relative_path()) {
            names.push_back(part.native());
        }
        ahead_.insert(ahead_.begin(), std::make_move_iterator(names.begin()), std::make_move_iterator(names.end()));
    }

    void take(const struct stat& about) {
        found_.fingerprint.device = about.st_dev;
        found_.fingerprint.inode = about.st_ino;
        found_.fingerprint.size = about.st_size;
        found_.fingerprint.modified_ns = nanoseconds(about.st_mtim);
        found_.fingerprint.changed_ns = nanoseconds(about.st_ctim);
    }

    std::filesystem::path at_ = "/";
    std::deque<std::string> ahead_;
    int links_ = 0;
    Resolution found_;
};

}  // namespace

bool Fingerprint::settled() const {
    constexpr std::chrono::milliseconds granularity{
        100};  // kernels use 1 to 10 ms, for any filesystem that we may meet
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return error != 0 || std::chrono::nanoseconds(changed_ns) + granularity < now;
}

Resolution resolve(const std::filesystem::path& path) {
    std::error_code error;
    return Walk(path.is_absolute() ? path : std::filesystem::current_path(error) / path).run();
}

std::vector<Fingerprint> fingerprints_of(const std::vector<std::filesystem::path>& paths) {
    std::vector<Fingerprint> fingerprints;
    fingerprints.reserve(paths.size());
    for (const auto& path : paths) {
        fingerprints.push_back(fingerprint_of(path));
    }
    return fingerprints;
}

}  // namespace lifeboat::config
