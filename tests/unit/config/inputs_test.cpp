#include "config/inputs.hpp"
#include "given.hpp"

namespace lifeboat::config::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// As a child gets them.
Sources handed_over(const Inputs& inputs) {
    auto read = Inputs::from_json(inputs.to_json().reveal());
    EXPECT_TRUE(read) << read.error().what;
    return replay(*std::move(read));
}

TEST(Inputs, GiveTheSameSettingsWhateverBecameOfTheFiles) {
    const ScratchFolder folder;
    Sources sources = no_sources();
    const std::string password = folder.write("password", "old");
    sources.config =
        folder.write("app.toml", "[instance]\nname = \"app\"\n[postgres]\npassword_file = \"" + password + "\"\n");
    sources.flags = {{"store.url", "file:///srv/one"}};
    sources.environment = {{"LIFEBOAT_STORE_PART_SIZE", "16MiB"}, {"AWS_REGION", "x"}, {"PGHOST", "db"}};
    const Recording recording(sources);
    const Attempt then = attempt(recording.sources, Needs::everything());

    folder.write("password", "new");
    std::filesystem::remove(*sources.config);
    const Attempt now = attempt(handed_over(*recording.inputs), Needs::everything());

    EXPECT_EQ(now.loaded.settings.instance.name, "app");
    EXPECT_EQ(now.loaded.settings.postgres.password.value().reveal(), "old");
    EXPECT_EQ(now.loaded.settings.store.url.value().text, "file:///srv/one");
    EXPECT_EQ(now.loaded.settings.store.part_size, 16 * mebibyte);
    EXPECT_EQ(now.loaded.settings.store.region, "x");
    EXPECT_EQ(now.loaded.origins.at("postgres.uri").text(), "PGHOST");
    EXPECT_EQ(now.loaded.origins.at("postgres.password").text(), then.loaded.origins.at("postgres.password").text());
    EXPECT_EQ(told(now), told(then));
    EXPECT_THAT(now.loaded.files, ElementsAre(*sources.config, password));
}

TEST(Inputs, KeepEveryByteOfPathsValuesAndContents) {
    std::string bytes = "p";
    for (int byte = 1; byte < 256; ++byte) {
        if (byte != '\n' && byte != '\r') {
            bytes += static_cast<char>(byte);
        }
    }
    Sources sources = no_sources();
    sources.config = "/" + bytes;
    sources.environment = {{"LIFEBOAT_POSTGRES_PASSWORD_FILE", bytes}};
    sources.flags = {{"postgres.bin_dir", bytes}};
    sources.read = [&](const std::filesystem::path& path) -> Result<std::string> { return path == bytes ? bytes : ""; };
    const Recording recording(sources);
    const Attempt then = attempt(recording.sources, {.postgres = true});
    ASSERT_EQ(then.loaded.settings.postgres.password.value().reveal(), bytes);

    const Sources again = handed_over(*recording.inputs);
    EXPECT_EQ(again.config, sources.config);
    EXPECT_EQ(again.flags, sources.flags);
    EXPECT_EQ(again.environment, sources.environment);
    EXPECT_EQ(attempt(again, {.postgres = true}).loaded.settings.postgres.password.value().reveal(), bytes);
}

TEST(Inputs, KeepWhatWasAbsentOrUnreadable) {
    const ScratchFolder folder;
    Sources sources = no_sources();
    sources.environment = {{"LIFEBOAT_POSTGRES_PASSWORD_FILE", (folder.path() / "later").string()},
                           {"LIFEBOAT_STORE_ACCESS_KEY_ID_FILE", folder.path().string()}};
    const Recording recording(sources);
    const Attempt then = attempt(recording.sources, Needs::everything());
    EXPECT_THAT(told(then), HasSubstr("does not exist"));
    EXPECT_THAT(told(then), HasSubstr("is a folder"));

    folder.write("later", "x");
    EXPECT_EQ(told(attempt(handed_over(*recording.inputs), Needs::everything())), told(then));
}

TEST(Inputs, HoldNoMoreOfTheEnvironmentThanMatters) {
    Sources sources = no_sources();
    sources.environment = {{"PATH", "/bin"}, {"SOMEONES_PASSWORD", "hunter2"}, {"HOME", "/root"}, {"PGUSER", "x"}};
    EXPECT_THAT(handed_over(Inputs(sources)).environment,
                ElementsAre(std::pair<const std::string, std::string>("HOME", "/root"),
                            std::pair<const std::string, std::string>("PGUSER", "x")));
}

TEST(Inputs, OfOneFileAreOfOneMoment) {
    Sources sources = no_sources();
    sources.environment = {{"LIFEBOAT_STORE_ACCESS_KEY_ID_FILE", "key"},
                           {"LIFEBOAT_STORE_SECRET_ACCESS_KEY_FILE", "key"}};
    int reads = 0;
    sources.read = [&](const std::filesystem::path& path) -> Result<std::string> {
        if (path == "key") {
            return "content" + std::to_string(++reads);
        }
        return Error{ErrorKind::not_found, "does not exist", ""};
    };
    const Recording recording(sources);
    const Attempt loaded = attempt(recording.sources, {.store = true});
    EXPECT_EQ(loaded.loaded.settings.store.access_key_id.value().reveal(), "content1");
    EXPECT_EQ(loaded.loaded.settings.store.secret_access_key.value().reveal(), "content1");
}

TEST(Inputs, ReplayedForMoreThanWasReadTouchNoFile) {
    const ScratchFolder folder;
    Sources sources = no_sources();
    sources.environment = {{"LIFEBOAT_POSTGRES_PASSWORD_FILE", folder.write("password", "x")}};
    const Recording recording(sources);
    EXPECT_EQ(told(attempt(recording.sources, {})), "");
    const Attempt more = attempt(handed_over(*recording.inputs), {.postgres = true});
    EXPECT_THAT(told(more), HasSubstr("was not read when these settings were taken down"));
    EXPECT_FALSE(more.loaded.settings.postgres.password);
}

TEST(Inputs, ThatAreNoneOrCutAreRefusedWithoutAQuote) {
    Sources sources = no_sources();
    sources.environment = {{"PGPASSWORD", "hunter2"}};
    const Secret whole = Inputs(sources).to_json();
    const std::string text(whole.reveal());
    ASSERT_THAT(text, HasSubstr("hunter2"));
    for (std::size_t length = 0; length < text.size(); ++length) {
        const auto read = Inputs::from_json(text.substr(0, length));
        ASSERT_FALSE(read) << length;
        EXPECT_THAT(read.error().what, Not(HasSubstr("hunter2")));
    }
    EXPECT_FALSE(Inputs::from_json("{}"));
    EXPECT_FALSE(Inputs::from_json(R"({"default_config":1,"zoneinfo":"","flags":[],"environment":[],"files":[]})"));
}

}  // namespace
}  // namespace lifeboat::config::testing
