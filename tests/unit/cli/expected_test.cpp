#include "expected.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lifeboat::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::string> names_in(const std::string& text) {
    std::vector<std::string> names;
    const auto expected = parse_expected(text, "list").value();
    for (const auto& layout : expected) {
        names.push_back(layout.instance());
    }
    return names;
}

TEST(Expected, ReadsOneNameALineInItsOrderEachOnce) {
    EXPECT_THAT(names_in("shop\n\n# the old one\r\n  basketball-api\t\r\nshop\nalbum"),
                ElementsAre("shop", "basketball-api", "album"));
}

TEST(Expected, NamesTheLineOfWhatIsNoInstance) {
    for (const char* wrong : {"Shop", "two words", "-begins-so", "../etc"}) {
        const auto refused = parse_expected("good\n" + std::string(wrong) + "\n", "list.txt");
        ASSERT_FALSE(refused.ok()) << wrong;
        EXPECT_EQ(refused.error().kind, ErrorKind::usage);
        EXPECT_THAT(refused.error().what, HasSubstr("list.txt:2")) << wrong;
    }
}

// A list that was cut off, or never written, must not pass for "all is well".
TEST(Expected, RefusesAListOfNothing) {
    for (const char* empty : {"", "\n\n", "# nobody\n"}) {
        const auto refused = parse_expected(empty, "list.txt");
        ASSERT_FALSE(refused.ok()) << empty;
        EXPECT_EQ(refused.error().kind, ErrorKind::usage);
    }
}

}  // namespace
}  // namespace lifeboat::cli
