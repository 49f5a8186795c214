// Goes through a store's folder in the order of its keys.
#pragma once

#include "result/result.hpp"

#include <sys/stat.h>

#include <functional>
#include <string>
#include <string_view>

namespace lifeboat::store::directory {

// What a file's name means in this walk: the object's name, or empty to pass over the file.
using Naming = std::string_view (*)(std::string_view file_name);

// `key` is the text of the object's key, not yet parsed; `file_name` is what the file is called in its folder.
using FileVisitor =
    std::function<Status(const std::string& key, const std::string& file_name, const struct stat& status)>;

// Calls `visit` for every plain file below `root` that has a name by `naming` and whose key begins with
// `prefix`: in ascending byte order of keys where a file's name is its object's. Holds the names of one folder
// per level in memory. What vanishes under way is passed over; a folder that cannot be read is an error.
Status walk(const std::string& root, const std::string& prefix, Naming naming, const FileVisitor& visit);

}  // namespace lifeboat::store::directory
