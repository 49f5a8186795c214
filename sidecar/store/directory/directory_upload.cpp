#include "directory/directory_upload.hpp"

#include "directory/io_error.hpp"
#include "directory/temporary_name.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

namespace lifeboat::store::directory {

namespace {

constexpr mode_t file_mode = 0600;
constexpr std::size_t buffer_size = std::size_t{256} * 1024;
constexpr std::uint64_t writeback_step = std::uint64_t{8} * 1024 * 1024;

// Each round is lost only to another's progress (a folder removed, a random name taken), so that many in a
// row mean that something else is wrong.
constexpr int max_rounds = 100;

Error ended(const ObjectKey& key) {
    return failed("the upload of '" + key.text() + "' was ended before", "begin a new upload");
}

bool lacks_no_replace(int error) {
    return error == EINVAL || error == ENOSYS || error == EOPNOTSUPP;
}

// Gives the file its name where renaming cannot promise to replace nothing, which a new link can. errno, or 0.
int link_no_replace(int folder, const std::string& temporary, const std::string& name) {
    if (::linkat(folder, temporary.c_str(), folder, name.c_str(), 0) != 0) {
        // Where the reply to a first try was lost, NFS asks again and finds our own link in the way.
        const int error = errno;
        struct stat status {};
        const bool linked = error == EEXIST &&
                            ::fstatat(folder, temporary.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 &&
                            status.st_nlink == 2;
        if (!linked) {
            return error;
        }
    }
    (void)::unlinkat(folder, temporary.c_str(), 0);
    return 0;
}

// errno, or 0.
int rename_no_replace(int folder, const std::string& temporary, const std::string& name) {
    if (::renameat2(folder, temporary.c_str(), folder, name.c_str(), RENAME_NOREPLACE) == 0) {
        return 0;
    }
    return lacks_no_replace(errno) ? link_no_replace(folder, temporary, name) : errno;
}

bool is_folder(int parent, const std::string& name) {
    struct stat status {};
    return ::fstatat(parent, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(status.st_mode);
}

}  // namespace

DirectoryUpload::DirectoryUpload(Target target, Folders folders, os::Fd file, std::string temporary)
    : target_(std::move(target)),
      folders_(std::move(folders)),
      file_(std::move(file)),
      temporary_(std::move(temporary)) {}

Result<std::unique_ptr<Upload>> DirectoryUpload::begin(const std::string& root, const ObjectKey& key,
                                                       std::uint64_t max_size) {
    for (int round = 0; round < max_rounds; ++round) {
        auto temporary = temporary_name(key.name());
        if (!temporary) {
            return temporary.error();
        }
        auto folders = Folders::make(root, key);
        if (!folders) {
            return folders.error();
        }
        if (folders->empty()) {
            continue;
        }
        os::Fd file(::openat(folders->innermost(), temporary->c_str(),
                             O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, file_mode));
        if (file) {
            return std::unique_ptr<Upload>(new DirectoryUpload({root, key, max_size}, *std::move(folders),
                                                               std::move(file), *std::move(temporary)));
        }
        if (errno != ENOENT && errno != EEXIST) {
            return io_error(errno, "cannot create a file for", root + "/" + key.text());
        }
    }
    return failed(
        "cannot make the folders of '" + root + "/" + key.text() + "': they vanish, or cannot be entered",
        "check that the disk is mounted, that no link on the way leads nowhere, and that nothing else removes "
        "folders there");
}

Status DirectoryUpload::write(stream::Bytes chunk) {
    if (!file_) {
        return ended(target_.key);
    }
    auto accepted = accept(chunk);
    if (!accepted) {
        discard();  // at once, not when this is destroyed: a full disk has room again for others
    }
    return accepted;
}

Status DirectoryUpload::accept(stream::Bytes chunk) {
    if (chunk.size() > target_.max_size - accepted_) {
        return failed("'" + path() + "' would be larger than the " + std::to_string(target_.max_size) +
                          " bytes that an object of this store may have",
                      "split it into segments of at most that size");
    }
    accepted_ += chunk.size();
    sha256_.update(chunk);
    while (!chunk.empty()) {
        if (buffer_.empty() && chunk.size() >= buffer_size) {
            return write_out(chunk);
        }
        const std::size_t taken = std::min(chunk.size(), buffer_size - buffer_.size());
        buffer_.insert(buffer_.end(), chunk.begin(), chunk.begin() + static_cast<std::ptrdiff_t>(taken));
        chunk = chunk.subspan(taken);
        if (buffer_.size() == buffer_size) {
            if (auto flushed = flush(); !flushed) {
                return flushed;
            }
        }
    }
    return done();
}

Status DirectoryUpload::flush() {
    if (buffer_.empty()) {
        return done();
    }
    auto written = write_out(buffer_);
    buffer_.clear();
    return written;
}

Status DirectoryUpload::write_out(stream::Bytes bytes) {
    if (const int error = os::write_all(file_.get(), bytes); error != 0) {
        return io_error(error, "cannot write", path());
    }
    written_ += bytes.size();
    start_writeback();
    return done();
}

// Has the disk begin early, so that the sync at the end is short and the page cache, which counts against
// the pod's memory, stays clean enough to be taken back. Only starts, never waits: waiting here would take a
// write error away from the fsync that must see it.
void DirectoryUpload::start_writeback() noexcept {
    if (written_ - handed_to_disk_ >= writeback_step) {
        (void)::sync_file_range(file_.get(), static_cast<off_t>(handed_to_disk_),
                                static_cast<off_t>(written_ - handed_to_disk_), SYNC_FILE_RANGE_WRITE);
        handed_to_disk_ = written_;
    }
}

Result<StoredObject> DirectoryUpload::commit() {
    if (!file_) {
        return ended(target_.key);
    }
    auto committed = flush();
    if (committed) {
        committed = make_durable();
    }
    if (committed) {
        committed = publish();
    }
    discard();
    if (!committed) {
        return committed.error();
    }
    return StoredObject{target_.key, written_, sha256_.hex(), {}};
}

Status DirectoryUpload::make_durable() {
    while (::fsync(file_.get()) != 0) {
        if (errno != EINTR) {
            return io_error(errno, "cannot write out to the disk", path());
        }
    }
    struct stat status {};
    if (::fstat(file_.get(), &status) != 0) {
        return io_error(errno, "cannot look at", path());
    }
    if (static_cast<std::uint64_t>(status.st_size) != written_) {
        return failed("'" + path() + "' has " + std::to_string(status.st_size) + " bytes after " +
                          std::to_string(written_) + " were written",
                      "check that nothing else writes into the store's folder");
    }
    return done();
}

Status DirectoryUpload::publish() {
    const std::string name(target_.key.name());
    if (const int error = rename_no_replace(folders_.innermost(), temporary_, name); error != 0) {
        return cannot_publish(error);
    }
    temporary_.clear();
    if (const int error = folders_.sync(); error != 0) {
        // It has its name, but perhaps not beyond the next power cut: failed means that it is not there.
        (void)::unlinkat(folders_.innermost(), name.c_str(), 0);
        return io_error(error, "cannot write out the folder of", path());
    }
    return done();
}

Error DirectoryUpload::cannot_publish(int number) const {
    if (number == EEXIST && is_folder(folders_.innermost(), std::string(target_.key.name()))) {
        return failed("'" + path() + "' is a folder, and a file of this name belongs there",
                      "move that folder out of the store: Lifeboat makes none of this name");
    }
    if (number == EEXIST) {
        return {ErrorKind::exists, "object '" + path() + "' is there already",
                "choose another key: an object is never replaced"};
    }
    Error error = io_error(number, "cannot give its name to", path());
    if (number == EPERM || number == EOPNOTSUPP || number == ENOSYS || number == EINVAL) {
        error.next = "store on a filesystem that has hard links, such as ext4, XFS or NFS: FAT and its kin have none";
    }
    return error;
}

void DirectoryUpload::discard() noexcept {
    if (!temporary_.empty()) {
        (void)::unlinkat(folders_.innermost(), temporary_.c_str(), 0);
        temporary_.clear();
    }
    file_.reset();
    buffer_ = {};
}

}  // namespace lifeboat::store::directory
