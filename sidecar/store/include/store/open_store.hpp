// From the setting `store.url` to a store.
#pragma once

#include "result/result.hpp"
#include "store/object_store.hpp"

#include <memory>
#include <string>

namespace lifeboat::store {

// "file:///var/lib/lifeboat": a folder, see directory_store.hpp. The path is absolute and taken as it is written:
// nothing is percent-decoded.
//
// ErrorKind::usage for any other URL. Nothing is touched or connected to: a store that cannot be reached
// shows at its first use. Error texts name the URL's scheme or path, never a user or password in it.
Result<std::unique_ptr<ObjectStore>> open_store(const std::string& url);

}  // namespace lifeboat::store
