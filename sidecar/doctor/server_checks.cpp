#include "doctor/server_checks.hpp"

#include "archive/sql_text.hpp"
#include "doctor/widest_row.hpp"
#include "postgres/client_program.hpp"
#include "postgres/inspection.hpp"
#include "postgres/server_facts.hpp"
#include "postgres/server_lock.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <set>

namespace lifeboat::doctor {
namespace {

using postgres::Connection;

std::string in_units(std::uint64_t bytes) {
    constexpr std::array units{"B", "KiB", "MiB", "GiB", "TiB"};
    auto amount = static_cast<double>(bytes);
    std::size_t unit = 0;
    for (; amount >= 1024 && unit + 1 < units.size(); ++unit) {
        amount /= 1024;
    }
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f %s" : "%.1f %s", amount, units.at(unit));
    return text.data();
}

class ServerExamination {
public:
    ServerExamination(const ServerQuestions& questions, const std::stop_token& stop)
        : questions_(questions), stop_(stop) {}

    Findings run() {
        auto connection = Connection::open(questions_.server, std::nullopt, stop_);
        if (!connection) {
            tell_unreached(connection.error());
            return std::move(findings_);
        }
        look_at_server(*connection);
        return std::move(findings_);
    }

private:
    void add(Finding finding) { findings_.push_back(std::move(finding)); }

    void tell_unreached(const Error& error);
    void look_at_server(Connection& connection);
    void look_at_role(const postgres::ServerFacts& facts, const std::string& user);
    void look_at_programs(int major);
    void look_at_globals(Connection& connection);
    void look_at_databases(Connection& connection, bool in_recovery);
    std::vector<std::string> choose(const std::vector<std::string>& found);
    void look_at_database(const std::string& name, bool in_recovery);
    void tell(const std::string& name, const std::string& role, const postgres::Inspection& inspection);
    void tell_omissions(const std::string& where, const std::vector<postgres::Omission>& omissions);
    void look_at_power(Connection& connection);
    void look_at_rows(const std::string& name);
    void tell_row(const std::string& check, std::uint64_t row);

