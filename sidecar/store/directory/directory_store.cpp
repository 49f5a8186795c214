#include "store/directory_store.hpp"

#include "directory/directory_upload.hpp"
#include "directory/folders.hpp"
#include "directory/io_error.hpp"
#include "directory/temporary_name.hpp"
#include "directory/walk.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace lifeboat::store {

namespace {

using directory::DirectoryUpload;
using directory::Folders;
using directory::io_error;

constexpr std::size_t read_size = std::size_t{128} * 1024;

class DirectoryStore final : public ObjectStore {
public:
    DirectoryStore(std::string root, const DirectoryOptions& options)
        : root_(std::move(root)), max_object_size_(options.max_object_size) {}

    [[nodiscard]] std::string location() const override;
    [[nodiscard]] std::uint64_t max_object_size() const override { return max_object_size_; }
    Result<std::unique_ptr<Upload>> begin(const ObjectKey& key) override {
        return DirectoryUpload::begin(root_, key, max_object_size_);
    }
    Status read(const ObjectKey& key, const std::string& version_id, stream::Sink& to) override;
    Status list(const std::string& prefix, const Visitor& visit) override;
    Result<std::vector<UnfinishedUpload>> unfinished(const std::string& prefix) override;
    Status discard(const UnfinishedUpload& upload) override;
    Status remove(const ObjectKey& key, const std::string& version_id) override;
    [[nodiscard]] bool lists_everything() const override { return true; }

private:
    Status remove_file(const ObjectKey& key, const std::string& file_name) const;

    struct OpenObject {
        os::Fd file;
        std::uint64_t size = 0;
    };

    [[nodiscard]] std::string path_of(const ObjectKey& key) const { return root_ + "/" + key.text(); }
    Error no_object(const ObjectKey& key) const;
    Result<OpenObject> open_object(const ObjectKey& key) const;

