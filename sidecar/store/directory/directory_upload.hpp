// One object on its way into a folder.
#pragma once

#include "directory/folders.hpp"
#include "os/fd.hpp"
#include "store/object_store.hpp"
#include "stream/sha256.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace lifeboat::store::directory {

class DirectoryUpload final : public Upload {
public:
    // Makes the folders and the temporary file. `root` is the store's absolute path.
    static Result<std::unique_ptr<Upload>> begin(const std::string& root, const ObjectKey& key, std::uint64_t max_size);

    DirectoryUpload(const DirectoryUpload&) = delete;
    DirectoryUpload& operator=(const DirectoryUpload&) = delete;
    ~DirectoryUpload() override { discard(); }

    Status write(stream::Bytes chunk) override;
    Result<StoredObject> commit() override;

private:
    struct Target {
        std::string root;
        ObjectKey key;
        std::uint64_t max_size = 0;
    };

    DirectoryUpload(Target target, Folders folders, os::Fd file, std::string temporary);

    [[nodiscard]] std::string path() const { return target_.root + "/" + target_.key.text(); }

    Status accept(stream::Bytes chunk);
    Status flush();
    Status write_out(stream::Bytes bytes);
    void start_writeback() noexcept;
    Status make_durable();
    Status publish();
    Error cannot_publish(int number) const;
    void discard() noexcept;

    Target target_;
    Folders folders_;        // outlives the file in it: what was made and stays empty goes last
    os::Fd file_;            // open as long as more may come
    std::string temporary_;  // the file's name in its folder; empty when there is none to remove
    std::vector<std::byte> buffer_;
    stream::Sha256 sha256_;
    std::uint64_t accepted_ = 0;
    std::uint64_t written_ = 0;
    std::uint64_t handed_to_disk_ = 0;
};

}  // namespace lifeboat::store::directory
