#include "stream/fd_sink.hpp"

#include "os/errno_text.hpp"
#include "os/fd.hpp"

#include <cerrno>

namespace lifeboat::stream {

Status FdSink::write(Bytes chunk) {
    const int error = os::write_all(fd_, chunk);
    if (error == 0) {
        return done();
    }
    if (error == EPIPE) {
        return Error{ErrorKind::interrupted, name_ + " was closed by its reader", {}};
    }
    return failed("cannot write to " + name_ + ": " + os::errno_text(error), error == ENOSPC ? "free some space" : "");
}

}  // namespace lifeboat::stream