    std::string root_;  // absolute, without a slash at the end
    std::uint64_t max_object_size_;
};

std::string DirectoryStore::location() const {
    return "file://" + root_;
}

Error DirectoryStore::no_object(const ObjectKey& key) const {
    return {ErrorKind::not_found, "no object '" + key.text() + "' in " + location(),
            "list what is there, or check that this is the right store"};
}

Result<DirectoryStore::OpenObject> DirectoryStore::open_object(const ObjectKey& key) const {
    auto folders = Folders::find(root_, key);
    if (!folders) {
        return folders.error();
    }
    if (folders->empty()) {
        return no_object(key);
    }
    // Without O_NONBLOCK a named pipe of this name would hold us until someone writes into it.
    const std::string name(key.name());
    os::Fd file(::openat(folders->innermost(), name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (!file) {
        const bool absent = errno == ENOENT || errno == ELOOP || errno == ENXIO;
        return absent ? no_object(key) : io_error(errno, "cannot open", path_of(key));
    }
    struct stat status {};
    if (::fstat(file.get(), &status) != 0) {
        return io_error(errno, "cannot look at", path_of(key));
    }
    if (!S_ISREG(status.st_mode)) {
        return no_object(key);
    }
    return OpenObject{std::move(file), static_cast<std::uint64_t>(status.st_size)};
}

Status DirectoryStore::read(const ObjectKey& key, const std::string& /*version_id*/, stream::Sink& to) {
    auto object = open_object(key);
    if (!object) {
        return object.error();
    }
    (void)::posix_fadvise(object->file.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
    std::vector<std::byte> buffer(std::min<std::uint64_t>(read_size, object->size));
    for (std::uint64_t left = object->size; left > 0;) {
        const ssize_t got = ::read(object->file.get(), buffer.data(), std::min<std::uint64_t>(buffer.size(), left));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return io_error(errno, "cannot read", path_of(key));
        }
        if (got == 0) {
            return Error{ErrorKind::corrupt,
                         "'" + path_of(key) + "' ended after " + std::to_string(object->size - left) + " of " +
                             std::to_string(object->size) + " bytes: it was cut short while it was read",
                         "check what else writes into the store's folder, and verify this backup"};
        }
        const auto count = static_cast<std::size_t>(got);
        if (auto passed = to.write(stream::Bytes(buffer).first(count)); !passed) {
            return passed;
        }
        left -= count;
    }
    return done();
}

std::chrono::system_clock::time_point modified(const struct stat& status) {
    const auto since_epoch =
        std::chrono::seconds(status.st_mtim.tv_sec) + std::chrono::nanoseconds(status.st_mtim.tv_nsec);
    return std::chrono::system_clock::time_point(
        std::chrono::duration_cast<std::chrono::system_clock::duration>(since_epoch));
}

Status DirectoryStore::list(const std::string& prefix, const Visitor& visit) {
    const auto itself = [](std::string_view file_name) { return file_name; };
    return directory::walk(root_, prefix, itself, [&](const std::string& text, const auto&, const struct stat& status) {
        auto key = ObjectKey::parse(text);
        if (!key) {
            return done();  // a foreign file: none of ours has a name that is no key
        }
        return visit({*std::move(key), static_cast<std::uint64_t>(status.st_size), modified(status), {}});
    });
}

Result<std::vector<UnfinishedUpload>> DirectoryStore::unfinished(const std::string& prefix) {
    std::vector<UnfinishedUpload> uploads;
    const auto note = [&](const std::string& text, const std::string& file_name, const struct stat& status) {
        if (auto key = ObjectKey::parse(text); key) {
            uploads.push_back(
                {*std::move(key), static_cast<std::uint64_t>(status.st_size), modified(status), file_name});
        }
        return done();
    };
    auto walked = directory::walk(root_, prefix, directory::object_name_of, note);
    if (!walked) {
        return walked.error();
    }
    return uploads;
}

Status DirectoryStore::remove(const ObjectKey& key, const std::string& /*version_id*/) {
    return remove_file(key, std::string(key.name()));
}

Status DirectoryStore::discard(const UnfinishedUpload& upload) {
    if (directory::object_name_of(upload.id) != upload.key.name()) {
        return failed("'" + upload.id + "' is no unfinished file of '" + upload.key.text() + "'",
                      "discard only what unfinished() showed");
    }
    return remove_file(upload.key, upload.id);
}

Status DirectoryStore::remove_file(const ObjectKey& key, const std::string& file_name) const {
    auto folders = Folders::find(root_, key);
    if (!folders) {
        return folders.error();
    }
    if (folders->empty()) {
        return done();
    }
    if (::unlinkat(folders->innermost(), file_name.c_str(), 0) != 0) {
        const bool absent = errno == ENOENT || errno == EISDIR;
        return absent ? done() : Status(io_error(errno, "cannot remove", path_of(key)));
    }
    if (const int error = directory::sync_folder(folders->innermost()); error != 0) {
        return io_error(error, "cannot write out the removal of", path_of(key));
    }
    folders->remove_empty();
    return done();
}

// Without slashes at the end and doubled ones, so that <root>/<key> is a path as people write it.
std::string tidied(const std::string& path) {
    std::string result;
    for (const char c : path) {
        if (c != '/' || result.empty() || result.back() != '/') {
            result.push_back(c);
        }
    }
    while (result.size() > 1 && result.back() == '/') {
        result.pop_back();
    }
    return result;
}

}  // namespace

Result<std::unique_ptr<ObjectStore>> open_directory(const std::string& path, const DirectoryOptions& options) {
    const std::string root = tidied(path);
    if (!root.starts_with('/') || path.find('\0') != std::string::npos) {
        return Error{ErrorKind::usage, "the store's folder '" + root + "' is not an absolute path",
                     "write the whole path, from the first slash on"};
    }
    if (root == "/") {
        return Error{ErrorKind::usage, "the store's folder is '/', the root of the filesystem",
                     "name a folder of its own for the store"};
    }
    return std::unique_ptr<ObjectStore>(std::make_unique<DirectoryStore>(root, options));
}

}  // namespace lifeboat::store
