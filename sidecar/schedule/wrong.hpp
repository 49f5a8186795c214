// The error that every parser here gives.
#pragma once

#include "result/result.hpp"

#include <string>
#include <utility>

namespace lifeboat::schedule {

inline Error wrong(std::string what, std::string next) {
    return {ErrorKind::usage, std::move(what), std::move(next)};
}

}  // namespace lifeboat::schedule
