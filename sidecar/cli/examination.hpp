// What `lifeboat doctor` found out, and how it is told.
#pragma once

#include "doctor/finding.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace lifeboat::cli {

struct Chapter {
    std::string title;
    doctor::Findings findings;
};

struct Examination {
    std::vector<Chapter> chapters;
    doctor::Findings thief;  // empty: no store was looked at

    [[nodiscard]] doctor::Findings checks() const;  // of all chapters, in their order
    [[nodiscard]] bool healthy() const;             // nothing fails
};

struct Paper {
    std::optional<std::size_t> width;  // lines are broken to fit; empty: never
    bool colours = false;
};

// stdout as it is: a terminal's width, and colours unless NO_COLOR is set.
Paper paper_of_stdout(bool no_color);

// For people: a line for each check, and below it what to do where there is something to do.
std::string words_of(const Examination& examination, const Paper& paper);

// For programs.
std::string json_of(const Examination& examination);

}  // namespace lifeboat::cli
