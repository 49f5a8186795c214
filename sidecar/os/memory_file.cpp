#include "os/memory_file.hpp"

#include "os/errno_text.hpp"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>

namespace lifeboat::os {

Result<Fd> memory_file(const std::string& label, const Secret& content) {
    Fd fd(::memfd_create(label.c_str(), MFD_CLOEXEC));
    if (!fd) {
        return failed("cannot make a file in memory: " + errno_text(errno));
    }
    if (::fchmod(fd.get(), S_IRUSR | S_IWUSR) != 0) {
        return failed("cannot protect a file in memory: " + errno_text(errno));
    }
    const auto text = content.reveal();
    if (const int error = write_all(fd.get(), std::as_bytes(std::span(text.data(), text.size()))); error != 0) {
        return failed("cannot write a file in memory: " + errno_text(error));
    }
    if (::lseek(fd.get(), 0, SEEK_SET) != 0) {
        return failed("cannot rewind a file in memory: " + errno_text(errno));
    }
    return fd;
}

std::string memory_file_path(int fd) {
    return "/proc/self/fd/" + std::to_string(fd);
}

}  // namespace lifeboat::os
