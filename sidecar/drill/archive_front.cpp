#include "archive_front.hpp"

#include "os/errno_text.hpp"
#include "os/nameless_file.hpp"

#include <unistd.h>
#include <array>
#include <cerrno>

namespace lifeboat::drill {
namespace {

Error file_failed(const std::string& what, int error) {
    return failed("cannot " + what + " in " + os::temporary_folder() +
                      ", which holds an archive's table of contents: " + os::errno_text(error),
                  "set TMPDIR to a folder with more room");
}

}  // namespace

void ArchiveFront::keep(stream::Bytes piece) {
    size_ += piece.size();
    if (!kept_) {
        return;
    }
    if (!file_ && memory_.size() + piece.size() <= most_in_memory_) {
        memory_.append(stream::as_text(piece));
    } else {
        kept_ = keep_in_file(piece);
    }
}

Status ArchiveFront::keep_in_file(stream::Bytes piece) {
    if (!file_) {
        file_ = os::nameless_file(os::temporary_folder());
        if (!file_) {
            return file_failed("make a temporary file", errno);
        }
        if (const int error = os::write_all(file_.get(), stream::as_bytes(memory_)); error != 0) {
            return file_failed("write a temporary file", error);
        }
        memory_ = {};
    }
    const int error = os::write_all(file_.get(), piece);
    return error == 0 ? done() : Status(file_failed("write a temporary file", error));
}

Status ArchiveFront::pass(stream::Sink& to) {
    if (!kept_) {
        return kept_;
    }
    if (!file_) {
        return to.write(stream::as_bytes(memory_));
    }
    if (::lseek(file_.get(), 0, SEEK_SET) != 0) {
        return file_failed("read a temporary file", errno);
    }
    std::array<std::byte, std::size_t{64} * 1024> buffer{};
    for (;;) {
        auto got = os::read_some(file_.get(), buffer);
        if (!got) {
            return std::move(got).error();
        }
        if (*got == 0) {
            return done();
        }
        if (auto passed = to.write(stream::Bytes(buffer).first(*got)); !passed) {
            return passed;
        }
    }
}

}  // namespace lifeboat::drill
