#pragma once

#include "stream/sink.hpp"

#include <string>

namespace lifeboat::stream {

// The end of a stream at a file descriptor, which stays its owner's: standard output, a child's input.
// A reader that went away (EPIPE) is ErrorKind::interrupted; SIGPIPE must be ignored.
class FdSink final : public Sink {
public:
    FdSink(int fd, std::string name) : fd_(fd), name_(std::move(name)) {}

    Status write(Bytes chunk) override;
    Status finish() override { return done(); }

private:
    int fd_;
    std::string name_;
};

}  // namespace lifeboat::stream
