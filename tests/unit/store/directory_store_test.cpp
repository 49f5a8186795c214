// What the folder store promises beyond the contract: names, modes, links, foreign files, folders.
#include "store/directory_store.hpp"

#include "store_fixtures.hpp"

#include <gmock/gmock.h>

#include <sys/stat.h>

#include <fstream>

namespace lifeboat::test {

namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class DirectoryStoreTest : public ::testing::Test {
protected:
    void write_file(const std::string& name, const std::string& content = "x") {
        std::filesystem::create_directories(std::filesystem::path(folder_.below(name)).parent_path());
        std::ofstream(folder_.below(name)) << content;
    }

    [[nodiscard]] mode_t mode_of(const std::string& name) const {
        struct stat status {};
        EXPECT_EQ(::stat(folder_.below(name).c_str(), &status), 0) << name;
        return status.st_mode & 07777U;
    }

    std::unique_ptr<store::ObjectStore> open(const std::string& below = {},
                                             const store::DirectoryOptions& options = {}) {
        return store::open_directory(below.empty() ? folder_.path() : folder_.below(below), options).value();
    }

    TemporaryFolder folder_;
};

TEST_F(DirectoryStoreTest, KeepsAnObjectAsAPlainFileUnderItsKey) {
    auto store = open();
    ASSERT_TRUE(put_text(*store, "pg/app/data/1/app.dump", "hello").ok());
    std::ifstream file(folder_.below("pg/app/data/1/app.dump"));
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "hello");
}

TEST_F(DirectoryStoreTest, KeepsFilesAndFoldersToTheirOwner) {
    auto store = open("new/root");
    ASSERT_TRUE(put_text(*store, "data/app", "x").ok());
    EXPECT_EQ(mode_of("new"), 0700U);
    EXPECT_EQ(mode_of("new/root"), 0700U);
    EXPECT_EQ(mode_of("new/root/data"), 0700U);
    EXPECT_EQ(mode_of("new/root/data/app"), 0600U);
}

TEST_F(DirectoryStoreTest, WritesUnderANameThatNoKeyCanHave) {
    auto store = open();
    auto upload = store->begin(key("data/app")).value();
    const auto found = everything_below(folder_.path());
    ASSERT_EQ(found.size(), 2U);
    EXPECT_THAT(found[1], ::testing::MatchesRegex("data/app~[0-9a-f]{8}"));
    EXPECT_FALSE(store::ObjectKey::parse(found[1]).ok());
    EXPECT_EQ(mode_of(found[1]), 0600U);
}

TEST_F(DirectoryStoreTest, TakesKeysWithTheLongestPartsThatThereAre) {
    auto store = open();
    const std::string part(240, 'k');
    const std::string longest = part + "/" + part + "/" + part + "/" + std::string(177, 'k');
    ASSERT_TRUE(put_text(*store, longest, "x").ok());
    ASSERT_TRUE(put_text(*store, "top/" + part, "x").ok());
    EXPECT_THAT(listed(*store), ElementsAre(longest, "top/" + part));
}

TEST_F(DirectoryStoreTest, ReadsTheCopyOfAVersionedStore) {
    auto store = open();
    ASSERT_TRUE(put_text(*store, "data/app", "x").ok());
    EXPECT_EQ(store::get(*store, key("data/app"), "4_z27c88f1d182b150646ff0b16_f1", 10).value(), "x");
}

TEST_F(DirectoryStoreTest, RefusesAnObjectThatIsTooLarge) {
    auto store = open({}, {.max_object_size = 1000});
    auto upload = store->begin(key("data/app")).value();
    ASSERT_TRUE(upload->write(stream::as_bytes(content_of(1000))).ok());
    auto more = upload->write(stream::as_bytes("x"));
    ASSERT_FALSE(more.ok());
    EXPECT_THAT(more.error().what, AllOf(HasSubstr("data/app"), HasSubstr("1000")));
    EXPECT_FALSE(upload->commit().ok());
    EXPECT_THAT(listed(*store), IsEmpty());
    EXPECT_TRUE(put_text(*store, "data/app", content_of(1000)).ok());
}

// A disk that is not mounted must not look like a store without backups.

TEST_F(DirectoryStoreTest, DoesNotTakeAMissingRootForAnEmptyStore) {
    auto store = open("not/there");
    const Error errors[] = {
        store->list("", [](const store::ObjectInfo&) { return done(); }).error(),
        store->unfinished("").error(),
        get_text(*store, "data/app").error(),
        store->remove(key("data/app"), {}).error(),
    };
    for (const Error& error : errors) {
        EXPECT_EQ(error.kind, ErrorKind::not_found);
        EXPECT_THAT(error.what, HasSubstr(folder_.below("not/there")));
        EXPECT_THAT(error.next, HasSubstr("mounted"));
    }
    EXPECT_THAT(everything_below(folder_.path()), IsEmpty());
}

