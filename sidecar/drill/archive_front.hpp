// The beginning of an archive, kept as it passed.
#pragma once

#include "os/fd.hpp"
#include "stream/sink.hpp"

#include <cstdint>
#include <string>

namespace lifeboat::drill {

// Definitions and comments, in clear: in memory, and where that would be too much in a file without a name, below
// TMPDIR. One thread at a time.
class ArchiveFront {
public:
    // From how many bytes on it goes to a file.
    explicit ArchiveFront(std::size_t most_in_memory = std::size_t{32} << 20U) : most_in_memory_(most_in_memory) {}

    // Never stands in the way of what passes: what went wrong is told by pass().
    void keep(stream::Bytes piece);

    [[nodiscard]] std::uint64_t size() const { return size_; }

    // All that was kept, in order, as often as it is asked for; `to` is not finished. Fails where the file could not be
    // written or read, and as `to` does.
    Status pass(stream::Sink& to);

private:
    Status keep_in_file(stream::Bytes piece);

    std::size_t most_in_memory_;
    std::uint64_t size_ = 0;
    std::string memory_;
    os::Fd file_;
    Status kept_ = done();
};

}  // namespace lifeboat::drill
