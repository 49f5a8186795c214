#include "directory/walk.hpp"

#include "directory/folders.hpp"
#include "directory/io_error.hpp"
#include "os/fd.hpp"
#include "store/object_key.hpp"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <vector>

namespace lifeboat::store::directory {

namespace {

struct CloseFolder {
    void operator()(DIR* folder) const noexcept { ::closedir(folder); }
};

bool has_vanished(int error) {
    return error == ENOENT || error == ENOTDIR || error == ELOOP;
}

class Walk {
public:
    Walk(const std::string& root, const std::string& prefix, Naming naming, const FileVisitor& visit)
        : root_(root), prefix_(prefix), naming_(naming), visit_(visit) {}

    // `above` is the beginning of every key in this folder: empty, or ending with a slash.
    Status folder(int fd, const std::string& above) const;

private:
    // A folder's name ends with a slash: so names sort as the keys below them do ("a-b" before "a/b").
    Result<std::vector<std::string>> names(int fd, const std::string& above) const;
    [[nodiscard]] bool wanted(const std::string& above, const std::string& name) const;
    Status subfolder(int fd, const std::string& above, const std::string& name) const;
    Status file(int fd, const std::string& above, const std::string& name) const;

    const std::string& root_;
    const std::string& prefix_;
    Naming naming_;
    const FileVisitor& visit_;
};

// The entry's name, with a slash for a folder; empty for what is neither folder nor plain file.
std::string name_of(int folder, const dirent& entry) {
    unsigned char type = entry.d_type;
    struct stat status {};
    if (type == DT_UNKNOWN && ::fstatat(folder, entry.d_name, &status, AT_SYMLINK_NOFOLLOW) == 0) {
        type = S_ISDIR(status.st_mode) ? DT_DIR : (S_ISREG(status.st_mode) ? DT_REG : DT_UNKNOWN);
    }
    if (type == DT_DIR) {
        return std::string(entry.d_name) + '/';
    }
    return type == DT_REG ? entry.d_name : std::string();
}

bool Walk::wanted(const std::string& above, const std::string& name) const {
    if (name.empty()) {
        return false;
    }
    if (name.back() == '/') {
        const std::string below = above + name;
        return ObjectKey::parse(std::string_view(below).substr(0, below.size() - 1)).ok() &&
               (below.starts_with(prefix_) || prefix_.starts_with(below));
    }
    const std::string_view object = naming_(name);
    return !object.empty() && (above + std::string(object)).starts_with(prefix_);
}

Result<std::vector<std::string>> Walk::names(int fd, const std::string& above) const {
    os::Fd own(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
    const std::unique_ptr<DIR, CloseFolder> entries(own ? ::fdopendir(own.get()) : nullptr);
    if (!entries) {
        return io_error(errno, "cannot list the folder", root_ + "/" + above);
    }
    (void)own.release();
    std::vector<std::string> result;
    for (errno = 0; const dirent* entry = ::readdir(entries.get()); errno = 0) {
        if (std::string name = name_of(fd, *entry); wanted(above, name)) {
            result.push_back(std::move(name));
        }
    }
    if (errno != 0) {
        return io_error(errno, "cannot list the folder", root_ + "/" + above);
    }
    std::sort(result.begin(), result.end());
    return result;
}

Status Walk::folder(int fd, const std::string& above) const {
    auto found = names(fd, above);
    if (!found) {
        return found.error();
    }
    for (const std::string& name : *found) {
        auto walked = name.back() == '/' ? subfolder(fd, above, name) : file(fd, above, name);
        if (!walked) {
            return walked;
        }
    }
    return done();
}

Status Walk::subfolder(int fd, const std::string& above, const std::string& name) const {
    const Opened opened = open_folder_at(fd, name.substr(0, name.size() - 1));
    if (has_vanished(opened.error)) {
        return done();
    }
    return opened.fd ? folder(opened.fd.get(), above + name)
                     : Status(io_error(opened.error, "cannot open the folder", root_ + "/" + above + name));
}

Status Walk::file(int fd, const std::string& above, const std::string& name) const {
    struct stat status {};
    if (::fstatat(fd, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
        return has_vanished(errno) ? done() : Status(io_error(errno, "cannot look at", root_ + "/" + above + name));
    }
    return S_ISREG(status.st_mode) ? visit_(above + std::string(naming_(name)), name, status) : done();
}

}  // namespace

Status walk(const std::string& root, const std::string& prefix, Naming naming, const FileVisitor& visit) {
    auto opened = open_root(root);
    return opened ? Walk(root, prefix, naming, visit).folder(opened->get(), {}) : opened.error();
}

}  // namespace lifeboat::store::directory
