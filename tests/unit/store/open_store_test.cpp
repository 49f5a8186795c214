#include "store/open_store.hpp"

#include "store/directory_store.hpp"
#include "store_fixtures.hpp"

#include <gmock/gmock.h>

namespace lifeboat::test {

namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string location_of(const std::string& url) {
    auto opened = store::open_store(url);
    return opened ? (*opened)->location() : "error: " + opened.error().what;
}

TEST(OpenStore, OpensAFolderByItsFileUrl) {
    const TemporaryFolder folder;
    auto opened = store::open_store("file://" + folder.path());
    ASSERT_TRUE(opened.ok());
    ASSERT_TRUE(put_text(**opened, "a", "x").ok());
    EXPECT_TRUE(std::filesystem::exists(folder.below("a")));
}

TEST(OpenStore, TidiesThePath) {
    EXPECT_EQ(location_of("file:///var/lib/lifeboat"), "file:///var/lib/lifeboat");
    EXPECT_EQ(location_of("file:///var//lib/lifeboat//"), "file:///var/lib/lifeboat");
    EXPECT_EQ(location_of("file://localhost/var"), "file:///var");
}

TEST(OpenStore, TakesThePathAsItIsWritten) {
    EXPECT_EQ(location_of("file:///my disk/50%25"), "file:///my disk/50%25");
    const TemporaryFolder folder;
    auto opened = store::open_store("file://" + folder.path() + "/a%20b");
    ASSERT_TRUE(opened.ok());
    ASSERT_TRUE(put_text(**opened, "x", "x").ok());
    EXPECT_TRUE(std::filesystem::exists(folder.below("a%20b/x")));
}

TEST(OpenStore, RefusesAUrlThatNamesNoFolder) {
    for (const std::string url : {"", "/var/lib", "file:", "file://", "file:///", "file://var/lib", "file:var/lib"}) {
        auto opened = store::open_store(url);
        ASSERT_FALSE(opened.ok()) << url;
        EXPECT_EQ(opened.error().kind, ErrorKind::usage) << url;
        EXPECT_FALSE(opened.error().what.empty());
        EXPECT_FALSE(opened.error().next.empty());
    }
}

TEST(OpenStore, SaysThatThisBuildStoresIntoFoldersOnly) {
    auto opened = store::open_store("s3://bucket/prefix");
    ASSERT_FALSE(opened.ok());
    EXPECT_EQ(opened.error().kind, ErrorKind::usage);
    EXPECT_THAT(opened.error().what, HasSubstr("s3://"));
    EXPECT_THAT(opened.error().what, HasSubstr("file://"));
}

TEST(OpenStore, DoesNotRepeatAKeyThatSomeoneWroteIntoAUrl) {
    for (const std::string url : {"s3://user:hunter2@host/bucket", "user:hunter2@host"}) {
        auto opened = store::open_store(url);
        ASSERT_FALSE(opened.ok());
        EXPECT_THAT(opened.error().what + opened.error().next, Not(HasSubstr("hunter2")));
    }
}

TEST(OpenDirectory, RefusesARelativePath) {
    for (const std::string path : {"", "backups", "./backups", "/", "//"}) {
        auto opened = store::open_directory(path);
        ASSERT_FALSE(opened.ok()) << path;
        EXPECT_EQ(opened.error().kind, ErrorKind::usage);
    }
}

}  // namespace

}  // namespace lifeboat::test
