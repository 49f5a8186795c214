// A report in a file of the user's choice.
#pragma once

#include "os/fd.hpp"
#include "result/result.hpp"

#include <string>
#include <vector>

namespace lifeboat::cli {

// Written beside its place and put there as a whole: until then, and if it is never written, the file that stands there
// keeps what it holds. For the owner alone. One thread.
class ReportFile {
public:
    // ErrorKind::usage where nothing can be written there, or where `path` is one of `precious`: key files.
    static Result<ReportFile> open(const std::string& path, const std::vector<std::string>& precious);

    ReportFile(ReportFile&& other) noexcept;
    ReportFile& operator=(ReportFile&&) = delete;
    ~ReportFile();

    // Once.
    Status write(const std::string& text);

private:
    ReportFile(std::string path, std::string beside, os::Fd file);

    std::string path_;
    std::string beside_;  // empty once it has its place
    os::Fd file_;
};

}  // namespace lifeboat::cli
