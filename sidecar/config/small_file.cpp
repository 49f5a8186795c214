#include "config/small_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace lifeboat::config {
namespace {

class OpenFile {
public:
    // Non-blocking, so that opening a pipe that nobody writes does not wait for ever.
    explicit OpenFile(const std::filesystem::path& path)
        : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)) {}
    OpenFile(const OpenFile&) = delete;
    OpenFile& operator=(const OpenFile&) = delete;
    ~OpenFile() {
        if (fd_ >= 0) {
            ::close(fd_);
        }
    }
    [[nodiscard]] int fd() const { return fd_; }

private:
    int fd_;
};

Error unreadable(int code) {
    const std::string reason = std::generic_category().message(code);
    if (code == ENOENT || code == ENOTDIR) {
        return {ErrorKind::not_found, "does not exist", "create it, or correct its path"};
    }
    if (code == EACCES) {
        return {ErrorKind::usage, "cannot be read: " + reason, "let the user that runs lifeboat read it"};
    }
    return {ErrorKind::usage, "cannot be read: " + reason, "make it readable, or correct its path"};
}

Status must_be_small_and_regular(int fd) {
    struct stat about {};
    if (::fstat(fd, &about) != 0) {
        return unreadable(errno);
    }
    if (S_ISDIR(about.st_mode)) {
        return Error{ErrorKind::usage, "is a folder", "give the path of the file in it"};
    }
    if (!S_ISREG(about.st_mode)) {
        return Error{ErrorKind::usage, "is no regular file", "write the content into a file and give its path"};
    }
    return done();
}

}  // namespace

Result<std::string> read_small_file(const std::filesystem::path& path) {
    const OpenFile file(path);
    if (file.fd() < 0) {
        return unreadable(errno);
    }
    if (Status fit = must_be_small_and_regular(file.fd()); !fit) {
        return fit.error();
    }
    std::string content;
    std::array<char, 4096> chunk{};
    while (true) {
        const ssize_t count = ::read(file.fd(), chunk.data(), chunk.size());
        if (count == 0) {
            return content;
        }
        if (count < 0) {
            if (errno == EINTR) {
                continue;
            }
            return unreadable(errno);
        }
        content.append(chunk.data(), static_cast<std::size_t>(count));
        if (content.size() > largest_file) {
            return Error{ErrorKind::usage, "is larger than 1 MiB", "correct its path"};
        }
    }
}

}  // namespace lifeboat::config
