#include "progress.hpp"

#include <gtest/gtest.h>

namespace lifeboat::cli {
namespace {

using std::chrono_literals::operator""s;

TEST(ProgressLine, TellsBytesBothWaysTheRateAndTheShare) {
    const Moved moved{std::uint64_t{50} << 20U, std::uint64_t{200} << 20U, std::uint64_t{100} << 20U, false};
    EXPECT_EQ(progress_line("app", moved, 10s, 120),
              "app  [##########..........]  50%  50.0 MiB in, 200.0 MiB out, 5.0 MiB/s, 10s");
}

TEST(ProgressLine, NeverCallsAGuessDone) {
    const Moved moved{300, 10, 100, true};
    EXPECT_EQ(progress_line("app", moved, 0s, 120), "app  [###################.]  99% (about)  300 B in, 10 B out, 0s");
}

TEST(ProgressLine, TellsWhatGoesOnWhenAllIsIn) {
    Moved moved{100, 300, 100, false, "server at work"};
    EXPECT_EQ(progress_line("app", moved, 60s, 120),
              "app  [###################.]  99%  100 B in, 300 B out, server at work, 1m 00s");
    moved.in = 50;
    EXPECT_EQ(progress_line("app", moved, 10s, 120),
              "app  [##########..........]  50%  50 B in, 300 B out, 5 B/s, 10s");
}

TEST(ProgressLine, CutsALongNameRatherThanTheNumbers) {
    const Moved moved{1024, 2048, 4096, false};
    const auto line = progress_line(std::string(200, 'n'), moved, 1s, 80);
    EXPECT_LE(line.size(), 80U);
    EXPECT_NE(line.find(" 25%  1.0 KiB in, 2.0 KiB out, 1.0 KiB/s, 1s"), std::string::npos) << line;
}

TEST(ProgressLine, LeavesOutANumberRatherThanCutIt) {
    const Moved moved{std::uint64_t{1255} << 18U, std::uint64_t{300} << 20U, std::uint64_t{400} << 20U, false};
    EXPECT_EQ(progress_line("cargo", moved, 4s, 39), "cargo  [#######...]  78%  313.8 MiB in");
    EXPECT_EQ(progress_line("a_rather_long_name", moved, 4s, 39), "a_rather_lon  [#######...]  78%");
    EXPECT_EQ(progress_line("cargo", moved, 4s, 60), "cargo  [#######...]  78%  313.8 MiB in, 300.0 MiB out");
}

TEST(ProgressLine, CutsBetweenCharacters) {
    // "ö" is two bytes: wherever a cut falls, no half of one stays.
    for (std::size_t columns = 1; columns < 60; ++columns) {
        const auto line = progress_line("\xC3\xB6\xC3\xB6\xC3\xB6\xC3\xB6\xC3\xB6\xC3\xB6\xC3\xB6\xC3\xB6",
                                        {1, std::nullopt, std::nullopt, false}, 1s, columns);
        EXPECT_LE(line.size(), columns);
        const auto last = line.empty() ? 0U : static_cast<unsigned char>(line.back());
        EXPECT_NE(last, 0xC3U) << columns;
    }
}

}  // namespace
}  // namespace lifeboat::cli
