#include "target_check.hpp"

#include "database_restore.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <tuple>

namespace lifeboat::restore {
namespace {

const char* may_become(const postgres::Connection& connection) {
    return connection.major() >= 16 ? "SELECT pg_catalog.pg_has_role($1, 'SET')"
                                    : "SELECT pg_catalog.pg_has_role($1, 'MEMBER')";
}

class TargetCheck {
public:
    TargetCheck(const RestorePlan& plan, postgres::Connection& connection) : plan_(plan), connection_(connection) {}

    Result<std::vector<std::string>> run(const std::vector<CheckedDatabase>& databases,
                                         const std::vector<postgres::GlobalStatement>& globals);

private:
    Status check_rights(const std::vector<CheckedDatabase>& databases, const std::set<std::string>& roles);
    Status check_role_flag(const std::set<std::string>& roles);
    Status check_owners(const std::vector<CheckedDatabase>& databases, const std::set<std::string>& roles);
    Status check_rights_inside(const std::vector<CheckedDatabase>& databases);
    Status check_rights_inside(const CheckedDatabase& database);
    Status check_replaced(const std::vector<CheckedDatabase>& databases);
    Status check_roles(const std::vector<CheckedDatabase>& databases, const std::set<std::string>& roles);
    Status check_extensions(const std::vector<CheckedDatabase>& databases);
    Status check_encodings(const std::vector<CheckedDatabase>& databases);
    Status check_locales(const std::vector<CheckedDatabase>& databases);
    Status check_tablespaces(const std::vector<CheckedDatabase>& databases, const std::set<std::string>& tablespaces);
    Status check_tablespace_folders(const std::set<std::string>& there);
    // The rest of a cure, which only a restore has flags for.
    [[nodiscard]] std::string or_with(const char* flags) const { return plan_.for_drill ? "" : flags; }
    Result<bool> has_locale(const catalogue::NeedsRecord& needs);

