#include "postgres/diagnostics.hpp"

#include <algorithm>
#include <array>

namespace lifeboat::postgres {
namespace {

constexpr std::size_t longest_line = 400;
constexpr std::size_t most_text = 8192;
constexpr std::size_t first_lines = 8;  // what came first is usually the cause

std::size_t find(std::string_view text, std::string_view part) { return text.find(part); }

std::string cut_at(std::string_view line, std::size_t at, std::string_view instead) {
    return std::string(line.substr(0, at)) + std::string(instead);
}

// Where a statement is quoted, and how much of it is the fixed words of SQL rather than names and values.
std::string without_statement(std::string_view line, std::size_t at) {
    const auto statement = line.substr(at);
    const auto end = std::min({statement.find('('), statement.find('\''), statement.find(';'), std::size_t{80}});
    return cut_at(line, at, std::string(statement.substr(0, end)) + (end < statement.size() ? " …" : ""));
}

}  // namespace

std::string fit_for_logs(std::string_view line) {
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r' || line.back() == ' ')) {
        line.remove_suffix(1);
    }
    for (const std::string_view intro : {"Command was: ", "Query was: ", "STATEMENT:  "}) {
        if (const auto at = find(line, intro); at != std::string_view::npos) {
            return without_statement(line, at + intro.size());
        }
    }
    for (const std::string_view values : {")=(", "Failing row contains ("}) {
        if (const auto at = find(line, values); at != std::string_view::npos) {
            return cut_at(line, at + values.size(), "…)");
        }
    }
    if (const auto at = find(line, "value \""); at != std::string_view::npos) {
        return cut_at(line, at + 7, "…\"");
    }
    // `invalid input syntax for type integer: "…"`, `COPY t, line 3, column b: "…"`: a quoted text behind a
    // colon and one space is a value; a name stands behind a word.
    if (const auto at = find(line, ": \""); at != std::string_view::npos) {
        return cut_at(line, at + 3, "…\"");
    }
    return std::string(line.substr(0, longest_line));
}

Diagnostics::Diagnostics(os::Fd from) : from_(std::move(from)), reader_([this] { read_all(); }) {}

Diagnostics::~Diagnostics() { wait(); }

void Diagnostics::wait() {
    if (reader_.joinable()) {
        reader_.join();
    }
}

void Diagnostics::read_all() {
    std::string pending;
    std::array<std::byte, 4096> buffer{};
    for (;;) {
        const auto got = os::read_some(from_.get(), buffer);
        if (!got || *got == 0) {
            break;
        }
        pending.append(reinterpret_cast<const char*>(buffer.data()), *got);  // NOLINT(*-reinterpret-cast)
        std::size_t end = 0;
        while ((end = pending.find('\n')) != std::string::npos) {
            take(std::string_view(pending).substr(0, end));
            pending.erase(0, end + 1);
        }
        if (pending.size() > most_text) {
            take(pending);
            pending.clear();
        }
    }
    if (!pending.empty()) {
        take(pending);
    }
}

void Diagnostics::take(std::string_view line) {
    const bool from_the_program = line.substr(0, 3) == "pg_";
    if (from_the_program) {
        in_statement_ = false;
    }
    if (in_statement_) {
        return;
    }
    in_statement_ = find(line, "Command was: ") != std::string_view::npos || find(line, "Query was: ") != std::string_view::npos;
    std::string text = fit_for_logs(line);
    if (text.empty()) {
        return;
    }
    const std::lock_guard lock(mutex_);
    size_ += text.size();
    lines_.push_back(std::move(text));
    while (size_ > most_text && lines_.size() > first_lines) {
        size_ -= lines_[first_lines].size();
        lines_.erase(lines_.begin() + first_lines);
    }
}

std::vector<std::string> Diagnostics::lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
}

std::string Diagnostics::summary() const {
    constexpr std::size_t most = 4;
    std::vector<std::string> all = lines();
    std::stable_partition(all.begin(), all.end(), [](const std::string& line) {
        return line.find("error") != std::string::npos || line.find("ERROR") != std::string::npos ||
               line.find("FATAL") != std::string::npos || line.find("detail") != std::string::npos ||
               line.find("DETAIL") != std::string::npos;
    });
    std::string text;
    for (std::size_t i = 0; i < std::min(most, all.size()); ++i) {
        text += (i == 0 ? "" : "; ") + all[i];
    }
    return text;
}

}  // namespace lifeboat::postgres
