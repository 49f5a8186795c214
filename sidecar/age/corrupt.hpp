// What every refusal of a damaged age file advises.
#pragma once

#include "result/result.hpp"

#include <string>
#include <utility>

namespace lifeboat::age {

inline Error corrupt(std::string what) {
    return {ErrorKind::corrupt, std::move(what),
            "read the file again from where it is stored; if the error stays, use another copy"};
}

}  // namespace lifeboat::age
