#include "report_file.hpp"

#include "os/errno_text.hpp"

#include <fcntl.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <span>
#include <utility>

namespace lifeboat::cli {
namespace {

Error cannot(const std::string& path, const std::string& why) {
    return {ErrorKind::usage,
            "cannot write the report to " + path + ": " + why,
            "name a file in a folder that is there",
            {}};
}

bool same_file(const std::string& one, const std::string& other) {
    std::error_code error;
    return std::filesystem::equivalent(one, other, error);
}

}  // namespace

Result<ReportFile> ReportFile::open(const std::string& path, const std::vector<std::string>& precious) {
    if (std::any_of(precious.begin(), precious.end(), [&](const auto& key) { return same_file(path, key); })) {
        return Error{ErrorKind::usage, "the report would take the place of a key: " + path, "name another file", {}};
    }
    std::error_code error;
    if (std::filesystem::is_directory(path, error)) {
        return cannot(path, os::errno_text(EISDIR));
    }
    std::string beside = path + ".XXXXXX";
    os::Fd file(::mkostemp(beside.data(), O_CLOEXEC));  // mode 0600
    if (!file) {
        return cannot(path, os::errno_text(errno));
    }
    return ReportFile(path, std::move(beside), std::move(file));
}

ReportFile::ReportFile(std::string path, std::string beside, os::Fd file)
    : path_(std::move(path)), beside_(std::move(beside)), file_(std::move(file)) {}

ReportFile::ReportFile(ReportFile&& other) noexcept
    : path_(std::move(other.path_)), beside_(std::exchange(other.beside_, {})), file_(std::move(other.file_)) {}

ReportFile::~ReportFile() {
    if (!beside_.empty()) {
        (void)::unlink(beside_.c_str());
    }
}

Status ReportFile::write(const std::string& text) {
    if (const int error = os::write_all(file_.get(), std::as_bytes(std::span(text))); error != 0) {
        return failed("cannot write the report to " + path_ + ": " + os::errno_text(error));
    }
    if (std::rename(beside_.c_str(), path_.c_str()) != 0) {
        return failed("cannot write the report to " + path_ + ": " + os::errno_text(errno));
    }
    beside_.clear();
    return done();
}

}  // namespace lifeboat::cli
