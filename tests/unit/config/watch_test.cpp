// The watch on real folders, with a clock that the tests move. inotify's events are there when the call that causes
// them has returned, so nothing here waits.
#include "config/watch.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>

#include "given.hpp"

namespace lifeboat::config::testing {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using ::testing::HasSubstr;

class Watch : public ::testing::Test {
protected:
    const ScratchFolder folder;
    FileWatch::TimePoint now{};
    FileWatch watch{now};

    fs::path at(const std::string& name) const { return folder.path() / name; }

    // As a caller that has read them and wants to hear of changes only.
    void begin(const std::vector<fs::path>& paths) {
        watch.set_paths(paths, now);
        ASSERT_TRUE(watch.due(now)) << "they may have changed before they were watched";
        take_events();
        ASSERT_FALSE(watch.due(now));
    }

    bool readable() {
        pollfd polled{watch.fd(), POLLIN, 0};
        return ::poll(&polled, 1, 0) == 1;
    }

    bool take_events() {
        const bool any = readable();
        watch.on_readable(now);
        return any;
    }

    bool due_after(FileWatch::Milliseconds pause) {
        now += pause;
        return watch.due(now);
    }

    // Whether inotify tells of it, at the end of the burst and not before.
    bool told() {
        if (!take_events()) {
            return false;
        }
        const bool early = due_after(FileWatch::quiet - 1ms);
        return !early && due_after(1ms);
    }

    // Whether the slow look, and it alone, finds it.
    bool found_by_looking() {
        now = watch.deadline();
        return !watch.due(now) && due_after(FileWatch::quiet);
    }

