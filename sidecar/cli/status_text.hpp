// Statuses for people.
#pragma once

#include "status_of.hpp"

#include <string>
#include <vector>

namespace lifeboat::cli {

// One instance, in lines of a name and a value; then what is wrong and what to do about it.
std::string status_text(const InstanceStatus& status, os::TimePoint now);

// Several, a line each; then the same below.
std::string status_table(const std::vector<InstanceStatus>& all, os::TimePoint now);

}  // namespace lifeboat::cli
