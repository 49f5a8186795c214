#include "config/watch.hpp"

#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

namespace lifeboat::config {
namespace {

// Not IN_MODIFY: a file that is open for writing is not done, and would wake us with every line.
constexpr std::uint32_t events_that_count = IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE |
                                            IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR | IN_DONT_FOLLOW;

Error at_a_limit(int code, const std::string& limit) {
    return {ErrorKind::temporary,
            "changes of files are seen late, as inotify cannot be used: " + std::generic_category().message(code),
            "raise " + limit + " on this machine; meanwhile the files are looked at every " +
                std::to_string(std::chrono::ceil<std::chrono::seconds>(FileWatch::look_every_alone).count()) + " s"};
}

}  // namespace

FileWatch::FileWatch(TimePoint now) : last_event_(now), next_look_(now + look_every) {}

void FileWatch::set_paths(std::vector<std::filesystem::path> paths, TimePoint now) {
    std::sort(paths.begin(), paths.end());
    paths.erase(std::unique(paths.begin(), paths.end()), paths.end());
    if (paths == paths_) {
        return;
    }
    paths_ = std::move(paths);
    watch_again();
    next_look_ = now + (trouble_ ? look_every_alone : look_every);
    at_once_ = true;
}

void FileWatch::on_readable(TimePoint now) {
    alignas(inotify_event) std::array<std::byte, 8192> buffer{};
    while (inotify_) {
        const ssize_t size = ::read(inotify_.get(), buffer.data(), buffer.size());
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size <= 0) {
            return;
        }
        take(std::span(buffer).first(static_cast<std::size_t>(size)), now);
    }
}

void FileWatch::take(std::span<const std::byte> events, TimePoint now) {
    while (events.size() >= sizeof(inotify_event)) {
        inotify_event event{};
        std::memcpy(&event, events.data(), sizeof event);
        const auto name = events.subspan(sizeof event, event.len);          // filled up with zeros
        const std::string text(reinterpret_cast<const char*>(name.data()),  // NOLINT(*-reinterpret-cast)
                               name.size());
        if (matters(event.wd, event.mask, text.c_str())) {
            changed(now);
        }
        events = events.subspan(sizeof event + event.len);
    }
}

bool FileWatch::matters(int watch, std::uint32_t mask, std::string_view name) {
    if ((mask & IN_Q_OVERFLOW) != 0) {
        return true;  // anything may have happened
    }
    const auto found = watched_.find(watch);
    if (found == watched_.end()) {
        return false;  // of a watch that we have ended
    }
    if ((mask & IN_IGNORED) != 0) {
        watched_.erase(found);
        return true;
    }
    return name.empty() || found->second.contains(name);  // without a name: the directory itself
}

void FileWatch::changed(TimePoint now) {
    first_event_ = first_event_.value_or(now);
    last_event_ = now;
}

FileWatch::TimePoint FileWatch::end_of_burst() const noexcept {
    return std::min(last_event_ + quiet, first_event_.value_or(last_event_) + patience);
}

FileWatch::TimePoint FileWatch::deadline() const noexcept {
    if (at_once_) {
        return TimePoint::min();
    }
    return first_event_ ? std::min(end_of_burst(), next_look_) : next_look_;
}

bool FileWatch::due(TimePoint now) {
    if (now < deadline()) {
        return false;
    }
    const bool told = at_once_ || (first_event_ && now >= end_of_burst());
    const auto before = seen_;
    watch_again();
    next_look_ = now + (trouble_ ? look_every_alone : look_every);
    if (told) {
        at_once_ = false;
        first_event_.reset();
    } else if (seen_ != before) {
        changed(now);  // it may be under way just now
    }
    return told;
}

// The directories on which it depends what the paths lead to, with the names that matter there. Of each also its own
// name in the directory above: while someone works in a directory that was deleted, the directory does not say so.
FileWatch::Directories FileWatch::look() {
    Directories directories;
    seen_.clear();
    for (const auto& path : paths_) {
        Resolution resolution = resolve(path);
        seen_.push_back(std::move(resolution.fingerprint));
        for (const auto& [directory, name] : resolution.lookups) {
            directories[directory].insert(name);
            const std::filesystem::path itself = directory;
            if (itself.has_relative_path()) {
                directories[itself.parent_path().native()].insert(itself.filename().native());
            }
        }
    }
    return directories;
}

// Until nothing has changed between the look and the watch.
void FileWatch::watch_again() {
    constexpr int most_tries = 5;
    Directories directories = look();
    for (int tries = 0; tries < most_tries; ++tries) {
        watch(directories);
        Directories now_there = look();
        if (now_there == directories) {
            return;
        }
        directories = std::move(now_there);
    }
}

// Every directory anew, as under its name there may be another one by now; for the same one that changes nothing.
void FileWatch::watch(const Directories& directories) {
    trouble_.reset();
    if (!inotify_) {
        inotify_ = os::Fd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    }
    if (!inotify_) {
        trouble_ = at_a_limit(errno, errno == EMFILE ? "fs.inotify.max_user_instances or the limit of open files"
                                                     : "the limit of open files or of memory");
        return;
    }
    std::map<int, Names> watched;
    for (const auto& [directory, names] : directories) {
        const int watch = ::inotify_add_watch(inotify_.get(), directory.c_str(), events_that_count);
        if (watch >= 0) {
            watched[watch].insert(names.begin(), names.end());
        } else if (errno == ENOSPC || errno == ENOMEM) {
            trouble_ = at_a_limit(errno, "fs.inotify.max_user_watches");
        }  // otherwise it is gone again, or not ours to read: the slow look is left
    }
    for (const auto& [watch, names] : watched_) {
        if (!watched.contains(watch)) {
            ::inotify_rm_watch(inotify_.get(), watch);
        }
    }
    watched_ = std::move(watched);
}

}  // namespace lifeboat::config
