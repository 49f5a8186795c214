// What a child that runs other people's code may reach of this machine: nothing of ours.
#pragma once

#include "os/fd.hpp"
#include "result/result.hpp"

#include <sys/types.h>
#include <optional>
#include <string>
#include <vector>

namespace lifeboat::os {

struct UserIds {
    uid_t user = 0;
    gid_t group = 0;
};

// An account of the system that is nobody's in particular (nobody, games and the like) and under which nothing runs,
// for one child and what that starts; only root can give it to one. It must be an account: initdb asks for its name. No
// other process of this program gets the same one for as long as the object, or its descriptor in a child, is there.
class SpareUser {
public:
    static Result<SpareUser> find();

    [[nodiscard]] const UserIds& ids() const noexcept { return ids_; }
    [[nodiscard]] int lock() const noexcept { return lock_.get(); }

    // Ends everything that runs as this user, whoever its parent is by now.
    void end_all() const noexcept;

private:
    SpareUser(const UserIds& ids, Fd lock) : ids_(ids), lock_(std::move(lock)) {}
    UserIds ids_;
    Fd lock_;
};

// The files that a child and what it starts may open, by the kernel's Landlock: whatever lies elsewhere is refused,
// also to the same user, and so are ptrace and the memory of processes that are not confined alike. Newer kernels also
// refuse them TCP (from 6.7 on), and signals and abstract sockets to the outside (from 6.12 on). For the network see
// os/network_filter.hpp.
class FileFence {
public:
    // `read`: folders whose files may be read and run; `write`: those in which everything may be done. What is not
    // there is passed over. Empty where the kernel has no Landlock, or has it switched off.
    static std::optional<FileFence> build(const std::vector<std::string>& read, const std::vector<std::string>& write);

    [[nodiscard]] int get() const noexcept { return rules_.get(); }

private:
    explicit FileFence(Fd rules) : rules_(std::move(rules)) {}
    Fd rules_;
};

// Whether that process is in another network than this one, as far as that is to be seen.
bool has_other_network(pid_t process);

// From now on no process of the same user can read this one's memory, environment and descriptors, and a crash leaves
// no image of them. Root still can. Children that run a program are as they were.
void hide_own_memory() noexcept;

// Everything that was started by children of ours and was left behind, once adopt_orphans() was called: ended and
// reaped, all but `ours`.
void end_orphans(const std::vector<pid_t>& ours) noexcept;

}  // namespace lifeboat::os
