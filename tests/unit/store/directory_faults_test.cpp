// Full disks, quotas, read-only folders, too few descriptors: one clear error each, and nothing half done.
#include "store/directory_store.hpp"

#include "failing_call.hpp"
#include "store_fixtures.hpp"

#include <gmock/gmock.h>

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <iostream>

namespace lifeboat::test {

namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// A real filesystem of one mebibyte and few inodes, where this process may mount one.
class SmallDisk {
public:
    SmallDisk() : mounted_(::mount("small-disk", folder_.path().c_str(), "tmpfs", 0, "size=1m,nr_inodes=16") == 0) {}
    SmallDisk(const SmallDisk&) = delete;
    SmallDisk& operator=(const SmallDisk&) = delete;
    ~SmallDisk() {
        if (mounted_) {
            (void)::umount2(folder_.path().c_str(), MNT_DETACH);
        }
    }

    // Says on the way which of the two a test uses: this disk, or a refused system call.
    [[nodiscard]] bool is_real(const std::string& instead) const {
        std::cout << "  fault by " << (mounted_ ? "a mounted tmpfs of 1 MiB" : instead) << "\n";
        return mounted_;
    }
    [[nodiscard]] bool make_read_only() const {
        return ::mount(nullptr, folder_.path().c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr) == 0;
    }
    [[nodiscard]] const std::string& path() const { return folder_.path(); }

private:
    TemporaryFolder folder_;
    bool mounted_;
};

Result<store::StoredObject> put_large(store::ObjectStore& store) {
    return put_text(store, "data/1/app", content_of(3'000'000));
}

TEST(DirectoryFaults, AFullDiskFailsTheUploadAndGivesItsSpaceBack) {
    const SmallDisk disk;
    auto store = store::open_directory(disk.path()).value();
    const auto check = [&] {
        auto stored = put_large(*store);
        ASSERT_FALSE(stored.ok());
        EXPECT_EQ(stored.error().kind, ErrorKind::failed);
        EXPECT_THAT(stored.error().what, AllOf(HasSubstr(disk.path() + "/data/1/app"), HasSubstr("no space left")));
        EXPECT_THAT(stored.error().next, HasSubstr("free space"));
        EXPECT_THAT(everything_below(disk.path()), IsEmpty());
        EXPECT_TRUE(put_text(*store, "data/2/small", "still works").ok());
    };
    if (disk.is_real("write refused with ENOSPC")) {
        check();
    } else {
        where_failing({{__NR_write, ENOSPC, When::argument_is_at_least, 2, 65536}}, check);
    }
}

TEST(DirectoryFaults, AFullDiskIsToldAtOnceEvenWhileTheUploadLives) {
    const SmallDisk disk;
    auto store = store::open_directory(disk.path()).value();
    const auto check = [&] {
        auto upload = store->begin(key("data/app")).value();
        ASSERT_FALSE(upload->write(stream::as_bytes(content_of(3'000'000))).ok());
        EXPECT_TRUE(put_text(*store, "other", "x").ok());
        EXPECT_THAT(unfinished_keys(*store), IsEmpty());
        EXPECT_FALSE(upload->write(stream::as_bytes("x")).ok());
        EXPECT_FALSE(upload->commit().ok());
    };
    if (disk.is_real("write refused with ENOSPC")) {
        check();
    } else {
        where_failing({{__NR_write, ENOSPC, When::argument_is_at_least, 2, 65536}}, check);
    }
}

TEST(DirectoryFaults, ADiskWithoutRoomForAFolderFailsTheUpload) {
    const SmallDisk disk;
    auto store = store::open_directory(disk.path()).value();
    const auto check = [&] {
        const auto before = everything_below(disk.path());
        auto upload = store->begin(key("a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s"));
        ASSERT_FALSE(upload.ok());
        EXPECT_THAT(upload.error().what, AllOf(HasSubstr(disk.path()), HasSubstr("no space left")));
        EXPECT_THAT(upload.error().next, HasSubstr("inodes"));
        EXPECT_EQ(everything_below(disk.path()), before);
    };
    if (disk.is_real("mkdirat refused with ENOSPC")) {
        check();
    } else {
        where_failing({{__NR_mkdirat, ENOSPC}}, check);
    }
}

// Faults that only some filesystems have: refused by the kernel, one system call at a time.
struct Refusal {
    std::string name;
    FailingCall call;
    std::string what;
    std::string next;
};

std::ostream& operator<<(std::ostream& out, const Refusal& refusal) {
    return out << refusal.name;
}

class DirectoryRefusals : public ::testing::TestWithParam<Refusal> {};

TEST_P(DirectoryRefusals, FailTheUploadAndLeaveNothingOfIt) {
    const TemporaryFolder folder;
    auto store = store::open_directory(folder.path()).value();
    where_failing({GetParam().call}, [&] {
        auto stored = put_large(*store);
        ASSERT_FALSE(stored.ok());
        EXPECT_THAT(stored.error().what, AllOf(HasSubstr(folder.path()), HasSubstr(GetParam().what)));
        EXPECT_THAT(stored.error().next, HasSubstr(GetParam().next));
    });
    EXPECT_THAT(everything_below(folder.path()), IsEmpty());
    EXPECT_TRUE(put_large(*store).ok());
}

INSTANTIATE_TEST_SUITE_P(
    Store, DirectoryRefusals,
    ::testing::Values(
        Refusal{"QuotaAtWrite", {__NR_write, EDQUOT, When::argument_is_at_least, 2, 65536}, "quota", "quota"},
        Refusal{"DiskErrorAtWrite", {__NR_write, EIO, When::argument_is_at_least, 2, 65536}, "input/output", "dmesg"},
        Refusal{"FullDiskAtSync", {__NR_fsync, ENOSPC}, "no space left", "free space"},
        Refusal{"QuotaAtSync", {__NR_fsync, EDQUOT}, "quota", "quota"},
        Refusal{"DiskErrorAtSync", {__NR_fsync, EIO}, "input/output", "dmesg"},
        Refusal{"QuotaAtMkdir", {__NR_mkdirat, EDQUOT}, "quota", "quota"},
        Refusal{
            "FullDiskAtCreate", {__NR_openat, ENOSPC, When::argument_has_bit, 2, O_CREAT}, "no space left", "inodes"},
        Refusal{
            "ReadOnlyAtCreate", {__NR_openat, EROFS, When::argument_has_bit, 2, O_CREAT}, "read-only", "read-write"},
        Refusal{"FullDiskAtRename", {__NR_renameat2, ENOSPC}, "no space left", "free space"}),
    [](const auto& refusal) { return refusal.param.name; });

// This process's descriptor of a folder, or of a temporary file, of which all up to the '~' is given.
int descriptor_of(const std::string& path) {
    for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
        std::error_code gone;
        const std::string target = std::filesystem::read_symlink(entry.path(), gone).string();
        if (target == path || (path.ends_with('~') && target.starts_with(path))) {
            return std::stoi(entry.path().filename().string());
        }
    }
    return -1;
}

