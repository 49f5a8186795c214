#include "target_check.hpp"

#include <map>
#include <tuple>

namespace lifeboat::restore {
namespace {

class TargetCheck {
public:
    TargetCheck(const RestorePlan& plan, postgres::Connection& connection) : plan_(plan), connection_(connection) {}

    Result<std::vector<std::string>> run(const std::vector<CheckedDatabase>& databases,
                                         const std::vector<postgres::GlobalStatement>& globals);

private:
    Status check_rights(const std::vector<CheckedDatabase>& databases, const std::set<std::string>& roles);
    Status check_roles(const std::vector<CheckedDatabase>& databases, const std::set<std::string>& roles);
    Status check_extensions(const std::vector<CheckedDatabase>& databases);
    Status check_locales(const std::vector<CheckedDatabase>& databases);
    Status check_tablespaces(const std::vector<CheckedDatabase>& databases, const std::set<std::string>& tablespaces);
    Status check_tablespace_folders(const std::set<std::string>& there);
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
    for (const auto& checked : {check_rights(databases, *roles), check_roles(databases, *roles),
                                check_extensions(databases), check_locales(databases),
                                check_tablespaces(databases, *tablespaces), check_tablespace_folders(*tablespaces)}) {
        if (!checked) {
            return checked.error();
        }
    }
    return std::move(lacks_);
}

Status TargetCheck::check_rights(const std::vector<CheckedDatabase>& databases, const std::set<std::string>& roles) {
    auto rights = connection_.query("SELECT rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = current_user");
    if (!rights || rights->size() != 1) {
        return rights ? failed("the target does not know the role that restores") : std::move(rights).error();
    }
    const bool create_role = superuser_ || rights->front()[0] == "t";
    const bool create_database = superuser_ || rights->front()[1] == "t";
    for (const auto& role : coming_roles_) {
        if (!create_role && roles.count(role) == 0) {
            lacks_.emplace_back(
                "the right to create roles: restore as a superuser, or leave roles alone with --no-globals --no-owner "
                "--no-acl");
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
    std::set<std::string> missing;
    if (plan_.role && roles.count(*plan_.role) == 0) {
        lacks_.push_back("role '" + *plan_.role + "', named by --role: create it first");
    }
    if (!plan_.owners && !plan_.privileges) {
        return done();
    }
    for (const auto& database : databases) {
        for (const auto& role : database.head.needs.roles()) {
            if (roles.count(role) == 0 && coming_roles_.count(role) == 0) {
                missing.insert(role);
            }
        }
    }
    for (const auto& role : missing) {
        lacks_.push_back("role '" + role +
                         "': create it, or restore without --no-globals, or with --no-owner --no-acl");
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
    for (const auto& database : databases) {
        for (const auto& name : database.record.needs.tablespaces) {
            if (tablespaces.count(name) == 0 && coming.count(name) == 0) {
                missing.insert(name);
            }
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
