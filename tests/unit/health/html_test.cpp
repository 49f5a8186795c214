#include "html.hpp"

#include <gtest/gtest.h>

#include <type_traits>

namespace lifeboat::health {
namespace {

std::string text(std::string_view raw) {
    return Html().text(raw).str();
}

std::string prose(std::string_view raw) {
    return Html().prose(raw).str();
}

static_assert(!std::is_constructible_v<Markup, std::string>, "what is only known at run time is no markup");
static_assert(!std::is_constructible_v<Markup, std::string_view>);
static_assert(!std::is_constructible_v<Markup, const char*>);

TEST(Html, EscapesWhatCouldEndATextOrAnAttribute) {
    EXPECT_EQ(text(R"(<b a="x" c='y'>&amp;)"), "&lt;b a=&quot;x&quot; c=&#39;y&#39;&gt;&amp;amp;");
}

TEST(Html, KeepsCharactersOfEveryLength) {
    const std::string all = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x9b\x9f";
    EXPECT_EQ(text(all), all);
}

TEST(Html, ReplacesWhatIsNoUtf8) {
    const std::string bad = "\xef\xbf\xbd";
    EXPECT_EQ(text("caf\xe9"), "caf" + bad);
    EXPECT_EQ(text("\xe9<"), bad + "&lt;") << "a broken character swallows nothing";
    EXPECT_EQ(text("\xc0\xaf"), bad + bad) << "an overlong form";
    EXPECT_EQ(text("\xed\xa0\x80"), bad + bad + bad) << "a surrogate";
    EXPECT_EQ(text("\xf4\x90\x80\x80"), bad + bad + bad + bad) << "past the last character";
    EXPECT_EQ(text("\xe2\x82"), bad + bad) << "cut off";
}

TEST(Html, ReplacesControlCharactersAndThoseThatTurnTextAround) {
    const std::string bad = "\xef\xbf\xbd";
    EXPECT_EQ(text(std::string_view("a\0b", 3)), "a" + bad + "b");
    EXPECT_EQ(text("\x1b[31m\x7f\xc2\x85"), bad + "[31m" + bad + bad + bad);
    EXPECT_EQ(text("\xe2\x80\xae\xe2\x81\xa6"), bad + bad + bad + bad + bad + bad);
    EXPECT_EQ(text("a\tb\nc"), "a\tb\nc");
}

TEST(Html, MakesCodeOfWhatStandsBetweenBackticks) {
    EXPECT_EQ(prose("call `a < b` now"), "call <code>a &lt; b</code> now");
    EXPECT_EQ(prose("one ` alone <"), "one ` alone &lt;");
    EXPECT_EQ(prose("``"), "<code></code>");
}

TEST(Html, TellsTimesAsPeopleDoAndLeavesThemInCode) {
    EXPECT_EQ(prose("at 2026-11-22T02:17:00Z."),
              "at <time datetime=\"2026-11-22T02:17:00Z\">22 Nov 2026, 02:17 UTC</time>.");
    EXPECT_EQ(prose("`2026-11-22T02:17:00Z`"), "<code>2026-11-22T02:17:00Z</code>");
    EXPECT_EQ(prose("2026-99-99T99:99:99Z"), "2026-99-99T99:99:99Z");
}

TEST(Html, KeepsANameToItself) {
    EXPECT_EQ(Html().name("<a>").str(), "<bdi>&lt;a&gt;</bdi>");
}

}  // namespace
}  // namespace lifeboat::health
