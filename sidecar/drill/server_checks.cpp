#include "server_checks.hpp"

#include "archive/sql_text.hpp"
#include "postgres/inspection.hpp"
#include "result/in_quotes.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

namespace lifeboat::drill {
namespace {

constexpr std::string_view cron = "pg_cron";

// Extensions that can be made, or whose tables can be loaded, only where their library was there from the server's
// start, by their own manuals.
constexpr std::array<std::string_view, 9> preloaded = {
    "timescaledb", cron, "citus", "pgaudit", "pglogical", "pg_net", "pgsodium", "pg_squeeze", "pg_failover_slots"};

std::set<std::string> extensions_of(const catalogue::Manifest& manifest) {
    std::set<std::string> names;
    for (const auto& database : manifest.databases) {
        for (const auto& extension : database.needs.extensions) {
            names.insert(extension.name);
        }
    }
    return names;
}

std::uint64_t most_tables(const catalogue::Manifest& manifest) {
    std::uint64_t tables = 0;
    for (const auto& database : manifest.databases) {
        tables = std::max(tables, database.contents ? database.contents->tables : 0);
    }
    return tables;
}

}  // namespace

std::vector<std::pair<std::string, std::string>> settings_for(const catalogue::Manifest& manifest) {
    std::vector<std::pair<std::string, std::string>> settings;
    std::string libraries;
    for (const auto& name : extensions_of(manifest)) {
        if (std::find(preloaded.begin(), preloaded.end(), name) != preloaded.end()) {
            libraries += (libraries.empty() ? "" : ",") + name;
        }
    }
    if (!libraries.empty()) {
        settings.emplace_back("shared_preload_libraries", libraries);
    }
    // Its process would be connected to the database of that name, "postgres" if none is given, and keep others from
    // dropping it.
    if (extensions_of(manifest).count(std::string(cron)) != 0) {
        settings.emplace_back("cron.database_name", "lifeboat-none");
    }
    // A dump locks every table at once. The server has this many for each of its 20 connections.
    const auto tables = most_tables(manifest);
    constexpr std::uint64_t at_least = 256;
    constexpr std::uint64_t share = 8;  // of 20, as indexes and sequences are locked now and then, too
    settings.emplace_back("max_locks_per_transaction", std::to_string(std::max(at_least, tables / share)));
    return settings;
}

Result<std::vector<std::string>> extensions_that_do_not_start(postgres::Connection& connection,
                                                              const catalogue::Manifest& manifest) {
    std::vector<std::string> lacks;
    for (const auto& name : extensions_of(manifest)) {
        auto there = connection.value(
            "SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = $1 AND installed_version IS NULL)",
            {name});
        if (!there) {
            return std::move(there).error();
        }
        if (*there != "t" || name == cron) {  // which can be made in the database of one name only
            continue;
        }
        if (auto begun = connection.execute("BEGIN"); !begun) {
            return std::move(begun).error();
        }
        // In a schema of its own: the session's path leads to pg_catalog alone, where nothing may be made.
        auto made = connection.execute(
            "CREATE SCHEMA lifeboat_probe; SET LOCAL search_path = lifeboat_probe; "
            "CREATE EXTENSION " +
            archive::quote_identifier(name) + " CASCADE");
        if (auto undone = connection.execute("ROLLBACK"); !undone) {
            return std::move(undone).error();
        }
        if (!made) {
            lacks.push_back("extension " + in_quotes(name) +
                            ", which is installed and cannot be made: " + whole_text(made.error()) +
                            ": where it wants a preloaded library, give a server that has it in "
                            "shared_preload_libraries, with --to");
        }
    }
    return lacks;
}

Result<std::vector<std::string>> locks_that_are_missing(postgres::Connection& connection,
                                                        const catalogue::Manifest& manifest) {
    auto promised = postgres::promised_locks(connection);
    if (!promised) {
        return std::move(promised).error();
    }
    const auto tables = most_tables(manifest);
    constexpr std::uint64_t to_spare = 3;  // no server has so many times what it promises
    std::vector<std::string> lacks;
    if (tables > promised->slots * to_spare) {
        constexpr std::uint64_t room_for_others = 64;
        lacks.push_back("locks: a dump of the largest database locks " + std::to_string(tables) +
                        " tables at once, and there is room for " + std::to_string(promised->slots) +
                        ": set max_locks_per_transaction to " +
                        std::to_string(tables / std::max<std::uint64_t>(promised->sessions, 1) + room_for_others) +
                        " and restart it");
    }
    return lacks;
}

}  // namespace lifeboat::drill
