#include "chart.hpp"

#include "support/sample_facts.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace lifeboat::health {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::uint64_t mib = 1024 * 1024;
constexpr std::uint64_t gib = 1024 * mib;

std::string end_of(Unit unit, std::uint64_t most) {
    return tick_text(unit, axis_end(unit, most));
}

TEST(Axis, EndsAtARoundNumberThatHoldsAll) {
    EXPECT_EQ(end_of(Unit::bytes, 1), "2 B");
    EXPECT_EQ(end_of(Unit::bytes, 1000), "1 KiB");
    EXPECT_EQ(end_of(Unit::bytes, 3 * mib), "4 MiB");
    EXPECT_EQ(end_of(Unit::bytes, 15 * gib / 10), "2 GiB");
    EXPECT_EQ(end_of(Unit::bytes, 61 * gib), "80 GiB");
    EXPECT_EQ(end_of(Unit::bytes, 900 * gib), "1 TiB");
    EXPECT_EQ(end_of(Unit::seconds, 1), "2 s");
    EXPECT_EQ(end_of(Unit::seconds, 41), "1 min");
    EXPECT_EQ(end_of(Unit::seconds, 5 * 60 + 26), "6 min");
    EXPECT_EQ(end_of(Unit::seconds, 3 * 3600), "4 h");
    EXPECT_EQ(end_of(Unit::seconds, 30 * 3600), "2 d");
}

TEST(Axis, HoldsWhateverThereIsAndIsNeverNothing) {
    for (const auto unit : {Unit::bytes, Unit::seconds}) {
        EXPECT_GT(axis_end(unit, 0), 0U);
        for (std::uint64_t most = 1; most < std::numeric_limits<std::uint64_t>::max() / 100; most = most * 3 + 1) {
            EXPECT_GE(axis_end(unit, most), most);
            EXPECT_LE(axis_end(unit, most) / 3, most) << "bars that fill a third at least";
        }
    }
}

TEST(Axis, HasAHalfThatIsShort) {
    EXPECT_EQ(tick_text(Unit::bytes, gib), "1 GiB");
    EXPECT_EQ(tick_text(Unit::bytes, gib / 2), "512 MiB");
    EXPECT_EQ(tick_text(Unit::seconds, 90), "1 min 30 s");
    EXPECT_EQ(tick_text(Unit::bytes, 0), "0");
}

TEST(Chart, DrawsEachBarWithItsWordsAndSaysAllInOneSentence) {
    const Facts facts;
    const auto days = days_of(facts, test::noon);
    Bars bars;
    bars[0] = Bar{100, true, "first <"};
    bars[29] = Bar{50, false, "last"};
    Html page;
    add_chart(page, Unit::bytes, bars, days, "what it \"shows\"");
    const auto& text = page.str();
    EXPECT_THAT(text, HasSubstr("role=\"img\" aria-label=\"what it &quot;shows&quot;\""));
    EXPECT_THAT(text, HasSubstr("class=\"bar\" x=\"2\" y=\"0\" width=\"6\" height=\"100\"><title>first &lt;</title>"));
    EXPECT_THAT(text,
                HasSubstr("class=\"bar-other\" x=\"292\" y=\"50\" width=\"6\" height=\"50\"><title>last</title>"));
    EXPECT_THAT(text, HasSubstr("<span>100 B</span><span>50 B</span><span>0</span>"));
    EXPECT_THAT(text, HasSubstr("<span>24 Oct</span><span>8 Nov</span><span>22 Nov</span>"));
    EXPECT_THAT(text, Not(HasSubstr("NaN")));
}

}  // namespace
}  // namespace lifeboat::health
