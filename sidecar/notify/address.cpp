#include "address.hpp"

#include <algorithm>

namespace lifeboat::notify {

std::string with_leaf(std::string_view address, std::string_view leaf) {
    address = address.substr(0, address.find('#'));
    const auto query_at = std::min(address.find('?'), address.size());
    std::string whole(address.substr(0, query_at));
    if (!leaf.empty()) {
        if (!whole.ends_with('/')) {
            whole += '/';
        }
        whole += leaf;
    }
    return whole.append(address.substr(query_at));
}

}  // namespace lifeboat::notify
