#include "directory/folders.hpp"

#include "directory/io_error.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace lifeboat::store::directory {

namespace {

constexpr mode_t folder_mode = 0700;
constexpr int folder_flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;

std::vector<std::string> folder_parts(const ObjectKey& key) {
    std::vector<std::string> parts;
    const std::string& text = key.text();
    std::size_t begin = 0;
    for (std::size_t slash = text.find('/'); slash != std::string::npos; slash = text.find('/', begin)) {
        parts.push_back(text.substr(begin, slash - begin));
        begin = slash + 1;
    }
    return parts;
}

Opened open_path(const std::string& path) {
    os::Fd fd(::open(path.c_str(), folder_flags));
    const int error = fd ? 0 : errno;
    return {std::move(fd), error};
}

Error root_error(int number, const std::string& root) {
    if (number == ENOENT) {
        return {ErrorKind::not_found, "the store's folder '" + root + "' does not exist",
                "check that its disk is mounted and the path is right; the first backup creates it"};
    }
    if (number == ENOTDIR) {
        return {ErrorKind::usage, "the store's folder '" + root + "' is not a folder",
                "point the store's url to a folder, or move away the file that has this name"};
    }
    return io_error(number, "cannot open the store's folder", root);
}

// Without its entry in the folder above, written out, a new folder is lost with the power, and all in it.
// False: that folder was removed meanwhile.
Result<bool> sync_parent(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    const std::string parent = slash == 0 ? "/" : path.substr(0, slash);
    const Opened opened = open_path(parent);
    const int error = opened.fd ? sync_folder(opened.fd.get()) : opened.error;
    if (error == 0 || error == ENOENT) {
        return error == 0;
    }
    return io_error(error, "cannot write out the folder", parent);
}

}  // namespace

Opened open_folder_at(int parent, const std::string& name) {
    os::Fd fd(::openat(parent, name.c_str(), folder_flags | O_NOFOLLOW));
    const int error = fd ? 0 : errno;
    return {std::move(fd), error};
}

Result<os::Fd> open_root(const std::string& root) {
    Opened opened = open_path(root);
    if (!opened.fd) {
        return root_error(opened.error, root);
    }
    return std::move(opened.fd);
}

int sync_folder(int folder) noexcept {
    while (::fsync(folder) != 0) {
        if (errno == EINVAL) {
            return 0;  // this filesystem has nothing to write out for a folder (some FUSE and CIFS mounts)
        }
        if (errno != EINTR) {
            return errno;
        }
    }
    return 0;
}

Folders::~Folders() {
    for (std::size_t i = levels_.size(); i-- > 1;) {
        if (levels_[i].made) {
            (void)::unlinkat(levels_[i - 1].folder.get(), levels_[i].name.c_str(), AT_REMOVEDIR);
        }
    }
    for (std::size_t i = made_roots_.size(); i-- > 0;) {
        (void)::rmdir(made_roots_[i].c_str());
    }
}

// False: a folder on the way was removed meanwhile.
Result<bool> Folders::make_root(const std::string& root) {
    for (std::size_t end = root.find('/', 1);; end = root.find('/', end + 1)) {
        const std::string path = root.substr(0, end);
        if (::mkdir(path.c_str(), folder_mode) == 0) {
            made_roots_.push_back(path);
            if (auto synced = sync_parent(path); !synced || !*synced) {
                return synced;
            }
        } else if (errno == ENOENT) {
            return false;
        } else if (errno != EEXIST) {
            return io_error(errno, "cannot create the folder", path);
        }
        if (end == std::string::npos) {
            return true;
        }
    }
}

// Opens `part` in the innermost folder, and makes it if need be. False: a folder on the way was removed meanwhile.
Result<bool> Folders::descend(const std::string& root, const std::string& part) {
    bool made = false;
    Opened opened = open_folder_at(innermost(), part);
    if (opened.error == ENOENT) {
        if (::mkdirat(innermost(), part.c_str(), folder_mode) == 0) {
            made = true;
        } else if (errno == ENOENT) {
            return false;
        } else if (errno != EEXIST) {
            return io_error(errno, "cannot create a folder '" + part + "' in the store", root);
        }
        opened = open_folder_at(innermost(), part);
    }
    if (opened.error == ENOENT) {
        return false;
    }
    if (!opened.fd) {
        if (made) {
            (void)::unlinkat(innermost(), part.c_str(), AT_REMOVEDIR);
        }
        return io_error(opened.error, "cannot open the folder '" + part + "' in the store", root);
    }
    levels_.push_back({std::move(opened.fd), part, made});
    return true;
}

Result<Folders> Folders::make(const std::string& root, const ObjectKey& key) {
    Folders folders;
    Opened opened = open_path(root);
    if (opened.error == ENOENT) {
        auto made = folders.make_root(root);
        if (!made) {
            return made.error();
        }
        opened = open_path(root);
    }
    if (opened.error == ENOENT) {
        return Folders();
    }
    if (!opened.fd) {
        return root_error(opened.error, root);
    }
    folders.levels_.push_back({std::move(opened.fd), {}, false});
    for (const std::string& part : folder_parts(key)) {
        auto entered = folders.descend(root, part);
        if (!entered) {
            return entered.error();
        }
        if (!*entered) {
            return Folders();
        }
    }
    return folders;
}

Result<Folders> Folders::find(const std::string& root, const ObjectKey& key) {
    auto opened_root = open_root(root);
    if (!opened_root) {
        return opened_root.error();
    }
    Folders folders;
    folders.levels_.push_back({*std::move(opened_root), {}, false});
    for (const std::string& part : folder_parts(key)) {
        Opened opened = open_folder_at(folders.innermost(), part);
        if (opened.error == ENOENT || opened.error == ENOTDIR || opened.error == ELOOP) {
            return Folders();
        }
        if (!opened.fd) {
            return io_error(opened.error, "cannot open the folder '" + part + "' in the store", root);
        }
        folders.levels_.push_back({std::move(opened.fd), part, false});
    }
    return folders;
}

int Folders::sync() const noexcept {
    for (std::size_t i = levels_.size(); i-- > 0;) {
        if (const int error = sync_folder(levels_[i].folder.get()); error != 0) {
            return error;
        }
    }
    return 0;
}

void Folders::remove_empty() noexcept {
    for (std::size_t i = levels_.size(); i-- > 1;) {
        if (::unlinkat(levels_[i - 1].folder.get(), levels_[i].name.c_str(), AT_REMOVEDIR) != 0) {
            return;
        }
    }
}

}  // namespace lifeboat::store::directory
