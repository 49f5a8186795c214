#include "os/nameless_file.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <cerrno>
#include <cstdlib>

namespace lifeboat::os {

std::string temporary_folder() {
    const char* chosen = ::getenv("TMPDIR");  // NOLINT(concurrency-mt-unsafe): nobody sets it
    return chosen != nullptr && *chosen != '\0' ? chosen : "/tmp";
}

// Some filesystems cannot make a file without a name; there it loses its name at once.
Fd nameless_file(const std::string& folder) {
    Fd file(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (file || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)) {
        return file;
    }
    std::string name = folder + "/lifeboat-XXXXXX";
    file = Fd(::mkostemp(name.data(), O_CLOEXEC));
    if (file) {
        ::unlink(name.c_str());
    }
    return file;
}

}  // namespace lifeboat::os
