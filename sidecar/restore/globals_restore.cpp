#include "globals_restore.hpp"

#include "archive/sql_text.hpp"
#include "database_restore.hpp"
#include "target.hpp"

#include <algorithm>

namespace lifeboat::restore {
namespace {

using postgres::GlobalKind;
using postgres::GlobalStatement;

struct Existing {
    std::set<std::string> roles;
    std::set<std::string> tablespaces;
    std::set<std::string> to_keep;  // roles that no statement may change
};

// Whether the statement would change something that was there before.
bool concerns_existing(const GlobalStatement& statement, const Existing& existing) {
    switch (statement.kind) {
        case GlobalKind::create_role: return existing.roles.count(statement.subject) != 0;
        case GlobalKind::alter_role_attributes:
        case GlobalKind::alter_role_settings:
        case GlobalKind::alter_role_in_database:
        case GlobalKind::comment_role:
        case GlobalKind::security_label: return existing.to_keep.count(statement.subject) != 0;
        case GlobalKind::grant_membership: return existing.to_keep.count(statement.grantee) != 0;
        case GlobalKind::create_tablespace:
        case GlobalKind::alter_tablespace:
        case GlobalKind::grant_tablespace:
        case GlobalKind::comment_tablespace: return existing.tablespaces.count(statement.subject) != 0;
        case GlobalKind::grant_parameter: return existing.to_keep.count(statement.grantee) != 0;
        case GlobalKind::session_setting:
        case GlobalKind::other: return false;
    }
    return false;
}

// The script's own settings for its session are ours already. Statements of a kind that pg_dumpall does not
// write are not run (a role's name could have smuggled them in: see globals_script.hpp).
bool to_run(const GlobalStatement& statement) {
    return statement.kind != GlobalKind::session_setting && statement.kind != GlobalKind::other;
}

// On this server a grantor may not exist, or may not have the right to grant.
Status run_in_transaction(postgres::Connection& connection, const GlobalStatement& statement) {
    const Secret plain = postgres::without_grantor(statement);
    if (plain.reveal() == statement.text.reveal()) {
        return connection.execute(std::string(statement.text.reveal()));
    }
    if (auto saved = connection.execute("SAVEPOINT with_grantor"); !saved) {
        return saved;
    }
    auto ran = connection.execute(std::string(statement.text.reveal()));
    if (ran || ran.error().kind != ErrorKind::failed) {
        return ran;
    }
    auto back = connection.execute("ROLLBACK TO SAVEPOINT with_grantor");
    return back ? connection.execute(std::string(plain.reveal())) : back;
}

bool is_setting(const GlobalStatement& statement) {
    return statement.kind == GlobalKind::alter_role_settings || statement.kind == GlobalKind::alter_role_in_database;
}

// One that this server does not know, or not with this value, is no reason to bring back no role at all.
Status run_setting(postgres::Connection& connection, const GlobalStatement& statement, RestoreObserver& observer) {
    auto ran = connection.execute("SAVEPOINT before_setting");
    ran = ran ? connection.execute(std::string(statement.text.reveal())) : ran;
    if (ran || ran.error().kind != ErrorKind::failed) {
        return ran;
    }
    observer.noted("a setting of role '" + statement.subject + "' was left out: " + whole_text(ran.error()));
    return connection.execute("ROLLBACK TO SAVEPOINT before_setting");
}

// CREATE TABLESPACE takes no part in a transaction.
bool about_tablespaces(const GlobalStatement& statement) {
    switch (statement.kind) {
        case GlobalKind::create_tablespace:
        case GlobalKind::alter_tablespace:
        case GlobalKind::grant_tablespace:
        case GlobalKind::comment_tablespace: return true;
        default: return false;
    }
}

Status run_roles(postgres::Connection& connection, const std::vector<const GlobalStatement*>& statements,
                 RestoreObserver& observer) {
    for (const auto* statement : statements) {
        if (about_tablespaces(*statement)) {
            continue;
        }
        auto ran = is_setting(*statement) ? run_setting(connection, *statement, observer)
                                          : run_in_transaction(connection, *statement);
        if (!ran) {
            return in_context(postgres::describe(*statement), std::move(ran).error());
        }
    }
    return done();
}

// All or none: a role that is there counts as someone's own at the next try, and would be left without its password,
// its attributes and its memberships.
Status restore_roles(postgres::Connection& connection, const std::vector<const GlobalStatement*>& statements,
                     RestoreObserver& observer) {
    if (auto begun = connection.execute("BEGIN"); !begun) {
        return begun;
    }
    if (auto ran = run_roles(connection, statements, observer); !ran) {
        (void)connection.execute("ROLLBACK");  // the end of the connection would do it, too
        return in_context("no role was made or changed", std::move(ran).error());
    }
    auto committed = connection.execute("COMMIT");
    return committed ? done() : Status(in_context("roles", std::move(committed).error()));
}

// A tablespace that is there is left as it is, so it must not get its name before all else of it. CREATE TABLESPACE
// takes no part in a transaction: it is made under a passing name, which whoever is killed leaves behind, empty.
Status create_tablespace(postgres::Connection& connection, const GlobalStatement& create,
                         const std::vector<const GlobalStatement*>& statements) {
    const std::string passing = passing_name("tablespace " + create.subject);
    const std::string quoted = archive::quote_identifier(passing);
    std::vector<std::string> steps = {
        "DROP TABLESPACE IF EXISTS " + quoted, std::string(postgres::with_name(create, passing).reveal()), "BEGIN",
        "ALTER TABLESPACE " + quoted + " RENAME TO " + archive::quote_identifier(create.subject)};
    for (const auto* statement : statements) {
        if (about_tablespaces(*statement) && statement != &create && statement->subject == create.subject) {
            steps.emplace_back(statement->text.reveal());
        }
    }
    steps.emplace_back("COMMIT");
    for (const auto& step : steps) {
        if (auto ran = connection.execute(step); !ran) {
            (void)connection.execute("ROLLBACK");
            (void)connection.execute("DROP TABLESPACE IF EXISTS " + quoted);
            return ran;
        }
    }
    return done();
}

Status restore_tablespaces(postgres::Connection& connection, const std::vector<const GlobalStatement*>& statements) {
    for (const auto* statement : statements) {
        if (statement->kind != GlobalKind::create_tablespace) {
            continue;
        }
        if (auto made = create_tablespace(connection, *statement, statements); !made) {
            return in_context(
                "the roles are there, and so are the tablespaces before this one: " + postgres::describe(*statement),
                std::move(made).error());
        }
    }
    return done();
}

// What is to be run; tells of what is passed over.
Result<std::vector<const GlobalStatement*>> choose(postgres::Connection& connection,
                                                   const std::vector<GlobalStatement>& statements, bool alter_roles,
                                                   RestoreObserver& observer) {
    auto roles = names_of_roles(connection);
    auto tablespaces = names_of_tablespaces(connection);
    if (!roles || !tablespaces) {
        return !roles ? std::move(roles).error() : std::move(tablespaces).error();
    }
    auto to_keep = alter_roles ? std::set<std::string>{connection.user()} : *roles;
    const Existing existing{std::move(*roles), std::move(*tablespaces), std::move(to_keep)};
    std::vector<const GlobalStatement*> chosen;
    for (const auto& statement : statements) {
        if (statement.kind == GlobalKind::other) {
            observer.noted("line " + std::to_string(statement.line) +
                           " of the globals is not of a known kind, and was not run");
            continue;
        }
        if (!to_run(statement)) {
            continue;
        }
        if (concerns_existing(statement, existing)) {
            if (statement.kind == GlobalKind::create_role && existing.to_keep.count(statement.subject) != 0) {
                observer.noted("role '" + statement.subject + "' exists already and was left as it is");
            }
            if (statement.kind == GlobalKind::create_tablespace) {
                observer.noted("tablespace '" + statement.subject + "' exists already and was left as it is");
            }
            continue;
        }
        chosen.push_back(&statement);
    }
    return chosen;
}

}  // namespace

Status try_roles(postgres::Connection& connection, const std::vector<GlobalStatement>& statements, bool alter_roles,
                 RestoreObserver& observer) {
    auto chosen = choose(connection, statements, alter_roles, observer);
    return chosen ? run_roles(connection, *chosen, observer) : Status(std::move(chosen).error());
}

Status restore_globals(postgres::Connection& connection, const std::vector<GlobalStatement>& statements,
                       bool alter_roles, RestoreObserver& observer) {
    auto chosen = choose(connection, statements, alter_roles, observer);
    if (!chosen) {
        return std::move(chosen).error();
    }
    if (auto restored = restore_roles(connection, *chosen, observer); !restored) {
        return restored;
    }
    return restore_tablespaces(connection, *chosen);
}

}  // namespace lifeboat::restore
