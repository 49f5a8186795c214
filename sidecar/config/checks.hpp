// What only shows when values are seen together, or against the machine.
#pragma once

#include <string>
#include <vector>

#include "config/load.hpp"

namespace lifeboat::config {

struct Finding {
    std::string key;  // the one to correct
    std::string what;
    std::string next;
};

// `zoneinfo`: the folder of the time zone database, which need not exist.
std::vector<Finding> check_together(const Settings& settings, const Needs& needs,
                                    const std::filesystem::path& zoneinfo);

}  // namespace lifeboat::config
