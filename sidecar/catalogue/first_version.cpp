#include "catalogue/catalogue.hpp"

#include <algorithm>
#include <iterator>

namespace lifeboat::catalogue {

Result<bool> is_what_counts(store::ObjectStore& store, const store::StoredObject& stored, const std::string& json) {
    std::vector<store::ObjectInfo> versions;
    auto listed = store.list(stored.key.text(), [&](const store::ObjectInfo& info) {
        if (info.key == stored.key && !info.hide_marker) {
            versions.push_back(info);
        }
        return done();
    });
    if (!listed) {
        return std::move(listed).error();
    }
    if (versions.size() < 2 || versions.front().version_id == stored.version_id) {
        return true;
    }
    const auto& oldest = versions.front();
    if (oldest.size != stored.size) {
        return false;
    }
    auto text = store::get(store, oldest.key, oldest.version_id, largest_manifest);
    if (!text && (text.error().kind == ErrorKind::temporary || text.error().kind == ErrorKind::interrupted)) {
        return std::move(text).error();
    }
    return text && *text == json;
}

}  // namespace lifeboat::catalogue