TEST_F(DirectoryStoreTest, CreatesTheRootWithTheFirstUpload) {
    auto store = open("not/there/yet");
    ASSERT_TRUE(put_text(*store, "data/app", "x").ok());
    EXPECT_THAT(listed(*store), ElementsAre("data/app"));
}

TEST_F(DirectoryStoreTest, TakesBackTheFoldersOfAnUploadThatIsGivenUp) {
    auto store = open("not/there/yet");
    store->begin(key("data/1/app")).value().reset();
    EXPECT_THAT(everything_below(folder_.path()), IsEmpty());
}

TEST_F(DirectoryStoreTest, LeavesFoldersThatItDidNotMake) {
    std::filesystem::create_directories(folder_.below("pg/app"));
    auto store = open();
    store->begin(key("pg/app/data/1/x")).value().reset();
    EXPECT_THAT(everything_below(folder_.path()), ElementsAre("pg", "pg/app"));
}

TEST_F(DirectoryStoreTest, SaysThatItsRootIsAFile) {
    write_file("file");
    for (const std::string root : {"file", "file/below"}) {
        auto store = open(root);
        const Error errors[] = {
            store->list("", [](const store::ObjectInfo&) { return done(); }).error(),
            store->begin(key("data/app")).error(),
            get_text(*store, "data/app").error(),
            store->remove(key("data/app"), {}).error(),
        };
        for (const Error& error : errors) {
            EXPECT_EQ(error.kind, ErrorKind::usage);
            EXPECT_THAT(error.what, AllOf(HasSubstr(folder_.below(root)), HasSubstr("not a folder")));
        }
    }
}

TEST_F(DirectoryStoreTest, SaysThatItsRootIsALinkThatLeadsNowhere) {
    std::filesystem::create_symlink(folder_.below("unmounted/disk"), folder_.below("link"));
    auto upload = open("link")->begin(key("data/app"));
    ASSERT_FALSE(upload.ok());
    EXPECT_EQ(upload.error().kind, ErrorKind::failed);
    EXPECT_THAT(upload.error().what, HasSubstr(folder_.below("link")));
    EXPECT_THAT(upload.error().next, HasSubstr("mounted"));
}

// Removal.

TEST_F(DirectoryStoreTest, RemovesTheFoldersThatARemovalEmpties) {
    auto store = open();
    ASSERT_TRUE(put_text(*store, "data/1/app", "x").ok());
    ASSERT_TRUE(put_text(*store, "data/2/deep/app", "x").ok());
    ASSERT_TRUE(store->remove(key("data/2/deep/app"), {}).ok());
    EXPECT_THAT(everything_below(folder_.path()), ElementsAre("data", "data/1", "data/1/app"));
    ASSERT_TRUE(store->remove(key("data/1/app"), {}).ok());
    EXPECT_THAT(everything_below(folder_.path()), IsEmpty());
    EXPECT_TRUE(std::filesystem::exists(folder_.path()));
}

TEST_F(DirectoryStoreTest, DoesNotPullAFolderAwayUnderAnUpload) {
    auto store = open();
    ASSERT_TRUE(put_text(*store, "data/1/app", "x").ok());
    auto upload = store->begin(key("data/1/other")).value();
    ASSERT_TRUE(store->remove(key("data/1/app"), {}).ok());
    EXPECT_TRUE(upload->commit().ok());
    EXPECT_THAT(listed(*store), ElementsAre("data/1/other"));
}

// Foreign files, links and other things that are no objects.

TEST_F(DirectoryStoreTest, PassesOverForeignFiles) {
    auto store = open();
    ASSERT_TRUE(put_text(*store, "data/app", "x").ok());
    for (const std::string name : {"lost+found/x", "data/app (copy)", "data/app~", "data/app~1234567g",
                                   "data/app~1234567", "~12345678", "a b/c"}) {
        write_file(name);
    }
    EXPECT_THAT(listed(*store), ElementsAre("data/app"));
    EXPECT_THAT(unfinished_keys(*store), IsEmpty());
}

TEST_F(DirectoryStoreTest, TellsWhatAnotherWriterLeftBehind) {
    auto store = open();
    write_file("data/1/app~0123abcd", "half");
    write_file("data/1/app~ffff0000", "");
    write_file("data/2/app~0123abcd", "other");
    EXPECT_THAT(listed(*store), IsEmpty());
    auto uploads = store->unfinished("data/1/app");
    ASSERT_TRUE(uploads.ok());
    ASSERT_EQ(uploads->size(), 2U);
    EXPECT_EQ((*uploads)[0].key.text(), "data/1/app");
    EXPECT_EQ((*uploads)[0].size, 4U);
    struct stat status {};
    ASSERT_EQ(::stat(folder_.below("data/1/app~0123abcd").c_str(), &status), 0);
    EXPECT_EQ(std::chrono::system_clock::to_time_t((*uploads)[0].started), status.st_mtim.tv_sec);
}

