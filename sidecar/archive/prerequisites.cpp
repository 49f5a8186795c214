#include "archive/prerequisites.hpp"

#include "archive/sql_text.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <utility>

namespace lifeboat::archive {
namespace {

using Roles = std::optional<std::vector<std::string>>;

constexpr std::array<std::string_view, 5> kinds_naming_roles = {"ACL", "DEFAULT ACL", "POLICY", "USER MAPPING",
                                                                "DATABASE PROPERTIES"};

bool names_roles(std::string_view desc) {
    return std::ranges::find(kinds_naming_roles, desc) != kinds_naming_roles.end();
}

TocFields fields_needed(std::string_view desc, std::string_view tag) {
    auto fields = TocFields::only_names();
    fields.defn = names_roles(desc) || describes_database(desc, tag) || desc == "ENCODING";
    return fields;
}

// GRANT … TO roles, REVOKE … FROM roles: both words are reserved, so a name in front of them cannot be taken
// for them, and column lists and argument lists stand in parentheses.
Roles in_privilege(SqlCursor& cursor) {
    const bool grant = cursor.accept("GRANT");
    if (!grant && !cursor.accept("REVOKE")) {
        return std::nullopt;
    }
    return cursor.skip_behind(grant ? "TO" : "FROM") ? cursor.roles() : std::nullopt;
}

Roles in_session_authorization(SqlCursor& cursor) {
    if (cursor.accept("RESET SESSION AUTHORIZATION")) {
        return std::vector<std::string>{};
    }
    return cursor.accept("SET SESSION AUTHORIZATION") ? cursor.roles() : std::nullopt;
}

Roles in_acl(SqlCursor cursor) {
    auto roles = in_session_authorization(cursor);
    return roles ? roles : in_privilege(cursor);
}

Roles in_default_acl(SqlCursor cursor) {
    if (!cursor.accept("ALTER DEFAULT PRIVILEGES FOR ROLE")) {
        return in_session_authorization(cursor);
    }
    auto roles = cursor.roles();
    if (!roles) {
        return std::nullopt;
    }
    if (cursor.accept("IN SCHEMA") && !cursor.name()) {
        return std::nullopt;
    }
    const auto others = in_privilege(cursor);
    if (!others) {
        return std::nullopt;
    }
    roles->insert(roles->end(), others->begin(), others->end());
    return roles;
}

// CREATE POLICY p ON t [FOR …] [TO roles] [USING (…)] [WITH CHECK (…)]: without TO it is for PUBLIC.
Roles in_policy(SqlCursor cursor) {
    if (!cursor.accept("CREATE POLICY")) {
        return std::nullopt;
    }
    return cursor.skip_behind("TO") ? cursor.roles() : std::vector<std::string>{};
}

Roles in_user_mapping(SqlCursor cursor) {
    return cursor.accept("CREATE USER MAPPING FOR") ? cursor.roles() : std::nullopt;
}

Roles in_database_properties(SqlCursor cursor) {
    if (!cursor.accept("ALTER ROLE")) {
        return std::vector<std::string>{};
    }
    return cursor.roles();
}

Roles in_statement(std::string_view desc, const SqlStatement& statement) {
    const SqlCursor cursor(statement.tokens);
    if (desc == "ACL") {
        return in_acl(cursor);
    }
    if (desc == "DEFAULT ACL") {
        return in_default_acl(cursor);
    }
    if (desc == "POLICY") {
        return in_policy(cursor);
    }
    if (desc == "USER MAPPING") {
        return in_user_mapping(cursor);
    }
    return in_database_properties(cursor);
}

Roles in_definition(const TocEntry& entry) {
    const auto statements = split_statements(entry.defn);
    if (!statements) {
        return std::nullopt;
    }
    std::vector<std::string> all;
    for (const auto& statement : *statements) {
        const auto roles = in_statement(entry.desc, statement);
        if (!roles) {
            return std::nullopt;
        }
        all.insert(all.end(), roles->begin(), roles->end());
    }
    return all;
}

}  // namespace

TocOptions Prerequisites::options() {
    TocOptions options;
    options.wanted = fields_needed;
    options.take = [this](const TocEntry& entry) { take(entry); };
    return options;
}

void Prerequisites::take(const TocEntry& entry) {
    take_roles(entry);
    if (entry.desc == "EXTENSION") {
        extensions_.insert(entry.tag);
    } else if (entry.desc == "ENCODING") {
        take_encoding(entry);
    } else if (entry.desc == "DATABASE") {
        database_owner_ = entry.owner;
    }
    if (!entry.tablespace.empty()) {
        tablespaces_.insert(entry.tablespace);
    }
    auto statements = database_statements(std::span(&entry, 1));
    std::ranges::move(statements, std::back_inserter(database_));
}

void Prerequisites::take_roles(const TocEntry& entry) {
    if (!entry.owner.empty()) {
        owners_.insert(entry.owner);
    }
    if (!names_roles(entry.desc)) {
        return;
    }
    const auto roles = in_definition(entry);
    if (!roles) {
        ++not_understood_;
        return;
    }
    auto& kind = entry.desc == "POLICY" || entry.desc == "USER MAPPING" ? named_by_objects_
                 : entry.desc == "DATABASE PROPERTIES"                  ? with_settings_
                                                                        : privileged_;
    kind.insert(roles->begin(), roles->end());
}

std::set<std::string> Prerequisites::roles() const {
    auto all = owners_;
    for (const auto* some : {&privileged_, &named_by_objects_, &with_settings_}) {
        all.insert(some->begin(), some->end());
    }
    return all;
}

// SET client_encoding = 'UTF8';
void Prerequisites::take_encoding(const TocEntry& entry) {
    const auto statements = split_statements(entry.defn);
    if (!statements || statements->size() != 1) {
        return;
    }
    encoding_ = literal(statements->front().tokens.back()).value_or("");
}

std::set<std::string> role_names(std::span<const TocEntry> entries) {
    Prerequisites needs;
    std::ranges::for_each(entries, [&](const TocEntry& entry) { needs.take(entry); });
    return needs.roles();
}

std::set<std::string> extension_names(std::span<const TocEntry> entries) {
    Prerequisites needs;
    std::ranges::for_each(entries, [&](const TocEntry& entry) { needs.take(entry); });
    return needs.extensions();
}

}  // namespace lifeboat::archive
