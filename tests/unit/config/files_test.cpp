#include "given.hpp"

namespace lifeboat::config::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(SettingsFile, OfTheFlagIsReadAndNamed) {
    const ScratchFolder folder;
    Sources sources = no_sources();
    sources.config = folder.write("app.toml", "[instance]\nname = \"app\"\n");
    const Attempt attempt = config::attempt(sources, {});
    EXPECT_EQ(attempt.loaded.settings.instance.name, "app");
    EXPECT_EQ(attempt.loaded.origins.at("instance.name").text(), sources.config->string() + ":2");
    EXPECT_THAT(attempt.loaded.files, ElementsAre(*sources.config));
}

TEST(SettingsFile, OfTheFlagMustExist) {
    Sources sources = no_sources();
    sources.config = "/nonexistent/app.toml";
    EXPECT_EQ(told(attempt(sources, Needs::everything())),
              "/nonexistent/app.toml: does not exist; create it, or correct its path\n");
}

TEST(SettingsFile, ByDefaultMayBeAbsentAndIsWatchedForAllTheSame) {
    const Attempt attempt = config::attempt(no_sources(), {});
    EXPECT_EQ(told(attempt), "");
    EXPECT_THAT(attempt.loaded.files, ElementsAre("/nonexistent/lifeboat.toml"));
}

TEST(SettingsFile, ByDefaultIsReadWhereItExists) {
    const ScratchFolder folder;
    Sources sources = no_sources();
    sources.default_config = folder.write("lifeboat.toml", "[instance]\nname = \"app\"\n");
    EXPECT_EQ(attempt(sources, {}).loaded.settings.instance.name, "app");
}

TEST(SettingsFile, ByDefaultThatCannotBeReadIsNotPassedOver) {
    const ScratchFolder folder;
    Sources sources = no_sources();
    sources.default_config = folder.path();
    EXPECT_THAT(told(attempt(sources, {})), HasSubstr("is a folder"));
}

TEST(SettingsFile, LargerThanAMebibyteIsRefused) {
    const ScratchFolder folder;
    Sources sources = no_sources();
    sources.config = folder.write("app.toml", std::string(1024 * 1024 + 1, '\n'));
    EXPECT_THAT(told(attempt(sources, {})), HasSubstr("larger than 1 MiB"));
}

}  // namespace
}  // namespace lifeboat::config::testing
