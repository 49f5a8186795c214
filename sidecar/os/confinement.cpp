#include "os/confinement.hpp"

#include <fcntl.h>
#include <linux/landlock.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstddef>
#include <filesystem>
#include <fstream>

namespace lifeboat::os {
namespace {

namespace fs = std::filesystem;

// As in linux/landlock.h, of which Debian's is older than many a kernel: fields that a kernel does not know must be 0.
struct RulesetAttributes {
    std::uint64_t handled_access_fs;
    std::uint64_t handled_access_net;  // from ABI 4 on
    std::uint64_t scoped;              // from ABI 6 on
};
constexpr std::uint64_t bind_and_connect_tcp = 3;
constexpr std::uint64_t abstract_sockets_and_signals = 3;

// The folders of /proc that are processes.
template <class Visit>
void each_process(const Visit& visit) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator("/proc", error)) {
        const std::string name = entry.path().filename().string();
        pid_t pid = 0;
        const auto [end, wrong] = std::from_chars(name.data(), name.data() + name.size(), pid);
        if (wrong == std::errc() && end == name.data() + name.size()) {
            visit(pid);
        }
    }
}

bool runs_something(uid_t user) {
    bool found = false;
    each_process([&](pid_t pid) {
        struct stat about {};
        found = found || (::stat(("/proc/" + std::to_string(pid)).c_str(), &about) == 0 && about.st_uid == user);
    });
    return found;
}

std::optional<UserIds> account(const char* name) {
    passwd entry{};
    passwd* found = nullptr;
    std::vector<char> buffer(std::size_t{64} * 1024);
    if (::getpwnam_r(name, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr ||
        found->pw_uid == 0 || found->pw_gid == 0) {
        return std::nullopt;
    }
    return UserIds{found->pw_uid, found->pw_gid};
}

// A name in the kernel that only one process of this network can have, and that goes with it.
Fd take_name(uid_t user) {
    Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string name = "lifeboat-spare-user/" + std::to_string(user);
    std::copy(name.begin(), name.end(), address.sun_path + 1);
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    // NOLINTNEXTLINE(*-reinterpret-cast): the system call's own way
    return ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), length) == 0 ? std::move(socket) : Fd();
}

// Two of this machine may be in networks of their own, and share /run. The file stays: one that is deleted could be
// locked by two. Where none can be made, a name has to do.
Fd take(uid_t user) {
    const std::string path = "/run/lifeboat-spare-user-" + std::to_string(user) + ".lock";
    constexpr mode_t mode = 0600;
    Fd file(::open(path.c_str(), O_RDONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, mode));
    if (!file) {
        return take_name(user);
    }
    return ::flock(file.get(), LOCK_EX | LOCK_NB) == 0 ? std::move(file) : Fd();
}

}  // namespace

Result<SpareUser> SpareUser::find() {
    // Debian's, and most others': they own nothing, and hardly anything runs as them today.
    for (const char* name : {"nobody", "games", "news", "uucp", "irc", "list", "lp", "man"}) {
        const auto ids = account(name);
        if (!ids || runs_something(ids->user)) {
            continue;
        }
        if (Fd lock = take(ids->user); lock && !runs_something(ids->user)) {
            return SpareUser(*ids, std::move(lock));
        }
    }
    return failed("there is no account (nobody, games, news, …) under which nothing runs, for the throw-away server",
                  "run this as a plain user, or give a server with --to");
}

// kill(-1) reaches all that the caller may signal: asked by that user, all of that user's.
void SpareUser::end_all() const noexcept {
    const pid_t helper = ::fork();
    if (helper == 0) {
        if (::setresgid(ids_.group, ids_.group, ids_.group) == 0 && ::setresuid(ids_.user, ids_.user, ids_.user) == 0) {
            ::kill(-1, SIGKILL);  // Linux spares the caller
        }
        ::_exit(0);
    }
    if (helper > 0) {
        int status = 0;
        while (::waitpid(helper, &status, 0) < 0 && errno == EINTR) {
        }
    }
}

std::optional<FileFence> FileFence::build(const std::vector<std::string>& read, const std::vector<std::string>& write) {
    const long abi = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi < 1) {
        return std::nullopt;
    }
    constexpr std::uint64_t reading =
        LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
    // All of the first version; moving between folders (REFER) came with the second, truncating with the third.
    constexpr std::uint64_t first_version = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1U) - 1;
    constexpr std::uint64_t refer = std::uint64_t{1} << 13U;
    constexpr std::uint64_t truncate = std::uint64_t{1} << 14U;
    const std::uint64_t everything = first_version | (abi >= 2 ? refer : 0) | (abi >= 3 ? truncate : 0);
    constexpr int with_network = 4;
    constexpr int with_scopes = 6;
    const RulesetAttributes handled{everything, abi >= with_network ? bind_and_connect_tcp : 0,
                                    abi >= with_scopes ? abstract_sockets_and_signals : 0};
    Fd rules(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &handled, sizeof handled, 0)));
    if (!rules) {
        return std::nullopt;
    }
    const auto allow = [&rules](const std::string& path, std::uint64_t access) {
        const Fd folder(::open(path.c_str(), O_PATH | O_CLOEXEC));
        struct stat about {};
        if (!folder || ::fstat(folder.get(), &about) != 0) {
            return true;
        }
        constexpr std::uint64_t of_files =
            LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | truncate;
        landlock_path_beneath_attr rule{};
        rule.allowed_access = S_ISDIR(about.st_mode) ? access : access & of_files;
        rule.parent_fd = folder.get();
        return ::syscall(SYS_landlock_add_rule, rules.get(), LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
    };
    const bool made =
        std::all_of(read.begin(), read.end(), [&](const auto& path) { return allow(path, reading); }) &&
        std::all_of(write.begin(), write.end(), [&](const auto& path) { return allow(path, everything); });
    return made ? std::optional(FileFence(std::move(rules))) : std::nullopt;
}

bool has_other_network(pid_t process) {
    std::error_code error;
    const auto ours = fs::read_symlink("/proc/self/ns/net", error);
    if (error) {
        return false;
    }
    const auto theirs = fs::read_symlink("/proc/" + std::to_string(process) + "/ns/net", error);
    return !error && ours != theirs;
}

void hide_own_memory() noexcept {
    ::prctl(PR_SET_DUMPABLE, 0);
}

void end_orphans(const std::vector<pid_t>& ours) noexcept {
    // One that is ended hands its own children on to us: until nothing new comes.
    constexpr int rounds = 100;
    for (int round = 0; round < rounds; ++round) {
        std::vector<pid_t> found;
        each_process([&](pid_t pid) {
            std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
            std::string line;
            std::getline(stat, line);
            const auto name_end = line.rfind(')');  // the name may hold anything
            pid_t parent = 0;
            if (name_end != std::string::npos && name_end + 4 < line.size()) {
                std::from_chars(line.data() + name_end + 4, line.data() + line.size(), parent);
            }
            if (parent == ::getpid() && std::find(ours.begin(), ours.end(), pid) == ours.end()) {
                found.push_back(pid);
            }
        });
        if (found.empty()) {
            return;
        }
        for (const pid_t pid : found) {
            ::kill(pid, SIGKILL);
            int status = 0;
            while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
            }
        }
    }
}

}  // namespace lifeboat::os
