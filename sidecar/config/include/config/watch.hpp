// When to read the settings again: inotify where it can be had, and a slow look behind it always.
//
// What it takes care of, so that nobody else has to: Kubernetes exchanges the link `..data` and then deletes the
// directory behind it; editors rename a new file into place; others write in place; a file, or its whole directory, may
// come later, go, and come again under the same name; links lead elsewhere; inotify has limits, which all containers of
// one user on a node share, and misses what happens on some filesystems.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/fingerprint.hpp"
#include "os/fd.hpp"
#include "result/result.hpp"

namespace lifeboat::config {

// For an event loop: wait for fd() to become readable and for deadline(), then ask due(). One thread at a time; it has
// none of its own. Nothing here blocks or fails: with whatever cannot be watched, it goes by looking.
//
//     watch.set_paths(loaded.files, now);
//     poll(watch.fd() …, until watch.deadline())
//     if (readable) watch.on_readable(now);
//     if (watch.due(now)) { load again; watch.set_paths(loaded.files, now); }
class FileWatch {
public:
    using Clock = std::chrono::steady_clock;
    using TimePoint = Clock::time_point;
    using Milliseconds = std::chrono::milliseconds;

    // One change comes as a burst of events, at whose beginning everything is still as before. So the files are looked
    // at when nothing has happened for `quiet`, though no later than `patience` after the first event.
    static constexpr Milliseconds quiet{300};
    static constexpr Milliseconds patience{2'000};
    // How often one looks without being told, with inotify and without it.
    static constexpr Milliseconds look_every{30'000};
    static constexpr Milliseconds look_every_alone{15'000};

    explicit FileWatch(TimePoint now);

    // Exchanges the files that are watched; none of them, nor any directory above, need exist. Other paths than before
    // are due at once, as they may have changed since they were read and before they were watched.
    void set_paths(std::vector<std::filesystem::path> paths, TimePoint now);

    // To be polled for POLLIN; -1 where inotify cannot be had, which may change with every due().
    [[nodiscard]] int fd() const noexcept { return inotify_.get(); }

    // Takes what has happened; harmless where nothing has.
    void on_readable(TimePoint now);

    // When to call due(), unless events come before.
    [[nodiscard]] TimePoint deadline() const noexcept;

    // Whether to read the files now; true once for each change, and sometimes where nothing of their content has
    // changed. What happens after this call is another change. Cheap before the deadline.
    [[nodiscard]] bool due(TimePoint now);

    // Why changes may be seen only after look_every_alone; empty while all is well. To be told once, when it comes.
    [[nodiscard]] const std::optional<Error>& trouble() const noexcept { return trouble_; }

private:
    using Names = std::set<std::string, std::less<>>;
    using Directories = std::map<std::string, Names>;

    void changed(TimePoint now);
    void take(std::span<const std::byte> events, TimePoint now);
    bool matters(int watch, std::uint32_t mask, std::string_view name);
    Directories look();
    void watch_again();
    void watch(const Directories& directories);
    [[nodiscard]] TimePoint end_of_burst() const noexcept;

    std::vector<std::filesystem::path> paths_;
    std::vector<Fingerprint> seen_;
    os::Fd inotify_;
    std::map<int, Names> watched_;  // by watch descriptor: the names that matter in that directory
    std::optional<TimePoint> first_event_;
    TimePoint last_event_;
    TimePoint next_look_;
    bool at_once_ = false;
    std::optional<Error> trouble_;
};

}  // namespace lifeboat::config
