// Bars over the last 30 days, with an axis that people can read. SVG without a line of script, at any width: only the
// bars are drawn, and what is written stands beside them.
#pragma once

#include "days.hpp"
#include "html.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>

namespace lifeboat::health {

enum class Unit { bytes, seconds };

struct Bar {
    std::uint64_t value = 0;
    bool whole = true;       // drawn full; otherwise in outline
    std::string title = {};  // what it says when it is pointed at
};

using Bars = std::array<std::optional<Bar>, std::tuple_size_v<Days>>;

// The end of the axis: a round number in its unit, not below `most`, and never 0. Half of it is as round.
std::uint64_t axis_end(Unit unit, std::uint64_t most);

std::string tick_text(Unit unit, std::uint64_t value);  // "2 GiB", "1.5 GiB", "30 min", "0"

// `text`: what the picture shows, for those who do not see it.
void add_chart(Html& page, Unit unit, const Bars& bars, const Days& days, const std::string& text);

}  // namespace lifeboat::health