// Without any one of these syncs a power cut could take away what a commit had promised.
TEST(DirectoryFaults, AnObjectIsNotThereUntilItAndEveryFolderAboveItAreWrittenOut) {
    for (const std::string unsynced : {"", "/a", "/a/b", "/a/b/app~"}) {
        const TemporaryFolder folder;
        auto store = store::open_directory(folder.path()).value();
        std::filesystem::create_directories(folder.below("a/b"));
        auto upload = store->begin(key("a/b/app")).value();
        ASSERT_TRUE(upload->write(stream::as_bytes("x")).ok());
        const int descriptor = descriptor_of(folder.path() + unsynced);
        ASSERT_GE(descriptor, 0);
        where_failing({{__NR_fsync, EIO, When::argument_equals, 0, static_cast<std::uint32_t>(descriptor)}}, [&] {
            auto committed = upload->commit();
            ASSERT_FALSE(committed.ok()) << "not written out: " << unsynced;
            EXPECT_THAT(committed.error().what, HasSubstr(folder.below("a/b/app")));
        });
        EXPECT_THAT(everything_below(folder.path()), ElementsAre("a", "a/b"));
    }
}

TEST(DirectoryFaults, AFolderThatHasNothingToWriteOutIsNoFault) {
    const TemporaryFolder folder;
    auto store = store::open_directory(folder.path()).value();
    auto upload = store->begin(key("app")).value();
    const int descriptor = descriptor_of(folder.path());
    where_failing({{__NR_fsync, EINVAL, When::argument_equals, 0, static_cast<std::uint32_t>(descriptor)}},
                  [&] { EXPECT_TRUE(upload->commit().ok()); });
}

// Filesystems without RENAME_NOREPLACE (NFS among them) get a hard link instead.

