// How far long work has come, on stderr: a bar that redraws itself on a terminal, a plain line every few seconds
// elsewhere.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

namespace lifeboat::cli {

struct Moved {
    std::uint64_t in = 0;                // bytes taken
    std::optional<std::uint64_t> out;    // bytes given, where they differ
    std::optional<std::uint64_t> total;  // of `in`, known or estimated
    bool estimated = false;              // `total` is no more than a guess: the bar stops at 99 %
    const char* afterwards = nullptr;    // what goes on when all of `total` is in; the bar stops at 99 % then, too
};

// One line of progress, at most `columns` wide: "app  [#####.....]  45%  1.2 GiB in, 0.4 GiB out, 80.0 MiB/s, 15s".
// A long name is cut, so that the numbers stay.
std::string progress_line(const std::string& part, const Moved& moved, std::chrono::milliseconds elapsed,
                          std::size_t columns);

// It also draws when nothing moves, so that a wait (for a lock, for an index to be built) does not look like the end of
// us. Any thread may call it.
class Progress {
public:
    // Draws on stderr if that is a terminal that can redraw a line (not TERM=dumb), else calls `say` every few
    // seconds with a line of plain text.
    explicit Progress(std::function<void(const std::string&)> say);
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;
    ~Progress();

    void start(const std::string& part);
    void update(const Moved& moved);  // cheap; draws only when it is time
    void clear();                     // takes the bar away, before something else is printed; `update` draws it again

private:
    using Steady = std::chrono::steady_clock;

    void tick(const std::stop_token& stop);
    void show_if_time();
    void wipe();

    std::function<void(const std::string&)> say_;
    bool bar_;
    std::mutex mutex_;  // over all that follows
    std::condition_variable_any wake_;
    std::size_t drawn_ = 0;       // columns of the bar that stands there; 0: none does
    std::optional<Moved> moved_;  // nothing to show until it is there
    std::string part_;
    Steady::time_point started_;
    Steady::time_point last_;
    std::jthread ticker_;
};

}  // namespace lifeboat::cli
