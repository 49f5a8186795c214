// The folders between the store's root and an object. Every step is one name, taken without following links,
// so no link below the root leads out of the store.
#pragma once

#include "os/fd.hpp"
#include "result/result.hpp"
#include "store/object_key.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace lifeboat::store::directory {

// A descriptor, or the errno that stood in the way.
struct Opened {
    os::Fd fd;
    int error = 0;
};

Opened open_folder_at(int parent, const std::string& name);

// ErrorKind::not_found when it is missing, usage when it is something other than a folder.
Result<os::Fd> open_root(const std::string& root);

// Writes a folder's entries out to the disk. errno, or 0.
int sync_folder(int folder) noexcept;

// An object's folder and all folders above it, open. Folders that were made on the way and are empty when
// this goes are removed again.
class Folders {
public:
    Folders() = default;
    Folders(Folders&&) noexcept = default;
    Folders& operator=(Folders&&) = delete;
    Folders(const Folders&) = delete;
    Folders& operator=(const Folders&) = delete;
    ~Folders();

    // Opens the folders of `key`, and makes those that are missing. Empty when someone removed a folder
    // between our finding it and our opening it: try again.
    static Result<Folders> make(const std::string& root, const ObjectKey& key);

    // Opens the folders of `key`. not_found when the root is missing; when one of the others is, the result
    // is empty: there can be no such object.
    static Result<Folders> find(const std::string& root, const ObjectKey& key);

    [[nodiscard]] bool empty() const noexcept { return levels_.empty(); }

    // The folder that holds the object.
    [[nodiscard]] int innermost() const noexcept { return levels_.back().folder.get(); }

    // Writes out every folder's entries, up to the root: a folder that another writer made, and could not
    // write out before it was killed, must not take our object with it. errno, or 0.
    [[nodiscard]] int sync() const noexcept;

    // Removes the folders that are empty, from the inside out, but never the root.
    void remove_empty() noexcept;

private:
    struct Level {
        os::Fd folder;
        std::string name;  // in the level before; empty for the root
        bool made = false;
    };

    Result<bool> make_root(const std::string& root);
    Result<bool> descend(const std::string& root, const std::string& part);

    std::vector<Level> levels_;            // the root first
    std::vector<std::string> made_roots_;  // the root and those of its parents that were made, outermost first
};

}  // namespace lifeboat::store::directory
