#include "directory/io_error.hpp"

#include "os/errno_text.hpp"

#include <unistd.h>

#include <cctype>
#include <cerrno>

namespace lifeboat::store::directory {

namespace {

ErrorKind kind_of(int number) {
    switch (number) {
        case EAGAIN:
        case EBUSY:
        case EINTR:
        case EMFILE:
        case ENFILE:
        case ENOMEM:
        case ESTALE:
        case ETIMEDOUT: return ErrorKind::temporary;
        default: return ErrorKind::failed;
    }
}

std::string next_step(int number) {
    switch (number) {
        case ENOSPC: return "free space (or inodes) on the filesystem that holds it, then try again";
        case EDQUOT:
            return "raise the disk quota of user " + std::to_string(::geteuid()) +
                   " or free space within it, then try again";
        case EFBIG: return "store on a filesystem that takes larger files, or raise the file size limit (ulimit -f)";
        case EROFS: return "mount the filesystem that holds it read-write (mount -o remount,rw)";
        case EACCES:
        case EPERM:
            return "give user " + std::to_string(::geteuid()) + " the right to read and write it (chown or chmod)";
        case EMFILE: return "raise the limit of open files of this process (ulimit -n)";
        case ENFILE: return "raise the limit of open files of this machine (sysctl fs.file-max)";
        case ENOTDIR:
        case ELOOP:
            return "move away what stands in its place: a plain file, or a link, which the store does not follow";
        case ENAMETOOLONG: return "choose a shorter path for the store's folder";
        case EIO: return "check the disk and the kernel's log (dmesg)";
        case ENOENT:
        case ESTALE:
            return "check that nothing else removes files from the store's folder and that its disk is mounted";
        default: return "check the filesystem that holds it";
    }
}

std::string lower_first(std::string text) {
    if (!text.empty()) {
        text.front() = static_cast<char>(std::tolower(static_cast<unsigned char>(text.front())));
    }
    return text;
}

}  // namespace

Error io_error(int number, const std::string& doing, const std::string& path) {
    return {kind_of(number), doing + " '" + path + "': " + lower_first(os::errno_text(number)), next_step(number)};
}

}  // namespace lifeboat::store::directory
