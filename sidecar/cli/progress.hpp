// How far long work has come, on stderr: a bar that redraws itself on a terminal, a plain line every few seconds
// elsewhere.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace lifeboat::cli {

struct Moved {
    std::uint64_t in = 0;                // bytes taken
    std::optional<std::uint64_t> out;    // bytes given, where they differ
    std::optional<std::uint64_t> total;  // of `in`, known or estimated
    bool estimated = false;              // `total` is no more than a guess: the bar stops at 99 %
};

// One line of progress, at most `columns` wide: "app  [#####.....]  45%  1.2 GiB in  0.4 GiB out  80.0 MiB/s  15s".
std::string progress_line(const std::string& part, const Moved& moved, std::chrono::milliseconds elapsed,
                          std::size_t columns);

// One thread at a time.
class Progress {
public:
    // Draws on stderr if that is a terminal that can redraw a line (not TERM=dumb), else calls `say` every few
    // seconds with a line of plain text.
    explicit Progress(std::function<void(const std::string&)> say);
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;
    ~Progress() { clear(); }

    void start(const std::string& part);
    void update(const Moved& moved);  // cheap; draws only when it is time
    void clear();                     // takes the bar away, before something else is printed

private:
    using Steady = std::chrono::steady_clock;

    std::function<void(const std::string&)> say_;
    bool bar_;
    bool drawn_ = false;
    std::string part_;
    Steady::time_point started_;
    Steady::time_point last_;
};

}  // namespace lifeboat::cli
