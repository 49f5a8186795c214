#include "archive_file.hpp"

#include "os/errno_text.hpp"
#include "os/nameless_file.hpp"

#include <sys/statvfs.h>
#include <cerrno>

namespace lifeboat::restore {

Result<std::unique_ptr<ArchiveFile>> ArchiveFile::create() {
    const std::string folder = os::temporary_folder();
    os::Fd file = os::nameless_file(folder);
    if (!file) {
        return failed("cannot make a temporary file in " + folder + ": " + os::errno_text(errno),
                      "set TMPDIR to a folder with room for the largest archive, or restore without --jobs");
    }
    return std::unique_ptr<ArchiveFile>(new ArchiveFile(std::move(file), folder));
}

Status ArchiveFile::check_room(std::uint64_t bytes) const {
    struct statvfs about {};
    if (::fstatvfs(file_.get(), &about) != 0) {
        return done();  // not to be known beforehand
    }
    const std::uint64_t room = std::uint64_t{about.f_bavail} * about.f_frsize;
    if (room >= bytes) {
        return done();
    }
    return failed("the largest archive needs " + std::to_string(bytes) + " bytes in " + folder_ +
                      ", which has room for " + std::to_string(room),
                  "set TMPDIR to a folder with room for the largest archive, or restore without --jobs");
}

Status ArchiveFile::write(stream::Bytes chunk) {
    if (const int error = os::write_all(file_.get(), chunk); error != 0) {
        return failed("cannot write the archive to " + folder_ + ": " + os::errno_text(error),
                      "set TMPDIR to a folder with room for the largest archive, or restore without --jobs");
    }
    return done();
}

}  // namespace lifeboat::restore
