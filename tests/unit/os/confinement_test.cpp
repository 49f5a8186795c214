#include "os/confinement.hpp"

#include "os/child_process.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>

namespace lifeboat::os {
namespace {

namespace fs = std::filesystem;

// A folder of its own, gone with the object. Everybody may look into it.
class Folder {
public:
    Folder() {
        std::string name = (fs::temp_directory_path() / "lifeboat-confined-XXXXXX").string();
        path_ = ::mkdtemp(name.data());
        fs::permissions(path_, fs::perms::all);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() { fs::remove_all(path_); }

    [[nodiscard]] fs::path file(const std::string& name) const {
        std::ofstream(path_ / name) << "written";
        return path_ / name;
    }
    [[nodiscard]] const fs::path& path() const { return path_; }

private:
    fs::path path_;
};

const std::vector<std::string> programs = {"/usr", "/bin", "/lib", "/lib64", "/etc/ld.so.cache"};

bool runs(const std::string& script, const FileFence* fence, std::optional<UserIds> user = std::nullopt) {
    ChildOptions options;
    options.program = "/bin/sh";
    options.arguments = {"-c", script};
    options.environment = {"PATH=/usr/bin:/bin"};
    options.fence = fence;
    options.user = user;
    auto child = ChildProcess::start(options);
    EXPECT_TRUE(child) << (child ? "" : child.error().what);
    return child && child->wait().success();
}

TEST(FileFence, LetsAChildIntoWhatIsNamedAndNowhereElse) {
    const Folder outside;
    const Folder readable;
    const Folder writable;
    auto read = programs;
    read.push_back(readable.path().string());
    read.emplace_back("/there/is/no/such/folder");
    const auto fence = FileFence::build(read, {writable.path().string(), "/dev/null"});
    ASSERT_TRUE(fence) << "this kernel has no Landlock";

    const auto cat = [](const fs::path& file) { return "cat " + file.string(); };
    const auto write = [](const fs::path& file) { return ": > " + file.string(); };
    EXPECT_TRUE(runs(cat(outside.file("key")), nullptr)) << "without a fence";
    EXPECT_FALSE(runs(cat(outside.file("key")), &*fence));
    EXPECT_FALSE(runs("ls " + outside.path().string(), &*fence));
    EXPECT_FALSE(runs(write(outside.path() / "new"), &*fence));
    EXPECT_TRUE(runs(cat(readable.file("text")), &*fence));
    EXPECT_FALSE(runs(write(readable.path() / "new"), &*fence));
    EXPECT_TRUE(runs(cat(writable.file("text")) + " && " + write(writable.path() / "new"), &*fence));
    EXPECT_FALSE(runs("/bin/sh -c '" + cat(outside.file("key")) + "'", &*fence)) << "nor what the child starts";
    EXPECT_FALSE(runs("ln -s " + outside.file("key").string() + " " + (writable.path() / "link").string() + " && " +
                          cat(writable.path() / "link"),
                      &*fence))
        << "nor by a link";
}

TEST(SpareUser, IsNobodyElses) {
    const auto first = SpareUser::find();
    ASSERT_TRUE(first) << first.error().what;
    EXPECT_NE(first->ids().user, 0U);
    EXPECT_NE(first->ids().group, 0U);
    const auto second = SpareUser::find();
    ASSERT_TRUE(second) << second.error().what;
    EXPECT_NE(second->ids().user, first->ids().user);
}

TEST(SpareUser, IsFreeAgainWhenItsHolderIsGone) {
    std::vector<SpareUser> all;
    for (auto user = SpareUser::find(); user; user = SpareUser::find()) {
        all.push_back(std::move(*user));
        ASSERT_LT(all.size(), 100U) << "the same one again and again";
    }
    const auto none = SpareUser::find();
    ASSERT_FALSE(none);
    EXPECT_THAT(none.error().next, testing::HasSubstr("--to"));
    all.clear();
    EXPECT_TRUE(SpareUser::find());
}

// Only root can give a child another user.
class SpareUserOfRoot : public testing::Test {
protected:
    void SetUp() override {
        if (::geteuid() != 0) {
            GTEST_SKIP() << "not started by root";
        }
    }
};

// A name in the kernel, which is what there is where /run cannot be written, is known in one network alone.
TEST_F(SpareUserOfRoot, IsNobodyElsesInAnotherNetworkEither) {
    if (::access("/run", W_OK) != 0) {
        GTEST_SKIP() << "/run cannot be written";
    }
    const auto first = SpareUser::find();
    ASSERT_TRUE(first);
    constexpr int no_other_network = 77;
    const pid_t other = ::fork();
    if (other == 0) {
        if (::unshare(CLONE_NEWNET) != 0) {
            ::_exit(no_other_network);
        }
        const auto second = SpareUser::find();
        ::_exit(second && second->ids().user != first->ids().user ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(other, &status, 0), other);
    if (WEXITSTATUS(status) == no_other_network) {
        GTEST_SKIP() << "no right to a network of its own";
    }
    EXPECT_EQ(status, 0);
}

TEST_F(SpareUserOfRoot, ReadsNothingThatIsPrivate) {
    const auto user = SpareUser::find();
    ASSERT_TRUE(user);
    const Folder folder;
    const auto key = folder.file("key");
    fs::permissions(key, fs::perms::owner_read);
    EXPECT_TRUE(runs("cat " + key.string(), nullptr));
    EXPECT_FALSE(runs("cat " + key.string(), nullptr, user->ids()));
    EXPECT_TRUE(runs("[ $(id -u) = " + std::to_string(user->ids().user) +
                         " ] && [ $(id -G) = " + std::to_string(user->ids().group) + " ]",
                     nullptr, user->ids()));
}

TEST_F(SpareUserOfRoot, IsEndedWithAllThatItRuns) {
    const auto user = SpareUser::find();
    ASSERT_TRUE(user);
    ChildOptions options;
    options.program = "/bin/sh";
    options.arguments = {"-c", "setsid sleep 1000 & exec sleep 1000"};  // one that has left the child's group
    options.environment = {"PATH=/usr/bin:/bin"};
    options.user = user->ids();
    auto child = ChildProcess::start(options);
    ASSERT_TRUE(child);
    EXPECT_FALSE(SpareUser::find()->ids().user == user->ids().user);
    user->end_all();
    const auto ended = child->wait();
    EXPECT_FALSE(ended.success());
    const auto left =
        "for p in /proc/[0-9]*; do [ \"$(stat -c %u $p 2>/dev/null)\" = " + std::to_string(user->ids().user) +
        " ] && grep -q '^State:.[^Z]' $p/status && exit 1; done; exit 0";
    // The signal is sent when end_all() returns; the one that is nobody's child here ends in its own time.
    bool all_gone = false;
    for (const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
         !all_gone && std::chrono::steady_clock::now() < deadline;) {
        all_gone = runs(left, nullptr);
    }
    EXPECT_TRUE(all_gone);
}

TEST(OtherNetwork, IsNotThatOfThisProcess) {
    EXPECT_FALSE(has_other_network(::getpid()));
    EXPECT_FALSE(has_other_network(-1)) << "of a process that is not there nothing is known";
}

}  // namespace
}  // namespace lifeboat::os
