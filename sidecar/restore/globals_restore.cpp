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
    observer.setting_left_out(RestoreObserver::SettingOf::role, statement.subject,
                              "a setting of role '" + statement.subject + "' was left out: " + whole_text(ran.error()));
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

// A tablespace under its passing name: dropped again unless it got its own. By a connection of its own, because the
// stop that ends a restore must not end the clean-up.
class PassingTablespace {
public:
    PassingTablespace(const postgres::Server& target, postgres::Connection& connection, std::string session,
                      const GlobalStatement& create, RestoreObserver& observer)
        : target_(target),
          connection_(connection),
          session_(std::move(session)),
          name_(passing_name("tablespace " + create.subject)),
          wanted_name_(create.subject),
          observer_(observer) {}
    PassingTablespace(const PassingTablespace&) = delete;
    PassingTablespace& operator=(const PassingTablespace&) = delete;
    ~PassingTablespace() {
        if (!may_be_there_) {
            return;
        }
        if (auto dropped = drop(); !dropped) {
            observer_.noted("an empty tablespace may be left under the name '" + name_ +
                            "', which the next restore of tablespace '" + wanted_name_ +
                            "' drops: " + whole_text(dropped.error()));
        }
    }
    [[nodiscard]] const std::string& name() const { return name_; }
    void begun() { may_be_there_ = true; }
    void renamed() { may_be_there_ = false; }

private:
    // The session that was at it may still be, and would hold what is to be dropped.
    Status drop() {
        auto connection = postgres::Connection::open(target_, connection_.database(), {});
        if (!connection) {
            return std::move(connection).error();
        }
        const std::string end = connection->version_num() >= pg_14 ? "SELECT pg_catalog.pg_terminate_backend($1, 1000)"
                                                                   : "SELECT pg_catalog.pg_terminate_backend($1)";
        if (!connection_.execute("ROLLBACK")) {
            if (auto ended = connection->query(end, {session_}); !ended) {
                return std::move(ended).error();
            }
        }
        // Whoever was asked to end is to be gone within seconds.
        auto set = connection->execute("SET lock_timeout = 1000");
        return set ? connection->execute("DROP TABLESPACE IF EXISTS " + archive::quote_identifier(name_)) : set;
    }

    static constexpr int pg_14 = 140000;
    const postgres::Server& target_;
    postgres::Connection& connection_;
    std::string session_;  // its process on the server
    std::string name_;
    std::string wanted_name_;
    RestoreObserver& observer_;
    bool may_be_there_ = false;
};

// A tablespace that is there is left as it is, so it must not get its name before all else of it. CREATE TABLESPACE
// takes no part in a transaction: it is made under a passing name, which whoever is killed leaves behind, empty.
Status create_tablespace(const postgres::Server& target, postgres::Connection& connection,
                         const GlobalStatement& create, const std::vector<const GlobalStatement*>& statements,
                         RestoreObserver& observer) {
    auto session = connection.value("SELECT pg_catalog.pg_backend_pid()");
    if (!session) {
        return std::move(session).error();
    }
    PassingTablespace guard(target, connection, std::move(*session), create, observer);
    const std::string quoted = archive::quote_identifier(guard.name());
    std::vector<std::string> steps = {
        "DROP TABLESPACE IF EXISTS " + quoted, std::string(postgres::with_name(create, guard.name()).reveal()), "BEGIN",
        "ALTER TABLESPACE " + quoted + " RENAME TO " + archive::quote_identifier(create.subject)};
    for (const auto* statement : statements) {
        if (about_tablespaces(*statement) && statement != &create && statement->subject == create.subject) {
            steps.emplace_back(statement->text.reveal());
        }
    }
    steps.emplace_back("COMMIT");
    guard.begun();
    for (const auto& step : steps) {
        if (auto ran = connection.execute(step); !ran) {
            return ran;
        }
    }
    guard.renamed();
    return done();
}

Status restore_tablespaces(const postgres::Server& target, postgres::Connection& connection,
                           const std::vector<const GlobalStatement*>& statements, RestoreObserver& observer) {
    for (const auto* statement : statements) {
        if (statement->kind != GlobalKind::create_tablespace) {
            continue;
        }
        if (auto made = create_tablespace(target, connection, *statement, statements, observer); !made) {
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

Status restore_globals(const postgres::Server& target, postgres::Connection& connection,
                       const std::vector<GlobalStatement>& statements, bool alter_roles, RestoreObserver& observer) {
    auto chosen = choose(connection, statements, alter_roles, observer);
    if (!chosen) {
        return std::move(chosen).error();
    }
    if (auto restored = restore_roles(connection, *chosen, observer); !restored) {
        return restored;
    }
    return restore_tablespaces(target, connection, *chosen, observer);
}

}  // namespace lifeboat::restore
