// Roles, their memberships and tablespaces: compared statement by statement.
#pragma once

#include "drill/report.hpp"
#include "postgres/globals_script.hpp"

#include <set>
#include <string>
#include <vector>

namespace lifeboat::drill {

struct GlobalsOptions {
    std::set<std::string> passed_over = {};  // roles and tablespaces that were there before, and the drill's own
    bool same_major = true;                  // else memberships are compared without their options: later ones say more
    std::set<std::string> without_settings = {};  // roles whose settings are not compared
};

// Sentences name roles and never a password or a setting.
std::vector<Finding> globals_differences(const std::vector<postgres::GlobalStatement>& stored,
                                         const std::vector<postgres::GlobalStatement>& restored,
                                         const GlobalsOptions& options);

// The superuser that initdb made on the server of this script, as far as the script tells. From PostgreSQL 16 on, what
// any superuser grants counts as granted by that one; else its usual name is all that there is to go by.
std::string first_superuser(const std::vector<postgres::GlobalStatement>& stored, int major);

// The owner that a CREATE TABLESPACE names; empty where it names none.
std::string owner_of_tablespace(const postgres::GlobalStatement& create);

}  // namespace lifeboat::drill