TEST_F(DirectoryStoreTest, DoesNotFollowALinkToAFolder) {
    const TemporaryFolder outside;
    std::ofstream(outside.below("app")) << "outside";
    auto store = open();
    std::filesystem::create_directory_symlink(outside.path(), folder_.below("data"));
    EXPECT_THAT(listed(*store), IsEmpty());
    EXPECT_EQ(get_text(*store, "data/app").error().kind, ErrorKind::not_found);
    auto upload = store->begin(key("data/new"));
    ASSERT_FALSE(upload.ok());
    EXPECT_THAT(upload.error().next, HasSubstr("link"));
    EXPECT_TRUE(store->remove(key("data/app"), {}).ok());
    EXPECT_THAT(everything_below(outside.path()), ElementsAre("app"));
}

TEST_F(DirectoryStoreTest, DoesNotFollowALinkToAFile) {
    const TemporaryFolder outside;
    std::ofstream(outside.below("app")) << "outside";
    auto store = open();
    std::filesystem::create_symlink(outside.below("app"), folder_.below("app"));
    EXPECT_THAT(listed(*store), IsEmpty());
    EXPECT_EQ(get_text(*store, "app").error().kind, ErrorKind::not_found);
    EXPECT_EQ(put_text(*store, "app", "mine").error().kind, ErrorKind::exists);
    std::ifstream file(outside.below("app"));
    EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "outside");
}

TEST_F(DirectoryStoreTest, DoesNotWaitOnANamedPipe) {
    auto store = open();
    ASSERT_EQ(::mkfifo(folder_.below("pipe").c_str(), 0600), 0);
    EXPECT_THAT(listed(*store), IsEmpty());
    EXPECT_EQ(get_text(*store, "pipe").error().kind, ErrorKind::not_found);
}

TEST_F(DirectoryStoreTest, SaysThatAKeyCannotBeObjectAndFolder) {
    auto store = open();
    ASSERT_TRUE(put_text(*store, "a/b", "x").ok());
    auto as_object = put_text(*store, "a", "x");
    ASSERT_FALSE(as_object.ok());
    EXPECT_EQ(as_object.error().kind, ErrorKind::failed);
    EXPECT_THAT(as_object.error().what, HasSubstr("is a folder"));
    auto as_folder = put_text(*store, "a/b/c", "x");
    ASSERT_FALSE(as_folder.ok());
    EXPECT_EQ(as_folder.error().kind, ErrorKind::failed);
    EXPECT_THAT(everything_below(folder_.path()), ElementsAre("a", "a/b"));
}

// Others at work in the same folder.

class Cutting final : public stream::Sink {
public:
    explicit Cutting(std::string path) : path_(std::move(path)) {}
    Status write(stream::Bytes /*chunk*/) override {
        std::filesystem::resize_file(path_, 200'000);
        return done();
    }
    Status finish() override { return done(); }

private:
    std::string path_;
};

TEST_F(DirectoryStoreTest, SaysThatAnObjectWasCutShortWhileItWasRead) {
    auto store = open();
    ASSERT_TRUE(put_text(*store, "data/app", content_of(500'000)).ok());
    Cutting sink(folder_.below("data/app"));
    auto read = store->read(key("data/app"), {}, sink);
    ASSERT_FALSE(read.ok());
    EXPECT_EQ(read.error().kind, ErrorKind::corrupt);
    EXPECT_THAT(read.error().what, AllOf(HasSubstr("data/app"), HasSubstr("200000 of 500000")));
}

TEST_F(DirectoryStoreTest, FailsACommitWhoseFileWasRemoved) {
    auto store = open();
    auto upload = store->begin(key("data/app")).value();
    ASSERT_TRUE(upload->write(stream::as_bytes("x")).ok());
    std::filesystem::remove_all(folder_.below("data"));
    auto committed = upload->commit();
    ASSERT_FALSE(committed.ok());
    EXPECT_THAT(committed.error().what, HasSubstr(folder_.below("data/app")));
    EXPECT_THAT(listed(*store), IsEmpty());
}

TEST_F(DirectoryStoreTest, FailsACommitWhoseFileWasWrittenToByAnother) {
    auto store = open();
    auto upload = store->begin(key("app")).value();
    ASSERT_TRUE(upload->write(stream::as_bytes("x")).ok());
    std::ofstream(folder_.below(everything_below(folder_.path()).front())) << "more than one byte";
    auto committed = upload->commit();
    ASSERT_FALSE(committed.ok());
    EXPECT_THAT(everything_below(folder_.path()), IsEmpty());
}

}  // namespace

}  // namespace lifeboat::test
