// What a server says of itself, and which databases it has.
#pragma once

#include "postgres/connection.hpp"

#include <cstdint>
#include <map>

namespace lifeboat::postgres {

struct ServerFacts {
    int version_num = 0;            // 150020
    std::string version;            // "15.20 (Debian 15.20-0+deb12u1)"
    std::string system_identifier;  // of the cluster's data, decimal; empty where the role may not read it
    std::optional<std::int64_t> timeline;
    bool in_recovery = false;  // a standby
};

Result<ServerFacts> read_server_facts(Connection& connection);

// Every database that can be dumped: allows connections, is no template, is not half dropped. By name, in
// byte order.
Result<std::vector<std::string>> list_databases(Connection& connection);

// All of the server's, by name. Unlike the name, the id tells a database that was dropped from one that was renamed, or
// that takes no connections any more. One whose drop was begun is gone.
Result<std::map<std::string, std::string>> ids_of_databases(Connection& connection);
Result<bool> is_gone(Connection& connection, const std::string& database_id);

struct Selection {
    std::vector<std::string> chosen;   // found and wanted, in the order of `found`
    std::vector<std::string> missing;  // asked for by a plain name, and not there
};

// `wanted` and `excluded` are names or patterns in which * stands for any text, also an empty one.
Selection select_databases(const std::vector<std::string>& found, const std::vector<std::string>& wanted,
                           const std::vector<std::string>& excluded);

}  // namespace lifeboat::postgres
