// The server side of the doctor: can this role dump these databases, with these programs, within this memory?
#pragma once

#include "doctor/finding.hpp"
#include "postgres/connection.hpp"

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace lifeboat::doctor {

struct ServerQuestions {
    postgres::Server server;
    std::vector<std::string> databases = {"*"};
    std::vector<std::string> exclude = {};
    std::vector<std::string> exclude_table_data = {};
    bool any_role = false;  // `postgres.role` is "any"
    std::string bin_dir;
    std::optional<std::uint64_t> dump_memory = {};  // what pg_dump may use, in bytes; empty: no limit is known
};

// One connection at a time, and nothing is changed. Once `stop` is asked for, what was not looked at is unknown.
Findings check_server(const ServerQuestions& questions, const std::stop_token& stop);

}  // namespace lifeboat::doctor
