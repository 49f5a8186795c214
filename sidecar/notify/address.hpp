// Web addresses as far as a ping needs to know them.
#pragma once

#include <string>
#include <string_view>

namespace lifeboat::notify {

// The address with `leaf` as a further part of its path, before the query: ".../5bf6?create=1" and "start" become
// ".../5bf6/start?create=1". Without a leaf the address as it is, less the fragment, which is no server's business.
std::string with_leaf(std::string_view address, std::string_view leaf);

}  // namespace lifeboat::notify
