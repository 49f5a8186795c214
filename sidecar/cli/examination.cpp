#include "examination.hpp"

#include "format.hpp"

#include <nlohmann/json.hpp>

#include <sys/ioctl.h>
#include <unistd.h>
#include <algorithm>
#include <sstream>

namespace lifeboat::cli {
namespace {

using doctor::Finding;
using doctor::Findings;
using doctor::Outcome;
using Json = nlohmann::ordered_json;

constexpr std::size_t widest_name = 32;
constexpr std::size_t outcome_width = 7;  // "unknown"
constexpr std::size_t least_text = 40;    // columns; on a narrower terminal lines break where they must

std::size_t columns(const std::string& text) {
    return static_cast<std::size_t>(std::count_if(
        text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

std::string padded(const std::string& text, std::size_t width) {
    const auto taken = columns(text);
    return taken < width ? text + std::string(width - taken, ' ') : text;
}

// Broken between words, later lines indented.
std::string broken(const std::string& text, std::size_t indent, const std::optional<std::size_t>& width) {
    if (!width || *width < indent + least_text) {
        return text;
    }
    const std::size_t room = *width - indent;
    std::string lines;
    std::size_t used = 0;
    std::istringstream words(text);
    for (std::string word; words >> word;) {
        const auto length = columns(word);
        if (used > 0 && used + 1 + length > room) {
            lines += "\n" + std::string(indent, ' ');
            used = 0;
        }
        lines += (used > 0 ? " " : "") + word;
        used += (used > 0 ? 1 : 0) + length;
    }
    return lines;
}

std::string colour_of(Outcome outcome) {
    switch (outcome) {
        case Outcome::pass: return "\x1b[32m";
        case Outcome::warn: return "\x1b[33m";
        case Outcome::fail: return "\x1b[1;31m";
        case Outcome::unknown: break;
    }
    return "\x1b[36m";
}

std::string answer_of(Outcome outcome) {
    return outcome == Outcome::pass ? "no" : outcome == Outcome::warn ? "yes" : "unknown";
}

class Printer {
public:
    explicit Printer(const Paper& paper) : paper_(paper) {}

    void heading(const std::string& text) { text_ += (text_.empty() ? "" : "\n") + styled("\x1b[1m", text) + "\n"; }
    void findings(const Findings& findings, bool answers);
    void line(const std::string& text) { text_ += "\n" + broken(text, 0, paper_.width) + "\n"; }
    std::string take() { return std::move(text_); }

private:
    [[nodiscard]] std::string styled(const std::string& style, const std::string& text) const {
        return paper_.colours ? style + text + "\x1b[0m" : text;
    }
    void finding(const Finding& finding, const std::string& outcome, std::size_t name_width);

    const Paper& paper_;
    std::string text_;
};

void Printer::findings(const Findings& findings, bool answers) {
    std::size_t name_width = 0;
    for (const auto& finding : findings) {
        name_width = std::max(name_width, std::min(widest_name, columns(finding.check)));
    }
    for (const auto& one : findings) {
        finding(one, answers ? answer_of(one.outcome) : std::string(doctor::name_of(one.outcome)), name_width);
    }
}

void Printer::finding(const Finding& finding, const std::string& outcome, std::size_t name_width) {
    const std::size_t indent = outcome_width + name_width + 6;
    // Where all is well, or nothing was seen, they say little to people.
    const bool with_detail = finding.outcome == Outcome::fail && !finding.detail.empty();
    const std::string detail = with_detail ? " (" + finding.detail + ")" : "";
    text_ += "  " + styled(colour_of(finding.outcome), padded(outcome, outcome_width)) + "  " +
             padded(printable(finding.check), name_width) + "  " +
             broken(printable(finding.text + detail), indent, paper_.width) + "\n";
    if (!finding.cure.empty() && finding.outcome != Outcome::pass) {
        const std::string next = "next: ";
        text_ += std::string(indent, ' ') + next + broken(printable(finding.cure), indent + next.size(), paper_.width) +
                 "\n";
    }
}

std::string summary(const Findings& checks) {
    std::string counts;
    for (const auto outcome : {Outcome::pass, Outcome::warn, Outcome::fail, Outcome::unknown}) {
        const auto count = std::count_if(checks.begin(), checks.end(),
                                         [&](const Finding& finding) { return finding.outcome == outcome; });
        if (count > 0) {
            counts +=
                (counts.empty() ? "" : ", ") + std::to_string(count) + " " + std::string(doctor::name_of(outcome));
        }
    }
    return counts;
}

Json json_of_findings(const Findings& findings, const char* what) {
    Json list = Json::array();
    for (const auto& finding : findings) {
        Json entry = {{what, finding.check}, {"outcome", doctor::name_of(finding.outcome)}, {"text", finding.text}};
        if (!finding.cure.empty()) {
            entry["cure"] = finding.cure;
        }
        if (!finding.detail.empty()) {
            entry["detail"] = finding.detail;
        }
        list.push_back(std::move(entry));
    }
    return list;
}

}  // namespace

Findings Examination::checks() const {
    Findings all;
    for (const auto& chapter : chapters) {
        all.insert(all.end(), chapter.findings.begin(), chapter.findings.end());
    }
    return all;
}

bool Examination::healthy() const {
    return doctor::worst_of(checks()) != Outcome::fail;
}

Paper paper_of_stdout(bool no_color) {
    if (::isatty(STDOUT_FILENO) == 0) {
        return {};
    }
    winsize size{};
    const bool known = ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
    return {known ? std::optional<std::size_t>(size.ws_col) : std::nullopt, !no_color};
}

std::string words_of(const Examination& examination, const Paper& paper) {
    Printer printer(paper);
    for (const auto& chapter : examination.chapters) {
        printer.heading(chapter.title);
        printer.findings(chapter.findings, false);
    }
    if (!examination.thief.empty()) {
        printer.heading("What could a thief of this pod's secrets do?");
        printer.findings(examination.thief, true);
    }
    printer.line(
        summary(examination.checks()) + ": " +
        (examination.healthy() ? "nothing here keeps a backup from being made" : "see the lines that say fail"));
    return printer.take();
}

std::string json_of(const Examination& examination) {
    const Json all = {{"healthy", examination.healthy()},
                      {"checks", json_of_findings(examination.checks(), "check")},
                      {"thief", json_of_findings(examination.thief, "could")}};
    return all.dump(2, ' ', false, Json::error_handler_t::replace);
}

}  // namespace lifeboat::cli
