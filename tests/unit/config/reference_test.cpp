#include "config/reference.hpp"

#include <algorithm>
#include <sstream>

#include "given.hpp"

namespace lifeboat::config::testing {
namespace {

using ::testing::HasSubstr;

std::string settings_page() {
    std::ifstream file(LIFEBOAT_SETTINGS_PAGE);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

std::string in_code(const std::string& text) {
    return text.empty() ? "" : "`" + text + "`";
}

std::string row_of(const KeyDescription& key) {
    const std::string name = key.key.substr(key.key.find('.') + 1);
    return "| `" + name + "`" + (key.secret ? " (secret)" : "") + " | " + key.type + " | " + in_code(key.default_text) +
           " | " + in_code(key.environment) + " | " + key.meaning + " |\n";
}

TEST(TheSettingsPage, HasARowForEveryKeyAsTheProgramKnowsIt) {
    const std::string page = settings_page();
    ASSERT_FALSE(page.empty());
    for (const KeyDescription& key : describe_keys()) {
        EXPECT_THAT(page, HasSubstr(row_of(key)));
    }
}

TEST(TheSettingsPage, HasNoRowForAKeyThatIsNone) {
    std::istringstream page(settings_page());
    std::size_t rows = 0;
    for (std::string line; std::getline(page, line);) {
        rows += line.starts_with("| `") && line.find("LIFEBOAT_") != std::string::npos ? 1U : 0U;
    }
    const auto keys = describe_keys();
    const auto from_environment =
        std::count_if(keys.begin(), keys.end(), [](const KeyDescription& key) { return !key.environment.empty(); });
    EXPECT_EQ(rows, static_cast<std::size_t>(from_environment));
}

std::vector<std::string> examples_of(const std::string& page) {
    const std::string fence = "```toml\n";
    std::vector<std::string> examples;
    for (std::size_t begin = page.find(fence); begin != std::string::npos; begin = page.find(fence, begin)) {
        begin += fence.size();
        examples.push_back(page.substr(begin, page.find("```", begin) - begin));
    }
    return examples;
}

TEST(TheSettingsPage, HasAnExampleForEveryTable) {
    std::string all;
    for (const std::string& example : examples_of(settings_page())) {
        all += example;
    }
    for (const KeyDescription& key : describe_keys()) {
        EXPECT_THAT(all, HasSubstr("[" + key.key.substr(0, key.key.find('.')) + "]\n"));
    }
}

TEST(TheSettingsPage, HasOnlyValidExamples) {
    for (const std::string& example : examples_of(settings_page())) {
        EXPECT_EQ(told(from_text(example)), "") << example;
    }
}

}  // namespace
}  // namespace lifeboat::config::testing