TEST(DirectoryFaults, CommitsByLinkWhereRenamingCannotPromiseToReplaceNothing) {
    for (const int error : {EINVAL, ENOSYS}) {
        const TemporaryFolder folder;
        auto store = store::open_directory(folder.path()).value();
        where_failing({{__NR_renameat2, error}}, [&] {
            EXPECT_TRUE(put_text(*store, "data/app", "first").ok());
            EXPECT_EQ(put_text(*store, "data/app", "second").error().kind, ErrorKind::exists);
        });
        EXPECT_EQ(get_text(*store, "data/app").value(), "first");
        EXPECT_THAT(everything_below(folder.path()), ElementsAre("data", "data/app"));
        EXPECT_EQ(std::filesystem::hard_link_count(folder.below("data/app")), 1U);
    }
}

TEST(DirectoryFaults, SaysSoWhereAFilesystemCanDoNeither) {
    const TemporaryFolder folder;
    auto store = store::open_directory(folder.path()).value();
    where_failing({{__NR_renameat2, EINVAL}, {__NR_linkat, EPERM}}, [&] {
        auto stored = put_text(*store, "data/app", "x");
        ASSERT_FALSE(stored.ok());
        EXPECT_THAT(stored.error().next, HasSubstr("hard links"));
    });
    EXPECT_THAT(everything_below(folder.path()), IsEmpty());
}

// Limits of this process.

class LoweredLimit {
public:
    LoweredLimit(__rlimit_resource_t resource, rlim_t limit) : resource_(resource) {
        (void)::getrlimit(resource_, &before_);
        const rlimit lowered{limit, before_.rlim_max};
        (void)::setrlimit(resource_, &lowered);
    }
    LoweredLimit(const LoweredLimit&) = delete;
    LoweredLimit& operator=(const LoweredLimit&) = delete;
    ~LoweredLimit() { (void)::setrlimit(resource_, &before_); }

private:
    __rlimit_resource_t resource_;
    rlimit before_{};
};

TEST(DirectoryFaults, AFileSizeLimitFailsTheUpload) {
    const TemporaryFolder folder;
    auto store = store::open_directory(folder.path()).value();
    const auto before = std::signal(SIGXFSZ, SIG_IGN);
    const auto stored = [&] {
        const LoweredLimit limit(RLIMIT_FSIZE, 1'000'000);
        return put_large(*store);
    }();
    (void)std::signal(SIGXFSZ, before);
    ASSERT_FALSE(stored.ok());
    EXPECT_THAT(stored.error().what, HasSubstr("file too large"));
    EXPECT_THAT(stored.error().next, HasSubstr("ulimit -f"));
    EXPECT_THAT(everything_below(folder.path()), IsEmpty());
}

TEST(DirectoryFaults, TooFewDescriptorsFailEveryVerbCleanlyWhereverTheyRunOut) {
    const TemporaryFolder folder;
    auto store = store::open_directory(folder.path() + "/root").value();
    ASSERT_TRUE(put_text(*store, "there/app", "x").ok());
    const int lowest = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    ASSERT_GE(lowest, 0);
    (void)::close(lowest);
    int failures = 0;
    for (rlim_t spare = 0; spare < 12; ++spare) {
        std::vector<Status> ends;
        {
            const LoweredLimit limit(RLIMIT_NOFILE, static_cast<rlim_t>(lowest) + spare);
            auto upload = store->begin(key("data/1/deep/app"));
            ends.push_back(upload ? done() : Status(upload.error()));
            if (upload) {
                upload->reset();
            }
            auto read = get_text(*store, "there/app");
            ends.push_back(read ? done() : Status(read.error()));
            ends.push_back(store->list("", [](const store::ObjectInfo&) { return done(); }));
            auto unfinished = store->unfinished("");
            ends.push_back(unfinished ? done() : Status(unfinished.error()));
        }
        for (const Status& end : ends) {
            if (!end) {
                ++failures;
                EXPECT_EQ(end.error().kind, ErrorKind::temporary) << end.error().what;
                EXPECT_THAT(end.error().next, HasSubstr("ulimit -n"));
            }
        }
        EXPECT_THAT(everything_below(folder.path()), ElementsAre("root", "root/there", "root/there/app"));
    }
    EXPECT_GE(failures, 12);  // every verb needs at least three
    EXPECT_TRUE(put_text(*store, "data/1/deep/app", "x").ok());
}

// Rights. Root's have no bounds, so a child gives them up first.

constexpr uid_t somebody = 65533;  // of no account, so that no other test ends what runs as it

