#pragma once

#include "os/fd.hpp"
#include "restore/incoming_stream.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace lifeboat::restore {

// A plain archive in a file that has no name: several pg_restore jobs need to seek in it, and a kill must leave
// no plain text behind. Below TMPDIR, else /tmp, else /var/tmp.
class ArchiveFile final : public stream::Sink {
public:
    static Result<std::unique_ptr<ArchiveFile>> create();

    // An error where so many bytes would not fit.
    Status check_room(std::uint64_t bytes) const;

    Status write(stream::Bytes chunk) override;
    Status finish() override { return done(); }

    [[nodiscard]] int fd() const noexcept { return file_.get(); }

private:
    ArchiveFile(os::Fd file, std::string folder) : file_(std::move(file)), folder_(std::move(folder)) {}
    os::Fd file_;
    std::string folder_;
};

}  // namespace lifeboat::restore
