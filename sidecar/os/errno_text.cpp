#include "os/errno_text.hpp"

#include <system_error>

namespace lifeboat::os {

std::string errno_text(int error) {
    return std::generic_category().message(error);
}

}  // namespace lifeboat::os