    bool is_quiet() { return !told() && !found_by_looking(); }
};

TEST_F(Watch, TellsOfAWriteInPlace) {
    begin({folder.write("app.toml", "old")});
    folder.write("app.toml", "new");
    EXPECT_TRUE(told());
    EXPECT_TRUE(is_quiet()) << "once";
}

TEST_F(Watch, TellsOfEveryWriteInPlace) {
    begin({folder.write("app.toml", "old")});
    for (int i = 0; i < 3; ++i) {
        folder.write("app.toml", "new");
        EXPECT_TRUE(told()) << i;
    }
}

// vim, sed -i and most others: a new file beside it, renamed into its place; with and without the old one kept.
TEST_F(Watch, TellsOfAnEditorsRename) {
    begin({folder.write("app.toml", "old")});
    for (int i = 0; i < 3; ++i) {
        fs::rename(folder.write("sedXXXXXX", "new"), at("app.toml"));
        EXPECT_TRUE(told()) << i;
        fs::rename(at("app.toml"), at("app.toml~"));
        folder.write("app.toml", "newer");
        EXPECT_TRUE(told()) << i;
    }
}

TEST_F(Watch, TellsOfAFileThatComesAndGoesAndComesAgain) {
    begin({at("later")});
    folder.write("later", "x");
    EXPECT_TRUE(told());
    fs::remove(at("later"));
    EXPECT_TRUE(told());
    folder.write("later", "x");
    EXPECT_TRUE(told());
}

TEST_F(Watch, TellsOfAFileThatBecomesReadable) {
    begin({folder.write("secret", "x")});
    fs::permissions(at("secret"), fs::perms::owner_read);
    EXPECT_TRUE(told());
}

TEST_F(Watch, TellsOfDirectoriesThatComeLater) {
    begin({at("a/b/c/secret")});
    fs::create_directory(at("a"));
    EXPECT_TRUE(told());
    fs::create_directories(at("a/b/c"));
    EXPECT_TRUE(told());
    folder.write("a/b/c/secret", "x");
    EXPECT_TRUE(told());
    folder.write("a/b/c/secret", "y");
    EXPECT_TRUE(told());
}

TEST_F(Watch, SeesWhatCameWithinADirectoryBeforeItWasWatched) {
    begin({at("a/b/secret")});
    fs::create_directories(at("a/b"));
    folder.write("a/b/secret", "x");
    EXPECT_TRUE(told());
    folder.write("a/b/secret", "y");
    EXPECT_TRUE(told());
}

TEST_F(Watch, TellsOfADirectoryThatGoesAndComesAgain) {
    fs::create_directory(at("mount"));
    begin({folder.write("mount/secret", "x")});
    for (int i = 0; i < 3; ++i) {
        fs::remove_all(at("mount"));
        EXPECT_TRUE(told()) << i;
        fs::create_directory(at("mount"));
        EXPECT_TRUE(told()) << i;
        folder.write("mount/secret", "y");
        EXPECT_TRUE(told()) << i;
    }
}

TEST_F(Watch, TellsOfADirectoryThatIsExchangedAtOnce) {
    fs::create_directory(at("mount"));
    begin({folder.write("mount/secret", "x")});
    fs::create_directory(at("new"));
    folder.write("new/secret", "y");
    fs::rename(at("mount"), at("old"));
    fs::rename(at("new"), at("mount"));
    EXPECT_TRUE(told());
    folder.write("old/secret", "z");
    EXPECT_TRUE(is_quiet()) << "no longer ours";
    folder.write("mount/secret", "z");
    EXPECT_TRUE(told());
}

// Its own end is not told while someone is in it.
TEST_F(Watch, TellsOfADirectoryThatIsDeletedWhileSomeoneIsInIt) {
    fs::create_directory(at("mount"));
    begin({at("mount/later")});
    const int inside = ::open(at("mount").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ASSERT_GE(inside, 0);
    fs::remove(at("mount"));
    fs::create_directory(at("mount"));
    EXPECT_TRUE(told());
    folder.write("mount/later", "x");
    EXPECT_TRUE(told());
    ::close(inside);
}

TEST_F(Watch, FollowsALinkThatIsExchanged) {
    fs::create_directories(at("elsewhere/one"));
    fs::create_directories(at("elsewhere/two"));
    folder.write("elsewhere/one/app.toml", "1");
    folder.write("elsewhere/two/app.toml", "2");
    fs::create_symlink("elsewhere/one/app.toml", at("app.toml"));
    begin({at("app.toml")});
    fs::create_symlink("elsewhere/two/app.toml", at("new"));
    fs::rename(at("new"), at("app.toml"));
    EXPECT_TRUE(told());
    folder.write("elsewhere/two/app.toml", "3");
    EXPECT_TRUE(told()) << "where the link leads now";
    folder.write("elsewhere/one/app.toml", "3");
    EXPECT_TRUE(is_quiet()) << "where it led before";
}

TEST_F(Watch, EndsWithLinksThatLeadInACircleOrNowhere) {
    fs::create_symlink("b", at("a"));
    fs::create_symlink("a", at("b"));
    fs::create_symlink(at("absent/secret"), at("c"));
    begin({at("a"), at("c")});
    fs::create_directory(at("absent"));
    EXPECT_TRUE(told());
    folder.write("absent/secret", "x");
    EXPECT_TRUE(told());
    fs::remove(at("b"));
    folder.write("b", "x");
    EXPECT_TRUE(told());
}

// As the kubelet lays it out: key -> ..data/key, ..data -> ..<time>.
class Volume : public Watch {
protected:
    using Content = std::map<std::string, std::string>;

    Volume() {
        fs::create_directory(at("volume"));
        fs::create_directory(at("volume/..first"));
        fs::create_symlink("..first", at("volume/..data"));
    }

    void put(const std::string& time, const Content& content) const {
        fs::create_directory(at("volume/.." + time));
        for (const auto& [key, text] : content) {
            folder.write("volume/.." + time + "/" + key, text);
        }
    }
    void link(const Content& content) const {
        for (const auto& [key, text] : content) {
            if (!fs::is_symlink(at("volume/" + key))) {
                fs::create_symlink("..data/" + key, at("volume/" + key));
            }
        }
    }
    void exchange(const std::string& time) const {
        const fs::path old = at("volume") / fs::read_symlink(at("volume/..data"));
        fs::create_symlink(".." + time, at("volume/..data_tmp"));
        fs::rename(at("volume/..data_tmp"), at("volume/..data"));
        fs::remove_all(old);
    }
    void swap(const std::string& time, const Content& content) const {
        put(time, content);
        link(content);
        exchange(time);
    }
};

TEST_F(Volume, TellsOfEverySwapOnce) {
    swap("one", {{"id", "1"}, {"key", "1"}});
    begin({at("volume/id"), at("volume/key")});
    for (const std::string time : {"two", "three", "four"}) {
        swap(time, {{"id", time}, {"key", time}});
        EXPECT_TRUE(told()) << time;
        EXPECT_TRUE(is_quiet()) << time;
    }
}

TEST_F(Volume, IsLookedAtOnlyWhenTheSwapIsOver) {
    swap("one", {{"key", "1"}});
    begin({at("volume/key")});
    put("two", {{"key", "2"}});
    EXPECT_FALSE(told()) << "nothing that we read has changed";
    exchange("two");
    EXPECT_TRUE(told());
}

TEST_F(Volume, OfAnOptionalSecretIsFilledLater) {
    begin({at("volume/key")});
    swap("one", {{"key", "1"}});
    EXPECT_TRUE(told());
    swap("two", {{"key", "2"}});
    EXPECT_TRUE(told());
}

// The other order of the kubelet's versions.
TEST_F(Volume, GetsItsLinksAfterTheSwap) {
    begin({at("volume/key")});
    put("one", {{"key", "1"}});
    exchange("one");
    EXPECT_FALSE(told());
    link({{"key", "1"}});
    EXPECT_TRUE(told());
}

TEST_F(Watch, WaitsForTheEndOfABurstButNotForEver) {
    begin({folder.write("app.toml", "old")});
    const auto began = now;
    while (now - began < FileWatch::patience) {
        folder.write("app.toml", "new");
        ASSERT_TRUE(take_events());
        EXPECT_LE(watch.deadline(), began + FileWatch::patience);
        EXPECT_FALSE(watch.due(now));
        now += 100ms;
    }
    EXPECT_TRUE(watch.due(now));
}

TEST_F(Watch, IsNotMovedByOthersInTheDirectory) {
    begin({folder.write("app.toml", "old")});
    const auto deadline = watch.deadline();
    folder.write("other.toml", "x");
    fs::rename(at("other.toml"), at("another.toml"));
    fs::remove(at("another.toml"));
    ASSERT_TRUE(take_events());
    EXPECT_EQ(watch.deadline(), deadline);
    EXPECT_TRUE(is_quiet());
}

TEST_F(Watch, IsNotMovedByReading) {
    begin({folder.write("app.toml", "old")});
    ASSERT_TRUE(read_small_file(at("app.toml")));
    EXPECT_FALSE(readable());
}

TEST_F(Watch, LooksWithoutBeingTold) {
    begin({folder.write("app.toml", "old")});
    EXPECT_EQ(watch.deadline(), now + FileWatch::look_every);
    // What inotify does not tell of: it is open, and stays open.
    const int file = ::open(at("app.toml").c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
    ASSERT_EQ(::write(file, "x", 1), 1);
    EXPECT_FALSE(readable());
    EXPECT_TRUE(found_by_looking());
    ::close(file);
}

TEST_F(Watch, LooksWhenADirectoryFarAboveIsExchanged) {
    fs::create_directories(at("a/b/c"));
    begin({folder.write("a/b/c/secret", "x")});
    fs::rename(at("a"), at("old"));
    EXPECT_TRUE(found_by_looking());
    fs::create_directory(at("a"));
    EXPECT_TRUE(told());
}

TEST_F(Watch, LooksAtEverythingWhenEventsWereLost) {
    begin({folder.write("app.toml", "old")});
    std::ifstream limit("/proc/sys/fs/inotify/max_queued_events");
    std::size_t most = 0;
    ASSERT_TRUE(limit >> most);
    const fs::path others[] = {folder.write("one", ""), folder.write("two", "")};
    for (std::size_t i = 0; i <= most; ++i) {  // in turn, as equal ones in a row become one
        ASSERT_EQ(::chmod(others[i % 2].c_str(), 0600), 0);
    }
    folder.write("app.toml", "new");  // there is no room to tell of it
    EXPECT_TRUE(told());
    folder.write("app.toml", "newer");
    EXPECT_TRUE(told());
}

TEST_F(Watch, OfOtherPathsBeginsWithALookAndForgetsTheOld) {
    folder.write("two", "x");
    begin({folder.write("one", "x")});
    watch.set_paths({at("one")}, now);
    EXPECT_FALSE(watch.due(now)) << "the same as before";
    begin({at("two")});
    folder.write("one", "y");
    EXPECT_TRUE(is_quiet());
    folder.write("two", "y");
    EXPECT_TRUE(told());
}

TEST_F(Watch, OfRelativePathsBeginsAtTheWorkingDirectory) {
    const fs::path before = fs::current_path();
    fs::current_path(folder.path());
    folder.write("app.toml", "old");
    begin({"app.toml", "../" + folder.path().filename().string() + "/./other"});
    folder.write("app.toml", "new");
    EXPECT_TRUE(told());
    folder.write("other", "new");
    EXPECT_TRUE(told());
    fs::current_path(before);
}

TEST_F(Watch, OfNothingIsQuiet) {
    EXPECT_TRUE(is_quiet());
    EXPECT_GE(watch.deadline(), now);
}

// As long as it lives, no descriptor can be had.
class NoDescriptors {
public:
    NoDescriptors() {
        ::getrlimit(RLIMIT_NOFILE, &before_);
        const rlimit none{3, before_.rlim_max};
        ::setrlimit(RLIMIT_NOFILE, &none);
    }
    NoDescriptors(const NoDescriptors&) = delete;
    NoDescriptors& operator=(const NoDescriptors&) = delete;
    ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

private:
    rlimit before_{};
};

TEST_F(Watch, GoesByLookingWhereInotifyCannotBeHadAndTriesAgain) {
    folder.write("app.toml", "old");
    const std::vector<fs::path> paths = {at("app.toml")};
    bool due = false;
    {
        // Nothing virtual in here: UBSan's look at an object's type takes a descriptor of its own.
        auto& watched = watch;
        const auto then = now;
        const NoDescriptors none;
        watched.set_paths(paths, then);
        due = watched.due(then);
        watched.on_readable(then);
    }
    EXPECT_TRUE(due);
    EXPECT_EQ(watch.fd(), -1);
    ASSERT_TRUE(watch.trouble());
    EXPECT_THAT(watch.trouble()->what, HasSubstr("Too many open files"));
    EXPECT_THAT(watch.trouble()->next, HasSubstr("looked at every 15 s"));
    EXPECT_EQ(watch.deadline(), now + FileWatch::look_every_alone);
    folder.write("app.toml", "new");
    EXPECT_TRUE(found_by_looking());
    EXPECT_FALSE(watch.trouble());
    EXPECT_EQ(watch.deadline(), now + FileWatch::look_every);
    folder.write("app.toml", "newer");
    EXPECT_TRUE(told());
}

}  // namespace
}  // namespace lifeboat::config::testing
