// The script that `pg_dumpall --globals-only` writes, as single statements: roles and their settings,
// memberships, tablespaces, privileges on parameters.
//
// Lifeboat executes them one by one through libpq, never through psql: nothing in a script can then become
// a command of the machine that restores, and each failure belongs to one statement.
//
// Known are the scripts of PostgreSQL 10 to 18. What they do not hold, because pg_dumpall leaves it out:
// ALTER ROLE ALL SET …, ALTER SYSTEM, and whatever belongs to one database.
//
// The script is trusted as far as whoever wrote it. pg_dumpall before 18 / 17.6 / 16.10 / 15.14 / 14.19 / 13.22
// printed role names with newlines into its comments unfiltered, so that the rest of such a name reads as
// statements (CVE-2025-8715). Execute kinds that are expected, not `other`.
#pragma once

#include "result/result.hpp"
#include "secret/secret.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lifeboat::postgres {

enum class GlobalKind {
    create_role,             // CREATE ROLE role
    alter_role_attributes,   // ALTER ROLE role WITH …; holds the password
    alter_role_settings,     // ALTER ROLE role SET …
    alter_role_in_database,  // ALTER ROLE role IN DATABASE … SET …
    grant_membership,        // GRANT role TO member
    create_tablespace,       // CREATE TABLESPACE …
    alter_tablespace,        // ALTER TABLESPACE …
    grant_tablespace,        // GRANT or REVOKE … ON TABLESPACE …
    grant_parameter,         // GRANT or REVOKE … ON PARAMETER …
    comment_role,
    comment_tablespace,
    security_label,
    session_setting,  // SET …, RESET …; SET SESSION AUTHORIZATION among them: it changes who does what follows
    other,
};

struct GlobalStatement {
    GlobalKind kind = GlobalKind::other;
    Secret text;           // without the semicolon. Secret, as passwords and settings stand in it.
    std::size_t line = 0;  // of the script, from 1

    // What it concerns, as a raw name without quotes: the role, the tablespace, the parameter, the setting of
    // the session; for grant_membership the role that is granted. Empty for `other`.
    std::string subject;

    // Who gets it: the member of grant_membership, the grantee of the other grants; empty for PUBLIC.
    std::string grantee;
};

// In the order of the script. psql's \restrict, \unrestrict and \connect lines are passed over; any other
// psql command, and a quote without an end, is an error that names the line (and holds no text of the script).
Result<std::vector<GlobalStatement>> parse_globals(std::string_view script);

// Who its GRANTED BY x names, raw; empty where it has none.
std::string grantor_of(const GlobalStatement& statement);

// The statement's text without a trailing GRANTED BY x, for servers on which that grantor does not exist
// or may not grant. Other text comes back as it is.
Secret without_grantor(const GlobalStatement& statement);

// "CREATE ROLE app", "ALTER ROLE app WITH …", "GRANT app TO bob": for messages. Made from kind and names alone, so
// it never holds a password or any other literal. Names are quoted where they need to be; a line break in
// one is shown as "?".
std::string describe(const GlobalStatement& statement);

// A CREATE TABLESPACE for another name (raw, not quoted); other text comes back as it is.
Secret with_name(const GlobalStatement& statement, std::string_view name);

struct Tablespace {
    std::string name;
    std::string location;  // a folder of the server's host; empty for one inside the data directory
};

// Raw names, in the order of the script.
std::vector<std::string> created_roles(std::span<const GlobalStatement> statements);
std::vector<Tablespace> created_tablespaces(std::span<const GlobalStatement> statements);

}  // namespace lifeboat::postgres
