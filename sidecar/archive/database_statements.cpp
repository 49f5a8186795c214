#include "archive/database_statements.hpp"

#include "archive/sql_text.hpp"

#include <optional>
#include <utility>

namespace lifeboat::archive {
namespace {

using Kind = DatabaseStatementKind;

class Reading {
public:
    explicit Reading(const SqlStatement& statement) : statement_(statement), cursor_(statement.tokens) {}

    DatabaseStatement read() {
        found_.text = std::string(statement_.text);
        found_.kind = kind();
        return std::move(found_);
    }

private:
    Kind kind() {
        if (cursor_.accept("CREATE DATABASE")) {
            return named(Kind::create);
        }
        if (cursor_.accept("ALTER DATABASE")) {
            return named(Kind::setting);
        }
        if (cursor_.accept("ALTER ROLE")) {
            return role_setting();
        }
        if (cursor_.accept("GRANT") || cursor_.accept("REVOKE")) {
            return on_database(Kind::privilege);
        }
        if (cursor_.accept("COMMENT")) {
            return on_database(Kind::comment);
        }
        if (cursor_.accept("SECURITY LABEL")) {
            return on_database(Kind::security_label);
        }
        return session_authorization();
    }

    Kind named(Kind kind) {
        const auto* token = cursor_.peek();
        if (!cursor_.name()) {
            return Kind::unknown;
        }
        found_.name_at = token->offset - statement_.tokens.front().offset;
        found_.name_length = token->text.size();
        return kind;
    }

    Kind role_setting() {
        auto role = cursor_.name();
        if (!role || !cursor_.accept("IN DATABASE")) {
            return Kind::unknown;
        }
        found_.role = std::move(*role);
        return named(Kind::role_setting);
    }

    // ON is a reserved word: a name that reads so stands in quotes and is not taken for it.
    Kind on_database(Kind kind) {
        const bool on = cursor_.skip_behind("ON") && cursor_.accept("DATABASE");
        return on ? named(kind) : Kind::unknown;
    }

    Kind session_authorization() {
        if (cursor_.accept("RESET SESSION AUTHORIZATION")) {
            return cursor_.at_end() ? Kind::session_authorization : Kind::unknown;
        }
        auto role = cursor_.accept("SET SESSION AUTHORIZATION") ? cursor_.name() : std::nullopt;
        if (!role || !cursor_.at_end()) {
            return Kind::unknown;
        }
        found_.role = std::move(*role);
        return Kind::session_authorization;
    }

    const SqlStatement& statement_;
    SqlCursor cursor_;
    DatabaseStatement found_;
};

void append_statements(std::vector<DatabaseStatement>& all, const TocEntry& entry) {
    const auto statements = split_statements(entry.defn);
    if (!statements) {
        all.push_back({.text = entry.defn, .role = {}});
        return;
    }
    for (const auto& statement : *statements) {
        all.push_back(Reading(statement).read());
    }
}

// Versions up to 10 leave the object's type out of the tags of ACL entries, so that a tag beginning with
// DATABASE may as well be another object's name: what it is about is said by its first GRANT or REVOKE.
bool is_about_database(const TocEntry& entry) {
    if (!describes_database(entry.desc, entry.tag) || !entry.schema.empty()) {
        return false;
    }
    if (entry.desc != "ACL") {
        return true;
    }
    std::vector<DatabaseStatement> statements;
    append_statements(statements, entry);
    for (const auto& statement : statements) {
        if (statement.kind != Kind::session_authorization) {
            return statement.kind == Kind::privilege;
        }
    }
    return false;
}

}  // namespace

bool describes_database(std::string_view desc, std::string_view tag) {
    if (desc == "DATABASE" || desc == "DATABASE PROPERTIES") {
        return true;
    }
    const bool about_an_object = desc == "ACL" || desc == "COMMENT" || desc == "SECURITY LABEL";
    return about_an_object && tag.starts_with("DATABASE ");
}

std::vector<DatabaseStatement> database_statements(std::span<const TocEntry> entries) {
    std::vector<DatabaseStatement> all;
    for (const auto& entry : entries) {
        if (is_about_database(entry)) {
            append_statements(all, entry);
        }
    }
    return all;
}

Result<std::string> for_database(const DatabaseStatement& statement, std::string_view name) {
    if (statement.kind == Kind::unknown) {
        return Error{ErrorKind::refused, "a setting of the database is of a kind that is not known here",
                     "look at the archive's entry DATABASE PROPERTIES and apply it by hand"};
    }
    if (name.empty() || name.find('\0') != std::string_view::npos) {
        return Error{ErrorKind::usage, "the database's new name is empty or holds a NUL byte", "give another name"};
    }
    auto text = statement.text;
    if (statement.name_length > 0) {
        text.replace(statement.name_at, statement.name_length, quote_identifier(name));
    }
    return text;
}

}  // namespace lifeboat::archive
