// What an archive says about its database as a whole: how to create it, its settings, privileges and comment.
//
// pg_restore applies these only with --create, and only under the original name. Here they come as single
// statements in which the name can be exchanged. Sources, by entry of the table of contents:
//   DATABASE             CREATE DATABASE x …
//   DATABASE PROPERTIES  ALTER DATABASE x …; ALTER ROLE r IN DATABASE x SET …   (pg_dump 11 and newer)
//   ACL                  GRANT/REVOKE … ON DATABASE x …, SET/RESET SESSION AUTHORIZATION around them
//   COMMENT              COMMENT ON DATABASE x IS …
//   SECURITY LABEL       SECURITY LABEL FOR p ON DATABASE x IS …
// Archives of pg_dump 10 hold only the first and the comment.
//
// The owner stands in no statement: it is the `owner` of the DATABASE entry. Settings such as
// default_transaction_read_only or statement_timeout bind the sessions that load the data, so settings are
// best applied after the load.
#pragma once

#include "archive/toc.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lifeboat::archive {

enum class DatabaseStatementKind {
    create,
    setting,                // ALTER DATABASE x SET …, CONNECTION LIMIT, IS_TEMPLATE
    role_setting,           // ALTER ROLE r IN DATABASE x SET …
    privilege,              // GRANT, REVOKE
    session_authorization,  // SET or RESET, around privileges that someone else than the owner granted: keep the order
    comment,
    security_label,
    unknown,  // names the database in a way that is not known here, or not at all
};

struct DatabaseStatement {
    DatabaseStatementKind kind = DatabaseStatementKind::unknown;
    std::string text;             // without the semicolon; may hold secrets of the application in its settings
    std::string role;             // of a role_setting or a session_authorization (empty for RESET): the raw name
    std::size_t name_at = 0;      // where in `text` the database's identifier stands
    std::size_t name_length = 0;  // 0: it names no database
};

// In the order of the archive. Text that cannot be cut into statements comes as one of kind `unknown`.
std::vector<DatabaseStatement> database_statements(std::span<const TocEntry> entries);

// The statement's text for the database `name` (raw, not quoted). Only the identifier is exchanged: literals,
// comments and role names that look like it stay. Refused for `unknown`: run under another name, such a
// statement might change the database that the archive was taken from.
Result<std::string> for_database(const DatabaseStatement& statement, std::string_view name);

// Whether database_statements() needs the entry's definition.
bool describes_database(std::string_view desc, std::string_view tag);

}  // namespace lifeboat::archive
