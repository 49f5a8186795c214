#include "config/live_secrets.hpp"

#include <thread>

#include "given.hpp"

namespace lifeboat::config::testing {
namespace {

namespace fs = std::filesystem;

class Live : public ::testing::Test {
protected:
    const ScratchFolder folder;
    const std::string id = folder.write("id", "id1\n");
    const std::string key = folder.write("key", "key1");
    int reads = 0;
    std::function<void()> between;  // after the id was read and before the key is

    Settings settings() const {
        return from_text("[store]\naccess_key_id_file = \"" + id + "\"\nsecret_access_key_file = \"" + key +
                             "\"\nsession_token = \"token\"\n",
                         no_sources(), {.store = true})
            .loaded.settings;
    }

    LiveSecrets live{settings(),
                     {"store.access_key_id", "store.secret_access_key", "store.session_token"},
                     [this](const fs::path& path) {
                         ++reads;
                         auto content = read_small_file(path);
                         if (path.filename() == "id" && between) {
                             std::exchange(between, nullptr)();
                         }
                         return content;
                     }};

    std::string pair() {
        const auto current = live.current();
        return std::string(current->store.access_key_id->reveal()) + " " +
               std::string(current->store.secret_access_key->reveal()) + " " +
               std::string(current->store.session_token->reveal());
    }

    void age() const {  // so that the filesystem's clock has moved on from the last change
        for (const fs::path& path : {folder.path() / "id", folder.path() / "key"}) {
            while (!fingerprint_of(path).settled()) {
                std::this_thread::yield();
            }
        }
    }
};

TEST_F(Live, AreAsTheirFilesAre) {
    EXPECT_EQ(pair(), "id1 key1 token");
    folder.write("id", "id2");
    folder.write("key", "key2\n");
    EXPECT_EQ(pair(), "id2 key2 token");
    fs::rename(folder.write("new", "key3"), folder.path() / "key");
    EXPECT_EQ(pair(), "id2 key3 token");
}

TEST_F(Live, AreReadAgainOnlyWhenTheirFilesChange) {
    age();
    EXPECT_EQ(pair(), "id1 key1 token");
    const int before = reads;
    for (int i = 0; i < 100; ++i) {
        EXPECT_EQ(pair(), "id1 key1 token");
    }
    EXPECT_EQ(reads, before);
}

// Of equal length and within one tick of the filesystem's clock: nothing but the content tells them apart.
TEST_F(Live, AreReadAgainWhileAChangeMightNotShow) {
    for (int i = 0; i < 200; ++i) {
        const std::string next = "key" + std::to_string(100 + i);
        folder.write("key", next);
        ASSERT_EQ(pair(), "id1 " + next + " token");
    }
}

TEST_F(Live, StayAsTheyWereWhileTheirFilesAreNoGood) {
    EXPECT_EQ(pair(), "id1 key1 token");
    folder.write("id", "id2");
    for (const std::string& bad : {std::string(), std::string("\n"), std::string(largest_file + 1, 'x')}) {
        folder.write("key", bad);
        EXPECT_EQ(pair(), "id1 key1 token");
    }
    fs::remove(folder.path() / "key");
    EXPECT_EQ(pair(), "id1 key1 token");
    folder.write("key", "key2");
    EXPECT_EQ(pair(), "id2 key2 token");
}

TEST_F(Live, AreNotReadForEverWhileTheirFilesAreNoGood) {
    EXPECT_EQ(pair(), "id1 key1 token");
    folder.write("key", "");
    age();
    EXPECT_EQ(pair(), "id1 key1 token");
    const int before = reads;
    EXPECT_EQ(pair(), "id1 key1 token");
    EXPECT_EQ(reads, before);
}

TEST_F(Live, AreNeverOfTwoStates) {
    EXPECT_EQ(pair(), "id1 key1 token");
    folder.write("id", "id2");
    folder.write("key", "key2");
    between = [&] {
        fs::rename(folder.write("new", "id3"), folder.path() / "id");
        fs::rename(folder.write("new", "key3"), folder.path() / "key");
    };
    EXPECT_EQ(pair(), "id3 key3 token");
}

TEST_F(Live, AreAsTheFilesAreAlsoWhereTheSettingsAreOlder) {
    folder.write("id", "id2");
    folder.write("key", "key2");
    EXPECT_EQ(pair(), "id2 key2 token");
}

TEST(LiveSecrets, ThatCameFromNoFileAreConstant) {
    Settings settings;
    settings.store.access_key_id = Secret("id");
    LiveSecrets live(settings, {"store.access_key_id"}, [](const fs::path&) -> Result<std::string> {
        ADD_FAILURE() << "there is no file";
        return std::string();
    });
    EXPECT_EQ(live.current()->store.access_key_id->reveal(), "id");
    EXPECT_EQ(live.current(), live.current());
}

TEST(LiveSecrets, FollowTheFileOfTheStrongestSourceAlone) {
    const ScratchFolder folder;
    Sources sources = no_sources();
    sources.environment = {{"LIFEBOAT_POSTGRES_PASSWORD", "stronger"}};
    const Attempt attempt = from_text("[postgres]\npassword_file = \"" + folder.write("password", "weaker") + "\"\n",
                                      sources, {.postgres = true});
    EXPECT_TRUE(attempt.loaded.settings.secret_files.empty());
    LiveSecrets live(attempt.loaded.settings, {"postgres.password"});
    EXPECT_EQ(live.current()->postgres.password->reveal(), "stronger");
}

}  // namespace
}  // namespace lifeboat::config::testing
