#include "progress.hpp"

#include "format.hpp"

#include <sys/ioctl.h>
#include <unistd.h>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <vector>

namespace lifeboat::cli {
namespace {

constexpr auto redraw_every = std::chrono::milliseconds(100);
constexpr auto say_every = std::chrono::seconds(5);
constexpr std::size_t wide_bar = 20;
constexpr std::size_t narrow_bar = 10;
constexpr std::size_t narrow_terminal = 110;
constexpr std::size_t shortest_name = 12;
constexpr std::size_t numbers_width = 70;  // of all that stands behind the name, at its longest

bool can_redraw() {
    const char* terminal = ::getenv("TERM");  // NOLINT(concurrency-mt-unsafe): nobody sets it
    return ::isatty(STDERR_FILENO) == 1 && terminal != nullptr && std::string_view(terminal) != "dumb";
}

std::size_t columns() {
    winsize size{};
    return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

unsigned percent_of(const Moved& moved) {
    const auto whole = static_cast<double>(std::max<std::uint64_t>(1, *moved.total));
    const auto percent = static_cast<unsigned>(100.0 * static_cast<double>(moved.in) / whole);
    return std::min(percent, moved.estimated || moved.afterwards != nullptr ? 99U : 100U);
}

std::string bar_of(unsigned percent, std::size_t width) {
    const std::size_t full = width * percent / 100;
    return "[" + std::string(full, '#') + std::string(width - full, '.') + "]";
}

// To so many bytes, which are at least as many as columns. Between characters, never inside one.
std::string cut(std::string text, std::size_t bytes) {
    const auto continues = [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; };
    if (text.size() > bytes) {
        while (bytes > 0 && continues(text[bytes])) {
            --bytes;
        }
        text.resize(bytes);
    }
    return text;
}

// In columns, taking every character for one wide.
std::size_t width_of(const std::string& text) {
    return static_cast<std::size_t>(std::count_if(
        text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

// Back to where a text of this width begins. In a terminal that has become narrower it stands on several lines: those
// behind the first are cleared.
std::string to_its_beginning(std::size_t width, std::size_t columns) {
    const std::size_t more_lines = width > columns ? (width - 1) / columns : 0;
    return more_lines == 0 ? "\r" : "\r\033[" + std::to_string(more_lines) + "A\033[J";
}

std::string padded(const std::string& text, std::size_t width) {
    return text.size() < width ? std::string(width - text.size(), ' ') + text : text;
}

}  // namespace

std::string progress_line(const std::string& part, const Moved& moved, std::chrono::milliseconds elapsed,
                          std::size_t columns) {
    std::string line =
        cut(printable(part), columns > numbers_width + shortest_name ? columns - numbers_width : shortest_name);
    if (moved.total) {
        const unsigned percent = percent_of(moved);
        line += "  " + bar_of(percent, columns < narrow_terminal ? narrow_bar : wide_bar) + " " +
                padded(std::to_string(percent), 3) + "%" + (moved.estimated ? " (about)" : "");
    }
    std::vector<std::string> numbers = {"  " + human_bytes(moved.in) + (moved.out ? " in" : "")};
    if (moved.out) {
        numbers.push_back(", " + human_bytes(*moved.out) + " out");
    }
    if (moved.afterwards != nullptr && moved.total && moved.in >= *moved.total) {
        numbers.push_back(std::string(", ") + moved.afterwards);
    } else if (elapsed >= std::chrono::seconds(1)) {
        const auto rate = static_cast<double>(moved.in) * 1000.0 / static_cast<double>(elapsed.count());
        numbers.push_back(", " + human_bytes(static_cast<std::uint64_t>(rate)) + "/s");
    }
    numbers.push_back(", " + human_duration(std::chrono::floor<std::chrono::seconds>(elapsed)));
    // Half a number is a wrong one: of what has no room nothing is shown.
    for (const auto& number : numbers) {
        if (line.size() + number.size() > columns) {
            break;
        }
        line += number;
    }
    return cut(std::move(line), columns);
}

Progress::Progress(std::function<void(const std::string&)> say)
    : say_(std::move(say)), bar_(can_redraw()), ticker_([this](const std::stop_token& stop) { tick(stop); }) {}

Progress::~Progress() {
    ticker_.request_stop();
    ticker_.join();
    clear();
}

void Progress::tick(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested()) {
        wake_.wait_for(lock, stop, redraw_every, [] { return false; });
        show_if_time();
    }
}

void Progress::start(const std::string& part) {
    const std::lock_guard lock(mutex_);
    wipe();
    part_ = part;
    started_ = Steady::now();
    last_ = started_;
}

void Progress::update(const Moved& moved) {
    const std::lock_guard lock(mutex_);
    moved_ = moved;
    show_if_time();
}

void Progress::show_if_time() {
    const auto now = Steady::now();
    if (!moved_ || now - last_ < (bar_ ? Steady::duration(redraw_every) : Steady::duration(say_every))) {
        return;
    }
    last_ = now;
    const auto elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(now - started_);
    if (!bar_) {
        constexpr std::size_t any_width = 200;
        say_(progress_line(part_, *moved_, elapsed, any_width));
        return;
    }
    // The rest of the line is cleared after the new text, not before it: no flicker.
    const std::size_t width = columns();
    const std::string line = progress_line(part_, *moved_, elapsed, width - 1);
    std::fprintf(stderr, "%s%s\033[K", to_its_beginning(drawn_, width).c_str(), line.c_str());
    std::fflush(stderr);
    drawn_ = width_of(line);
}

void Progress::clear() {
    const std::lock_guard lock(mutex_);
    wipe();
}

void Progress::wipe() {
    moved_.reset();
    if (drawn_ > 0) {
        std::fprintf(stderr, "%s\033[K", to_its_beginning(drawn_, columns()).c_str());
        std::fflush(stderr);
        drawn_ = 0;
    }
}

}  // namespace lifeboat::cli
