#include "globals_restore.hpp"

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

Status run(postgres::Connection& connection, const GlobalStatement& statement) {
    auto ran = connection.execute(std::string(statement.text.reveal()));
    if (!ran && ran.error().kind == ErrorKind::failed) {
        // On this server the grantor may not exist, or may not have the right to grant.
        const Secret plain = postgres::without_grantor(statement);
        if (plain.reveal() != statement.text.reveal()) {
            ran = connection.execute(std::string(plain.reveal()));
        }
    }
    return ran ? done() : Status(in_context(postgres::describe(statement), std::move(ran).error()));
}

}  // namespace

Status restore_globals(postgres::Connection& connection, const std::vector<GlobalStatement>& statements,
                       bool alter_roles, RestoreObserver& observer) {
    auto roles = names_of_roles(connection);
    auto tablespaces = names_of_tablespaces(connection);
    if (!roles || !tablespaces) {
        return !roles ? std::move(roles).error() : std::move(tablespaces).error();
    }
    auto to_keep = alter_roles ? std::set<std::string>{connection.user()} : *roles;
    const Existing existing{std::move(*roles), std::move(*tablespaces), std::move(to_keep)};
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
            continue;
        }
        if (auto ran = run(connection, statement); !ran) {
            return ran;
        }
    }
    return done();
}

}  // namespace lifeboat::restore