    const RestorePlan& plan_;
    postgres::Connection& connection_;
    std::vector<postgres::Tablespace> coming_tablespaces_;
    std::set<std::string> coming_roles_;
    std::vector<std::string> lacks_;
    bool superuser_ = false;
};

Result<std::vector<std::string>> TargetCheck::run(const std::vector<CheckedDatabase>& databases,
                                                  const std::vector<postgres::GlobalStatement>& globals) {
    if (plan_.globals) {
        coming_tablespaces_ = postgres::created_tablespaces(globals);
        const auto roles = postgres::created_roles(globals);
        coming_roles_.insert(roles.begin(), roles.end());
    }
    auto roles = names_of_roles(connection_);
    auto tablespaces = names_of_tablespaces(connection_);
    auto superuser = connection_.value("SELECT rolsuper FROM pg_roles WHERE rolname = current_user");
    if (!roles || !tablespaces || !superuser) {
        return !roles         ? std::move(roles).error()
               : !tablespaces ? std::move(tablespaces).error()
                              : std::move(superuser).error();
    }
    superuser_ = *superuser == "t";
    for (const auto& checked :
         {check_rights(databases, *roles), check_roles(databases, *roles), check_extensions(databases),
          check_encodings(databases), check_locales(databases), check_tablespaces(databases, *tablespaces),
          check_tablespace_folders(*tablespaces), check_role_flag(*roles), check_owners(databases, *roles),
          check_rights_inside(databases), check_replaced(databases)}) {
        if (!checked) {
            return checked.error();
        }
    }
    return std::move(lacks_);
}

Status TargetCheck::check_rights(const std::vector<CheckedDatabase>& databases, const std::set<std::string>& roles) {
    auto may_create = connection_.value("SELECT rolcreatedb FROM pg_roles WHERE rolname = current_user");
    if (!may_create) {
        return std::move(may_create).error();
    }
    const bool create_database = superuser_ || *may_create == "t";
    for (const auto& role : coming_roles_) {
        // CREATEROLE is not enough: pg_dumpall says for each role that it is, or is not, a superuser.
        if (!superuser_ && roles.count(role) == 0) {
            lacks_.push_back("the right to create roles: restore as a superuser" +
                             or_with(", or leave roles alone with --no-globals --no-owner --no-acl"));
            break;
        }
    }
    for (const auto& database : databases) {
        if (!create_database && database.before != DatabaseState::empty) {
            lacks_.emplace_back(
                "the right to create databases: restore as a superuser, or into an empty database that is there "
                "already");
            break;
        }
    }
    return done();
}

Status TargetCheck::check_roles(const std::vector<CheckedDatabase>& databases, const std::set<std::string>& roles) {
    std::set<std::string> by_flags;  // that --no-owner and --no-acl would leave out
    std::set<std::string> by_objects;
    const auto add = [&](std::set<std::string>& missing, const std::set<std::string>& needed) {
        std::copy_if(needed.begin(), needed.end(), std::inserter(missing, missing.end()),
                     [&](const auto& role) { return roles.count(role) == 0 && coming_roles_.count(role) == 0; });
    };
    for (const auto& database : databases) {
        const auto& needs = database.head.needs;
        add(by_objects, needs.named_by_objects());
        if (plan_.owners) {
            add(by_flags, needs.owners());
            add(by_flags, needs.with_settings());
        }
        if (plan_.privileges) {
            add(by_flags, needs.privileged());
        }
    }
    for (const auto& role : by_objects) {
        lacks_.push_back("role '" + role + "', named by a policy or a user mapping: create it" +
                         or_with(", or restore without --no-globals"));
        by_flags.erase(role);
    }
    for (const auto& role : by_flags) {
        lacks_.push_back("role '" + role + "': create it" +
                         or_with(", or restore without --no-globals, or with --no-owner --no-acl"));
    }
    return done();
}

Status TargetCheck::check_role_flag(const std::set<std::string>& roles) {
    if (!plan_.role) {
        return done();
    }
    if (roles.count(*plan_.role) == 0) {
        lacks_.push_back("role '" + *plan_.role + "', named by --role: create it first");
        return done();
    }
    auto member = connection_.value(may_become(connection_), {*plan_.role});
    if (!member) {
        return std::move(member).error();
    }
    if (*member != "t") {
        lacks_.push_back("the right to become role '" + *plan_.role + "' (--role): GRANT it to '" + connection_.user() +
                         "'");
    }
    return done();
}

// Only a member of a role can give something to it.
Status TargetCheck::check_owners(const std::vector<CheckedDatabase>& databases, const std::set<std::string>& roles) {
    if (superuser_ || !plan_.owners) {
        return done();
    }
    std::set<std::string> owners;
    for (const auto& database : databases) {
        owners.insert(database.head.needs.owners().begin(), database.head.needs.owners().end());
    }
    for (const auto& owner : owners) {
        if (roles.count(owner) == 0 || owner.rfind("pg_", 0) == 0) {
            continue;  // said already; or the server's own
        }
        auto member = connection_.value(may_become(connection_), {owner});
        if (!member) {
            return std::move(member).error();
        }
        if (*member != "t") {
            lacks_.push_back("the right to give things to their owner '" + owner + "': restore as a superuser" +
                             or_with(", or with --no-owner"));
        }
    }
    return done();
}

Status TargetCheck::check_rights_inside(const std::vector<CheckedDatabase>& databases) {
    const std::string who = plan_.role.value_or(connection_.user());
    auto superuser =
        connection_.value("SELECT coalesce(bool_or(rolsuper), true) FROM pg_roles WHERE rolname = $1", {who});
    if (!superuser) {
        return std::move(superuser).error();
    }
    if (*superuser == "t") {  // or not there, which was named already
        return done();
    }
    for (const auto& database : databases) {
        for (const auto& kind : database.head.superuser_kinds) {
            lacks_.push_back("a superuser's rights: database '" + database.record.name +
                             "' holds objects of the kind " + kind);
        }
        if (database.head.subscriptions) {
            auto may = connection_.value(connection_.major() >= 16
                                             ? "SELECT pg_catalog.pg_has_role($1, 'pg_create_subscription', 'USAGE')"
                                             : "SELECT $1::text IS NULL",
                                         {who});
            if (!may) {
                return std::move(may).error();
            }
            if (*may != "t") {
                lacks_.push_back("a superuser's rights: database '" + database.record.name +
                                 "' holds objects of the kind SUBSCRIPTION");
            }
        }
        if (auto checked = check_rights_inside(database); !checked) {
            return checked;
        }
    }
    return done();
}

// What a role may do in a database that is there. One that it creates is its own.
Status TargetCheck::check_rights_inside(const CheckedDatabase& database) {
    const bool there = database.before == DatabaseState::empty;
    auto opened = postgres::Connection::open(plan_.target, there ? database.new_name : connection_.database(), {});
    if (!opened) {
        return std::move(opened).error();
    }
    for (const auto& name : database.head.needs.extensions()) {
        const std::string trusted = opened->major() >= 13 ? "NOT superuser OR trusted" : "NOT superuser";
        auto may = opened->value(
            "SELECT coalesce((SELECT bool_or(" + trusted +
                ") FROM pg_available_extension_versions v JOIN pg_available_extensions a USING (name) WHERE name = $1 "
                "AND v.version = a.default_version), true)" +
                (there ? " OR EXISTS (SELECT FROM pg_extension WHERE extname = $1)" : ""),
            {name});
        if (!may) {
            return std::move(may).error();
        }
        if (*may != "t") {
            lacks_.push_back("the right to create extension '" + name + "': have a superuser create it in database '" +
                             database.new_name + "' first");
        }
    }
    if (!there) {
        return done();
    }
    const std::string who = plan_.role.value_or(connection_.user());
    const std::string of_whom = "' for '" + who + "': GRANT it, or make '" + who + "' the owner of the database";
    auto rights = opened->query(
        "SELECT pg_catalog.has_database_privilege($1, pg_catalog.current_database(), 'CREATE'), coalesce((SELECT "
        "pg_catalog.has_schema_privilege($1, oid, 'CREATE') FROM pg_namespace WHERE nspname = 'public'), true)",
        {who});
    if (!rights) {
        return std::move(rights).error();
    }
    if (rights->front()[0] != "t") {
        lacks_.push_back("CREATE on database '" + database.new_name + of_whom);
    }
    if (rights->front()[1] != "t" && database.head.uses_public) {
        lacks_.push_back("CREATE on schema public of database '" + database.new_name + of_whom);
    }
    return done();
}

// PostgreSQL renames and drops no database that has any of these.
Status TargetCheck::check_replaced(const std::vector<CheckedDatabase>& databases) {
    struct Obstacle {
        const char* sql;
        const char* words;
        const char* cure;
    };
    static constexpr std::array<Obstacle, 4> obstacles = {{
        {"SELECT count(*) FROM pg_subscription s JOIN pg_database d ON d.oid = s.subdbid WHERE datname = $1",
         "subscriptions", "drop them with DROP SUBSCRIPTION"},
        {"SELECT count(*) FROM pg_prepared_xacts WHERE database = $1", "prepared transactions",
         "end them with COMMIT PREPARED or ROLLBACK PREPARED"},
        {"SELECT count(*) FROM pg_replication_slots WHERE database = $1 AND active", "replication slots in use",
         "stop those who read from them"},
        {"SELECT count(*) FROM pg_database WHERE datname = $1 AND datistemplate", "the mark of a template",
         "ALTER DATABASE … IS_TEMPLATE false"},
    }};
    for (const auto& database : databases) {
        if (database.before == DatabaseState::empty) {
            continue;
        }
        // One that an earlier restore put aside must be dropped first. Its subscriptions were somebody's.
        for (const auto& name : {database.new_name, name_aside(database.new_name)}) {
            for (const auto& obstacle : obstacles) {
                auto count = connection_.value(obstacle.sql, {name});
                if (!count) {
                    return std::move(count).error();
                }
                if (*count != "0") {
                    lacks_.push_back("a way to replace database '" + name + "', which has " + obstacle.words + ": " +
                                     obstacle.cure + ", or restore under another name");
                }
            }
        }
        auto own = connection_.value(
            "SELECT coalesce(bool_and(pg_catalog.pg_has_role(datdba, 'USAGE')), true) FROM pg_database WHERE datname = "
            "$1",
            {database.new_name});
        if (!own) {
            return std::move(own).error();
        }
        if (*own != "t") {
            lacks_.push_back("the right to replace database '" + database.new_name +
                             "', which is another's: restore as a superuser or as its owner, or under another name");
        }
    }
    return done();
}

Status TargetCheck::check_extensions(const std::vector<CheckedDatabase>& databases) {
    std::set<std::string> wanted;
    for (const auto& database : databases) {
        wanted.insert(database.head.needs.extensions().begin(), database.head.needs.extensions().end());
    }
    for (const auto& name : wanted) {
        auto count =
            connection_.value("SELECT count(*) FROM pg_catalog.pg_available_extensions WHERE name = $1", {name});
        if (!count) {
            return std::move(count).error();
        }
        if (*count == "0") {
            lacks_.push_back("extension '" + name + "': install its package on the server");
        }
    }
    return done();
}

std::string quoted(const std::string& text) {
    std::string literal = "'";
    for (const char c : text) {
        literal += c;
        literal += c == '\'' ? "'" : "";
    }
    return literal + "'";
}

Result<bool> TargetCheck::has_locale(const catalogue::NeedsRecord& needs) {
    if (needs.locale_provider == "builtin") {
        return connection_.major() >= 17;
    }
    // Any server knows these, whatever its operating system.
    if (needs.locale_provider == "libc" && (needs.collate == "C" || needs.collate == "POSIX") &&
        needs.ctype == needs.collate) {
        return true;
    }
    const std::string definition =
        needs.locale_provider == "icu"
            ? "provider = icu, locale = " + quoted(needs.locale)
            : "provider = libc, lc_collate = " + quoted(needs.collate) + ", lc_ctype = " + quoted(needs.ctype);
    const bool made = connection_.execute("BEGIN; CREATE COLLATION pg_temp.lifeboat_probe (" + definition + ")").ok();
    if (auto undone = connection_.execute("ROLLBACK"); !undone) {
        return std::move(undone).error();
    }
    return made;
}

// Whether each character of the one is one of the other's, too. SQL_ASCII knows no characters: into it all bytes go as
// they are, and what comes out of it may be anything.
bool takes_all(const std::string& target, const std::string& archive) {
    const bool unicode = target == "UTF8" && archive != "SQL_ASCII" && archive != "MULE_INTERNAL";
    return target == archive || archive.empty() || target == "SQL_ASCII" || unicode;
}

// A database that the restore makes has its own encoding.
Status TargetCheck::check_encodings(const std::vector<CheckedDatabase>& databases) {
    for (const auto& database : databases) {
        if (database.before != DatabaseState::empty) {
            continue;
        }
        auto encoding = connection_.value(
            "SELECT pg_catalog.pg_encoding_to_char(encoding) FROM pg_database WHERE datname = $1", {database.new_name});
        if (!encoding) {
            return std::move(encoding).error();
        }
        const std::string& needed = database.head.needs.encoding();
        if (!takes_all(*encoding, needed)) {
            std::string lack = "encoding " + needed + " of database '" + database.new_name;
            lack += "', which is in " + *encoding;
            lack +=
                " and cannot hold every character of the backup: drop it, so that the restore makes it, or make it ";
            lack += "anew WITH TEMPLATE template0 ENCODING '" + needed + "'";
            lacks_.push_back(std::move(lack));
        }
    }
    return done();
}

Status TargetCheck::check_locales(const std::vector<CheckedDatabase>& databases) {
    std::set<std::tuple<std::string, std::string, std::string, std::string>> seen;
    for (const auto& database : databases) {
        const auto& needs = database.record.needs;
        if (database.before == DatabaseState::empty ||
            !seen.emplace(needs.locale_provider, needs.collate, needs.ctype, needs.locale).second) {
            continue;
        }
        auto has = has_locale(needs);
        if (!has) {
            return std::move(has).error();
        }
        if (!*has) {
            lacks_.push_back(
                "locale '" + (needs.locale.empty() ? needs.collate : needs.locale) + "' (" + needs.locale_provider +
                "): install it on the server, or create the database by hand with another and restore into it");
        }
    }
    return done();
}

Status TargetCheck::check_tablespaces(const std::vector<CheckedDatabase>& databases,
                                      const std::set<std::string>& tablespaces) {
    std::set<std::string> coming;
    for (const auto& tablespace : coming_tablespaces_) {
        coming.insert(tablespace.name);
    }
    std::set<std::string> missing;
    std::set<std::string> needed;
    for (const auto& database : databases) {
        needed.insert(database.record.needs.tablespaces.begin(), database.record.needs.tablespaces.end());
    }
    for (const auto& name : needed) {
        if (tablespaces.count(name) == 0) {
            if (coming.count(name) == 0) {
                missing.insert(name);
            }
            continue;
        }
        auto may = connection_.value("SELECT pg_catalog.has_tablespace_privilege($1, 'CREATE')", {name});
        if (!may) {
            return std::move(may).error();
        }
        if (*may != "t") {
            lacks_.push_back("CREATE on tablespace '" + name + "': GRANT it to '" + connection_.user() + "'");
        }
    }
    for (const auto& name : missing) {
        lacks_.push_back("tablespace '" + name + "': create it, or restore the globals too");
    }
    return done();
}

// The folder of a tablespace must be there before the tablespace is made. Only a superuser can look.
Status TargetCheck::check_tablespace_folders(const std::set<std::string>& there) {
    for (const auto& tablespace : coming_tablespaces_) {
        if (!superuser_ || tablespace.location.empty() || there.count(tablespace.name) != 0) {
            continue;
        }
        auto found = connection_.value("SELECT count(*) FROM pg_catalog.pg_stat_file($1, true) WHERE isdir",
                                       {tablespace.location});
        if (!found) {
            return std::move(found).error();
        }
        if (*found == "0") {
            lacks_.push_back("the folder " + tablespace.location + " of tablespace '" + tablespace.name +
                             "': create it on the server, owned by its user, or create the tablespace elsewhere first");
        }
    }
    return done();
}

}  // namespace

Result<std::vector<std::string>> what_target_lacks(const RestorePlan& plan, postgres::Connection& connection,
                                                   const std::vector<CheckedDatabase>& databases,
                                                   const std::vector<postgres::GlobalStatement>& globals) {
    return TargetCheck(plan, connection).run(databases, globals);
}

}  // namespace lifeboat::restore
