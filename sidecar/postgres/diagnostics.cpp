#include "postgres/diagnostics.hpp"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

namespace lifeboat::postgres {
namespace {

constexpr std::size_t longest_line = 400;
constexpr std::size_t most_text = 8192;
constexpr std::size_t first_lines = 8;  // what came first is usually the cause

constexpr std::string_view dots = "…";

// A line made fit for logs, and whether something was left out: then what follows it may belong to that.
struct Fit {
    std::string text;
    bool cut = false;
};

Fit cut_at(std::string_view line, std::size_t at, std::string_view instead) {
    return {std::string(line.substr(0, std::min(at, longest_line))) + std::string(instead), true};
}

// What stands where a line begins to quote a row or a statement, and how much of this mark may itself be shown.
struct Mark {
    std::string_view text;
    std::size_t shown;
};

// Where the first of the marks ends, as far as it may be shown; npos where the line holds none.
std::size_t first_of(std::string_view line, std::span<const Mark> marks) {
    std::size_t first = std::string_view::npos;
    std::size_t shown = 0;
    for (const auto& mark : marks) {
        if (const auto at = line.find(mark.text); at < first) {
            first = at;
            shown = mark.shown;
        }
    }
    return first == std::string_view::npos ? first : first + shown;
}

// The server's DETAIL and CONTEXT quote keys, rows, tokens and lines of input in many ways. What stands before the
// first quote, equals sign or list of values is the server's own words.
constexpr std::array<Mark, 4> marks_in_detail = {{{"=(", 2}, {" = ", 3}, {"ontains (", 9}, {"\"", 0}}};
constexpr std::array<Mark, 5> marks_in_context = {{{"=(", 2}, {" = ", 3}, {"ontains (", 9}, {"\"", 0}, {": ", 2}}};

// `invalid input syntax for type integer: "…"`: a quoted text behind a colon and one space, or behind the word
// "value", is a value; a name stands behind another word.
constexpr std::array<Mark, 4> marks_of_values = {
    {{")=(", 3}, {"Failing row contains (", 22}, {"value \"", 7}, {": \"", 3}}};

constexpr std::array<Mark, 4> marks_of_statements = {
    {{"Command was: ", 13}, {"Query was: ", 11}, {"STATEMENT:  ", 12}, {"QUERY:  ", 8}}};

// Where a statement is quoted, and how much of it is the fixed words of SQL rather than names and values.
Fit without_statement(std::string_view line, std::size_t at) {
    const auto statement = line.substr(at);
    const auto end = std::min({statement.find_first_of("('$;"), first_of(statement, marks_of_values), std::size_t{80}});
    return cut_at(line, at + std::min(end, statement.size()), end < statement.size() ? " …" : "");
}

// A field of the server's report whose text may go on for several lines, any of which may be a row's.
Fit field(std::string_view line, std::span<const Mark> marks) {
    const auto at = std::min(first_of(line, marks), first_of(line, marks_of_statements));
    return cut_at(line, std::min(at, line.size()), at == std::string_view::npos ? "" : dots);
}

bool begins(std::string_view line, std::string_view part) {
    return line.substr(0, part.size()) == part;
}

std::string_view without_end(std::string_view line) {
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r' || line.back() == ' ' || line.back() == '\t')) {
        line.remove_suffix(1);
    }
    return line;
}

Fit fit(std::string_view line) {
    line = without_end(line);
    // libpq shows where in a statement an error is: "LINE 1: ALTER ROLE app PASSWORD …".
    if (begins(line, "LINE ")) {
        return {{}, true};
    }
    if (begins(line, "DETAIL:")) {
        return field(line, marks_in_detail);
    }
    if (constexpr std::string_view label = "CONTEXT:"; begins(line, label)) {
        // Its own colon is none of the marks: two spaces follow it.
        const auto own = std::min(line.find_first_not_of(' ', label.size()), line.size());
        return {std::string(label) + "  " + field(line.substr(own), marks_in_context).text, true};
    }
    // Whichever comes first: what looks like the other may stand inside of it.
    const auto value = first_of(line, marks_of_values);
    const auto statement = first_of(line, marks_of_statements);
    if (statement < value) {
        return without_statement(line, statement);
    }
    if (value != std::string_view::npos) {
        return cut_at(line, value, dots);
    }
    return {std::string(line.substr(0, longest_line)), false};
}

// Whether a line begins something new, rather than going on with the value or statement of the line before.
bool begins_a_message(std::string_view line) {
    static constexpr std::array<std::string_view, 16> starts = {
        "pg_dump: ",  "pg_dumpall: ", "pg_restore: ",  "ERROR:  ",   "FATAL:  ",  "PANIC:  ",
        "WARNING:  ", "NOTICE:  ",    "INFO:  ",       "LOG:  ",     "DETAIL:  ", "HINT:  ",
        "CONTEXT:  ", "LINE ",        "Command was: ", "Query was: "};
    return std::any_of(starts.begin(), starts.end(), [&](std::string_view start) { return begins(line, start); });
}

// The line as it would begin before a statement, where it ends with what stands before one; else empty.
std::string before_statement(std::string_view line) {
    for (const auto& mark : marks_of_statements) {
        const auto label = without_end(mark.text);
        if (line.size() >= label.size() && line.substr(line.size() - label.size()) == label) {
            return std::string(line.substr(0, line.size() - label.size())) + std::string(mark.text);
        }
    }
    return {};
}

}  // namespace

std::string fit_for_logs(std::string_view line) {
    return fit(line).text;
}

Diagnostics::Diagnostics(os::Fd from) : from_(std::move(from)), reader_([this] { read_all(); }) {}

Diagnostics::~Diagnostics() {
    wait();
}

void Diagnostics::wait() {
    if (reader_.joinable()) {
        reader_.join();
    }
}

void Diagnostics::read_all() {
    std::string pending;
    bool rest_of_a_long_line = false;
    std::array<std::byte, 4096> buffer{};
    for (;;) {
        const auto got = os::read_some(from_.get(), buffer);
        if (!got || *got == 0) {
            break;
        }
        pending.append(reinterpret_cast<const char*>(buffer.data()), *got);  // NOLINT(*-reinterpret-cast)
        std::size_t end = 0;
        while ((end = pending.find('\n')) != std::string::npos) {
            if (!std::exchange(rest_of_a_long_line, false)) {
                take(std::string_view(pending).substr(0, end));
            }
            pending.erase(0, end + 1);
        }
        if (pending.size() > most_text) {
            if (!std::exchange(rest_of_a_long_line, true)) {
                take(pending);
            }
            pending.clear();
        }
    }
    if (!pending.empty() && !rest_of_a_long_line) {
        take(pending);
    }
}

// A statement that begins with an empty line, as many of pg_restore's do, is taken as if it began without.
void Diagnostics::take(std::string_view line) {
    const auto words = without_end(line);
    if (auto before = before_statement(words); !before.empty()) {
        before_statement_ = std::move(before);
        return;
    }
    if (before_statement_.empty()) {
        take_line(line);
    } else if (begins_a_message(line)) {
        before_statement_.clear();
        take_line(line);
    } else if (!words.empty()) {
        take_line(std::exchange(before_statement_, {}) + std::string(line.substr(line.find_first_not_of(" \t"))));
    }
}

void Diagnostics::take_line(std::string_view line) {
    if (in_quotation_ && !begins_a_message(line)) {
        return;
    }
    auto [text, cut] = fit(line);
    in_quotation_ = cut;
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