    const ServerQuestions& questions_;
    const std::stop_token& stop_;
    Findings findings_;
    std::uint64_t table_bytes_ = 0;
    std::set<std::string> unreadable_;
};

void ServerExamination::tell_unreached(const Error& error) {
    if (error.kind == ErrorKind::interrupted) {
        add(failed("server", "the server did not answer in time",
                   "check that it runs, that host and port of postgres.uri are right, and that nothing between drops "
                   "the packets"));
    } else {
        add(failed("server", error));
    }
    add(unknown("databases", "the server was not reached"));
}

void ServerExamination::look_at_server(Connection& connection) {
    if (auto direct = postgres::refuse_pooler(connection); !direct) {
        add(failed("server", direct.error()));
        return;
    }
    auto facts = postgres::read_server_facts(connection);
    if (!facts) {
        add(failed("server", facts.error()));
        return;
    }
    add(passed("server", "PostgreSQL " + facts->version + " at " + connection.where() + ", as " + connection.user()));
    look_at_role(*facts, connection.user());
    look_at_power(connection);
    look_at_programs(connection.major());
    look_at_globals(connection);
    look_at_databases(connection, facts->in_recovery);
}

void ServerExamination::look_at_role(const postgres::ServerFacts& facts, const std::string& user) {
    if (facts.in_recovery && !questions_.any_role) {
        add(passed("turn",
                   "it is a standby, and postgres.role is \"primary\": the sidecar of its primary makes the backups"));
    } else {
        add(passed("turn", facts.in_recovery ? "it is a standby, which is dumped as postgres.role is \"any\""
                                             : "it is a primary: its backups are made here"));
    }
    if (facts.system_identifier.empty()) {
        add(unknown(
            "identity", "the role may not read which server this is, so that a re-created one goes unnoticed",
            "as a superuser run: GRANT EXECUTE ON FUNCTION pg_control_system() TO " + archive::quote_identifier(user)));
    }
}

void ServerExamination::look_at_power(Connection& connection) {
    auto superuser = connection.value("SELECT rolsuper FROM pg_roles WHERE rolname = current_user");
    if (!superuser) {
        add(failed("role", superuser.error()));
    } else if (*superuser == "t") {
        add(warned("role",
                   connection.user() + " is a superuser: whoever has its password owns the server, and may run "
                                       "programs on its machine",
                   "make a role that only reads: docs/backup-role.md"));
    } else {
        add(passed("role", connection.user() + " is no superuser"));
    }
}

void ServerExamination::look_at_programs(int major) {
    auto programs = postgres::find_client_programs(questions_.bin_dir, major);
    if (!programs) {
        add(failed("pg_dump", programs.error()));
    } else if (programs->outdated()) {
        add(warned("pg_dump", "version " + programs->version + " fits, and is older than the fix of CVE-2026-116314",
                   "take an image with newer PostgreSQL clients"));
    } else {
        add(passed("pg_dump", "version " + programs->version + " fits the server"));
    }
}

void ServerExamination::look_at_globals(Connection& connection) {
    if (auto readable = postgres::check_globals_readable(connection); !readable) {
        add(failed("globals", readable.error()));
    } else {
        add(passed("globals", "roles and their passwords can be read"));
    }
}

void ServerExamination::look_at_databases(Connection& connection, bool in_recovery) {
    auto found = postgres::list_databases(connection);
    if (!found) {
        add(failed("databases", found.error()));
        return;
    }
    const auto chosen = choose(*found);
    for (const auto& name : chosen) {
        look_at_database(name, in_recovery);
    }
    if (!chosen.empty()) {
        add(passed("databases", std::to_string(chosen.size()) + " of " + std::to_string(found->size()) +
                                    " are dumped; their tables take " + in_units(table_bytes_)));
    }
    if (auto omissions = postgres::server_omissions(connection)) {
        tell_omissions("the server", *omissions);
    }
    for (const auto& name : chosen) {
        if (unreadable_.count(name) == 0) {
            look_at_rows(name);  // last: it may take long
        } else {
            add(unknown("widest row " + name, "not all of its tables can be read"));
        }
    }
}

std::vector<std::string> ServerExamination::choose(const std::vector<std::string>& found) {
    auto selection = postgres::select_databases(found, questions_.databases, questions_.exclude);
    for (const auto& name : selection.missing) {
        add(failed("database " + name, "the server has no such database",
                   "create it, or take it out of postgres.databases"));
    }
    if (selection.chosen.empty()) {
        add(failed("databases", "none of the server's " + std::to_string(found.size()) + " databases is chosen",
                   "correct postgres.databases and postgres.exclude"));
    }
    return std::move(selection.chosen);
}

void ServerExamination::look_at_database(const std::string& name, bool in_recovery) {
    const std::string check = "database " + name;
    auto inside = Connection::open(questions_.server, name, stop_);
    if (!inside) {
        add(failed(check, inside.error()));
        return;
    }
    auto inspection = postgres::inspect_database(*inside, in_recovery, questions_.exclude_table_data);
    if (!inspection) {
        add(failed(check, inspection.error()));
        return;
    }
    tell(name, inside->user(), *inspection);
}

void ServerExamination::tell(const std::string& name, const std::string& role, const postgres::Inspection& inspection) {
    const std::string check = "database " + name;
    table_bytes_ += inspection.table_bytes;
    if (inspection.gaps.empty()) {
        add(passed(check, "everything in it can be read, also past row security; its tables take " +
                              in_units(inspection.table_bytes)));
    } else {
        unreadable_.insert(name);
        add(failed(check, postgres::gaps_error(inspection.gaps, role)));
    }
    if (const auto warning = inspection.locks.warning()) {
        const std::string next = "; next: ";
        const auto at = warning->find(next);
        add(warned(check, warning->substr(0, at),
                   at == std::string::npos ? "raise max_locks_per_transaction" : warning->substr(at + next.size())));
    }
    tell_omissions(name, inspection.omissions);
}

void ServerExamination::tell_omissions(const std::string& where, const std::vector<postgres::Omission>& omissions) {
    for (const auto& omission : omissions) {
        std::string kind = omission.kind;
        std::replace(kind.begin(), kind.end(), '_', ' ');
        std::string text = where + ", ";
        text += kind + " (" + std::to_string(omission.count) + "): " + omission.text;
        add(passed("not in a dump", std::move(text)));
    }
}

void ServerExamination::look_at_rows(const std::string& name) {
    const std::string check = "widest row " + name;
    auto inside = Connection::open(questions_.server, name, stop_);
    if (!inside) {
        return;  // told already
    }
    const bool bounded = inside->execute("SET statement_timeout = '1s'").ok();
    auto seen = bounded ? widest_row_seen(*inside) : Result<std::optional<std::uint64_t>>(lifeboat::failed(""));
    if (!seen) {
        add(unknown(check, "how wide the rows are could not be seen within a second",
                    "look at a backup's log: it tells when pg_dump runs out of memory"));
    } else if (!seen->has_value()) {
        add(passed(check, "no row is wider than a page of the server"));
    } else {
        tell_row(check, **seen);
    }
}

void ServerExamination::tell_row(const std::string& check, std::uint64_t row) {
    const auto needed = memory_for_row(row);
    const std::string text = in_units(row) + " in a sample, for which pg_dump needs " + in_units(needed);
    if (!questions_.dump_memory) {
        add(passed(check, text + "; no limit of memory is set here"));
        return;
    }
    const std::string limit = "; it may use " + in_units(*questions_.dump_memory);
    const std::string cure = "raise the container's limit of memory, and postgres.dump_memory where it is set";
    if (needed > *questions_.dump_memory) {
        add(failed(check, text + limit, cure));
    } else if (needed > *questions_.dump_memory / 2) {
        add(warned(check, text + limit, cure));
    } else {
        add(passed(check, text + limit));
    }
}

}  // namespace

Findings check_server(const ServerQuestions& questions, const std::stop_token& stop) {
    return ServerExamination(questions, stop).run();
}

}  // namespace lifeboat::doctor
