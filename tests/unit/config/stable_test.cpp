#include "config/stable.hpp"

#include "given.hpp"

namespace lifeboat::config::testing {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

// A Secret volume with an id and a key that belong together.
class Pair : public ::testing::Test {
protected:
    const ScratchFolder folder;
    Sources sources = no_sources();
    int swaps = 0;

    Pair() {
        swap();
        fs::create_symlink("..data/id", folder.path() / "id");
        fs::create_symlink("..data/key", folder.path() / "key");
        sources.environment = {{"LIFEBOAT_STORE_ACCESS_KEY_ID_FILE", (folder.path() / "id").string()},
                               {"LIFEBOAT_STORE_SECRET_ACCESS_KEY_FILE", (folder.path() / "key").string()}};
    }

    void swap() {
        const std::string time = ".." + std::to_string(++swaps);
        fs::create_directory(folder.path() / time);
        folder.write(time + "/id", "id" + std::to_string(swaps));
        folder.write(time + "/key", "key" + std::to_string(swaps));
        fs::create_symlink(time, folder.path() / "..data_tmp");
        fs::rename(folder.path() / "..data_tmp", folder.path() / "..data");
        fs::remove_all(folder.path() / (".." + std::to_string(swaps - 1)));
    }

    // Swaps after the id was read and before the key is.
    void swap_between(int most) {
        sources.read = [this, most](const fs::path& path) {
            auto content = read_small_file(path);
            if (path.filename() == "id" && swaps <= most) {
                swap();
            }
            return content;
        };
    }
};

TEST_F(Pair, ThatIsExchangedWhileItIsReadIsReadAgain) {
    swap_between(1);
    const Reading reading = read_settings(sources, {.store = true});
    EXPECT_TRUE(reading.stable);
    EXPECT_EQ(reading.attempt.loaded.settings.store.access_key_id.value().reveal(), "id2");
    EXPECT_EQ(reading.attempt.loaded.settings.store.secret_access_key.value().reveal(), "key2");

    swap();
    const Attempt again = attempt(replay(*reading.inputs), {.store = true});
    EXPECT_EQ(again.loaded.settings.store.access_key_id.value().reveal(), "id2") << "the inputs are of the same try";
    EXPECT_EQ(again.loaded.settings.store.secret_access_key.value().reveal(), "key2");
}

TEST_F(Pair, ThatIsExchangedForEverIsNotReadForEver) {
    swap_between(1'000);
    EXPECT_FALSE(read_settings(sources, {.store = true}).stable);
    EXPECT_LT(swaps, 20);
}

TEST_F(Pair, ThatIsNotThereIsStableAndAProblem) {
    fs::remove(folder.path() / "..data");
    const Reading reading = read_settings(sources, {.store = true});
    EXPECT_TRUE(reading.stable);
    EXPECT_THAT(told(reading.attempt), HasSubstr("does not exist"));
}

}  // namespace
}  // namespace lifeboat::config::testing