// What `look` says, run with the rights of an ordinary user.
std::string as_ordinary_user(const std::function<std::string()>& look) {
    std::array<int, 2> ends{};
    if (::pipe(ends.data()) != 0) {
        return "no pipe";
    }
    const pid_t child = ::fork();
    if (child == 0) {
        const bool dropped = ::geteuid() != 0 || (::setgid(somebody) == 0 && ::setuid(somebody) == 0);
        const std::string said = dropped ? look() : "could not give up root's rights";
        const ssize_t sent = ::write(ends[1], said.data(), said.size());
        ::_exit(sent == static_cast<ssize_t>(said.size()) ? 0 : 1);
    }
    (void)::close(ends[1]);
    std::string said;
    std::array<char, 512> buffer{};
    for (ssize_t got = 0; (got = ::read(ends[0], buffer.data(), buffer.size())) > 0;) {
        said.append(buffer.data(), static_cast<std::size_t>(got));
    }
    (void)::close(ends[0]);
    int status = 0;
    (void)::waitpid(child, &status, 0);
    return status == 0 ? said : "the child failed";
}

std::string told(const Error& error) {
    return error.what + "; " + error.next;
}

TEST(DirectoryFaults, AFolderWithoutWriteRightsFailsTheUpload) {
    const TemporaryFolder folder;
    const std::string root = folder.below("root");
    ASSERT_EQ(::mkdir(root.c_str(), 0555), 0);
    EXPECT_EQ(::chmod(root.c_str(), 0555), 0);
    for (const std::string name : {"app", "data/app"}) {
        const std::string said = as_ordinary_user([&] {
            auto stored = put_text(*store::open_directory(root).value(), name, "x");
            return stored ? "stored" : told(stored.error());
        });
        EXPECT_THAT(said, AllOf(HasSubstr(root), HasSubstr("permission denied"), HasSubstr("chown or chmod")));
    }
    const std::string above = as_ordinary_user([&] {
        auto stored = put_text(*store::open_directory(root + "/new").value(), "app", "x");
        return stored ? "stored" : told(stored.error());
    });
    EXPECT_THAT(above, AllOf(HasSubstr(root + "/new"), HasSubstr("permission denied")));
    EXPECT_THAT(everything_below(folder.path()), ElementsAre("root"));
}

TEST(DirectoryFaults, AFolderThatCannotBeReadIsNotTakenForAnEmptyOne) {
    const TemporaryFolder folder;
    auto store = store::open_directory(folder.path()).value();
    ASSERT_TRUE(put_text(*store, "data/app", "x").ok());
    ASSERT_EQ(::chmod(folder.below("data").c_str(), 0), 0);
    const std::string said = as_ordinary_user([&] {
        const auto keys = listed(*store);
        return keys.empty() ? "empty" : keys.front();
    });
    EXPECT_THAT(said, AllOf(HasSubstr("error: "), HasSubstr(folder.below("data")), HasSubstr("permission denied")));
    EXPECT_THAT(as_ordinary_user([&] { return told(get_text(*store, "data/app").error()); }),
                HasSubstr("permission denied"));
    ASSERT_EQ(::chmod(folder.below("data").c_str(), 0700), 0);
}

TEST(DirectoryFaults, AReadOnlyDiskFailsTheUploadAndStillReads) {
    const SmallDisk disk;
    auto store = store::open_directory(disk.path()).value();
    ASSERT_TRUE(put_text(*store, "data/app", "x").ok());
    const auto check = [&] {
        for (const std::string name : {"data/other", "new/app"}) {
            auto stored = put_text(*store, name, "x");
            ASSERT_FALSE(stored.ok());
            EXPECT_THAT(told(stored.error()),
                        AllOf(HasSubstr(disk.path()), HasSubstr("read-only"), HasSubstr("read-write")));
        }
        auto removed = store->remove(key("data/app"), {});
        ASSERT_FALSE(removed.ok());
        EXPECT_THAT(removed.error().what, HasSubstr("read-only"));
        EXPECT_EQ(get_text(*store, "data/app").value(), "x");
        EXPECT_THAT(listed(*store), ElementsAre("data/app"));
    };
    if (disk.is_real("mkdirat, openat and unlinkat refused with EROFS")) {
        ASSERT_TRUE(disk.make_read_only());
        check();
    } else {
        where_failing(
            {{__NR_mkdirat, EROFS}, {__NR_openat, EROFS, When::argument_has_bit, 2, O_CREAT}, {__NR_unlinkat, EROFS}},
            check);
    }
}

}  // namespace

}  // namespace lifeboat::test
