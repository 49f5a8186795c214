#include "postgres/globals_script.hpp"

#include "archive/sql_text.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace lifeboat::postgres {
namespace {

using archive::SqlCursor;
using archive::SqlStatement;

constexpr std::string_view look_at_globals =
    "restore with --no-globals and create the roles by hand, or use another backup";

// What this kind of statement says in front of its subject and behind it.
struct Wording {
    GlobalKind kind;
    std::string_view before;
    std::string_view after;
};

constexpr std::array<Wording, 13> wordings = {{
    {GlobalKind::create_role, "CREATE ROLE ", ""},
    {GlobalKind::alter_role_attributes, "ALTER ROLE ", " WITH …"},
    {GlobalKind::alter_role_settings, "ALTER ROLE ", " SET …"},
    {GlobalKind::alter_role_in_database, "ALTER ROLE ", " IN DATABASE …"},
    {GlobalKind::grant_membership, "GRANT ", " TO "},
    {GlobalKind::create_tablespace, "CREATE TABLESPACE ", ""},
    {GlobalKind::alter_tablespace, "ALTER TABLESPACE ", " …"},
    {GlobalKind::grant_tablespace, "privileges ON TABLESPACE ", " of "},
    {GlobalKind::grant_parameter, "privileges ON PARAMETER ", " of "},
    {GlobalKind::comment_role, "COMMENT ON ROLE ", ""},
    {GlobalKind::comment_tablespace, "COMMENT ON TABLESPACE ", ""},
    {GlobalKind::security_label, "SECURITY LABEL ON ", ""},
    {GlobalKind::session_setting, "SET ", ""},
}};

class Reading {
public:
    explicit Reading(const SqlStatement& statement) : cursor_(statement.tokens) {
        read_.text = Secret(std::string(statement.text));
        read_.line = statement.line;
    }

    GlobalStatement read() {
        read_.kind = kind();
        if (read_.kind == GlobalKind::other) {
            read_.subject.clear();
            read_.grantee.clear();
        }
        return std::move(read_);
    }

private:
    GlobalKind kind() {
        if (cursor_.accept("CREATE ROLE")) {
            return about(GlobalKind::create_role);
        }
        if (cursor_.accept("ALTER ROLE")) {
            return altered_role();
        }
        if (cursor_.accept("CREATE TABLESPACE")) {
            return about(GlobalKind::create_tablespace);
        }
        if (cursor_.accept("ALTER TABLESPACE")) {
            return about(GlobalKind::alter_tablespace);
        }
        if (cursor_.accept("GRANT")) {
            return granted();
        }
        if (cursor_.accept("REVOKE")) {
            return privileges("FROM");
        }
        if (cursor_.accept("COMMENT ON ROLE")) {
            return about(GlobalKind::comment_role);
        }
        if (cursor_.accept("COMMENT ON TABLESPACE")) {
            return about(GlobalKind::comment_tablespace);
        }
        if (cursor_.accept("SECURITY LABEL")) {
            return security_label();
        }
        return session_setting();
    }

    GlobalKind about(GlobalKind kind) {
        auto name = cursor_.name();
        if (!name || name->empty()) {
            return GlobalKind::other;
        }
        read_.subject = std::move(*name);
        return kind;
    }

    GlobalKind altered_role() {
        if (about(GlobalKind::alter_role_attributes) == GlobalKind::other) {
            return GlobalKind::other;
        }
        if (cursor_.accept("WITH")) {
            return GlobalKind::alter_role_attributes;
        }
        if (cursor_.accept("SET")) {
            return GlobalKind::alter_role_settings;
        }
        return cursor_.accept("IN DATABASE") ? GlobalKind::alter_role_in_database : GlobalKind::other;
    }

    // A membership has no ON; privileges have one in front of their TO. Both words are reserved.
    GlobalKind granted() {
        auto ahead = cursor_;
        if (ahead.skip_behind("ON")) {
            return privileges("TO");
        }
        return about(GlobalKind::grant_membership) != GlobalKind::other && cursor_.accept("TO")
                   ? to_one(GlobalKind::grant_membership)
                   : GlobalKind::other;
    }

    GlobalKind privileges(std::string_view towards) {
        cursor_.skip_behind("ON");
        auto kind = GlobalKind::other;
        if (cursor_.accept("TABLESPACE")) {
            kind = about(GlobalKind::grant_tablespace);
        } else if (cursor_.accept("PARAMETER")) {
            kind = about_parameter();
        }
        return kind != GlobalKind::other && cursor_.accept(towards) ? to_one(kind) : GlobalKind::other;
    }

    // Parameters of extensions have a dot in their name.
    GlobalKind about_parameter() {
        const auto kind = about(GlobalKind::grant_parameter);
        while (cursor_.accept_symbol('.')) {
            read_.subject += '.' + cursor_.name().value_or("");
        }
        return kind;
    }

    GlobalKind to_one(GlobalKind kind) {
        auto roles = cursor_.roles();
        if (!roles || roles->size() > 1) {
            return GlobalKind::other;
        }
        if (!roles->empty()) {
            read_.grantee = std::move(roles->front());
        }
        return kind;
    }

    GlobalKind security_label() {
        if (!cursor_.skip_behind("ON")) {
            return GlobalKind::other;
        }
        const bool known = cursor_.accept("ROLE") || cursor_.accept("TABLESPACE");
        return known ? about(GlobalKind::security_label) : GlobalKind::other;
    }

    GlobalKind session_setting() {
        const bool setting = cursor_.accept("SET") || cursor_.accept("RESET");
        return setting ? about(GlobalKind::session_setting) : GlobalKind::other;
    }

    SqlCursor cursor_;
    GlobalStatement read_;
};

bool may_be_passed_over(std::string_view psql_command) {
    const auto word = psql_command.substr(0, psql_command.find_first_of(" \t\r"));
    return word == "\\restrict" || word == "\\unrestrict" || word == "\\connect";
}

bool is_plain_name(std::string_view name) {
    const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.'; };
    return !name.empty() && std::ranges::all_of(name, plain);
}

std::string shown(std::string name) {
    if (is_plain_name(name)) {
        return name;
    }
    std::ranges::replace_if(
        name, [](unsigned char c) { return c < 0x20 || c == 0x7F; }, '?');
    return archive::quote_identifier(name);
}

bool has_grantee(GlobalKind kind) {
    return kind == GlobalKind::grant_membership || kind == GlobalKind::grant_tablespace ||
           kind == GlobalKind::grant_parameter;
}

std::string location_of(const GlobalStatement& statement) {
    const auto statements = archive::split_statements(statement.text.reveal());
    if (!statements || statements->size() != 1) {
        return {};
    }
    SqlCursor cursor(statements->front().tokens);
    const auto* token = cursor.skip_behind("LOCATION") ? cursor.peek() : nullptr;
    return token == nullptr ? std::string{} : archive::literal(*token).value_or("");
}

struct Grantor {
    std::string name;
    std::size_t begin = 0;  // where the text ends without it
};

std::optional<Grantor> grantor_in(std::string_view text) {
    const auto statements = archive::split_statements(text);
    if (!statements || statements->size() != 1 || statements->front().tokens.size() <= 3) {
        return std::nullopt;
    }
    const auto& tokens = statements->front().tokens;
    const auto clause = std::span(tokens).last(3);
    SqlCursor cursor(clause);
    auto name = cursor.accept("GRANTED BY") ? cursor.name() : std::nullopt;
    if (!name) {
        return std::nullopt;
    }
    const auto& before = tokens[tokens.size() - 4];
    return Grantor{std::move(*name), before.offset + before.text.size()};
}

}  // namespace

Result<std::vector<GlobalStatement>> parse_globals(std::string_view script) {
    const auto statements = archive::split_statements(script);
    if (!statements) {
        auto error = in_context("globals script", statements.error());
        error.next = look_at_globals;
        return error;
    }
    std::vector<GlobalStatement> globals;
    for (const auto& statement : *statements) {
        if (!statement.is_psql_command()) {
            globals.push_back(Reading(statement).read());
        } else if (!may_be_passed_over(statement.text)) {
            return Error{ErrorKind::corrupt,
                         "globals script: line " + std::to_string(statement.line) +
                             " is a psql command that pg_dumpall does not write",
                         std::string(look_at_globals)};
        }
    }
    return globals;
}

std::string grantor_of(const GlobalStatement& statement) {
    auto grantor = grantor_in(statement.text.reveal());
    return grantor ? std::move(grantor->name) : std::string();
}

Secret without_grantor(const GlobalStatement& statement) {
    const auto text = statement.text.reveal();
    const auto grantor = grantor_in(text);
    return grantor ? Secret(std::string(text.substr(0, grantor->begin))) : statement.text;
}

Secret with_name(const GlobalStatement& statement, std::string_view name) {
    const std::string text(statement.text.reveal());
    const auto statements = archive::split_statements(text);
    if (statement.kind != GlobalKind::create_tablespace || !statements || statements->size() != 1) {
        return statement.text;
    }
    SqlCursor cursor(statements->front().tokens);
    const auto* token = cursor.accept("CREATE TABLESPACE") ? cursor.peek() : nullptr;
    if (token == nullptr) {
        return statement.text;
    }
    return Secret(text.substr(0, token->offset) + archive::quote_identifier(name) +
                  text.substr(token->offset + token->text.size()));
}

std::string describe(const GlobalStatement& statement) {
    const auto* wording = std::ranges::find(wordings, statement.kind, &Wording::kind);
    if (wording == wordings.end()) {
        return "the statement in line " + std::to_string(statement.line);
    }
    auto text = std::string(wording->before) + shown(statement.subject) + std::string(wording->after);
    if (has_grantee(statement.kind)) {
        text += statement.grantee.empty() ? "PUBLIC" : shown(statement.grantee);
    }
    return text;
}

std::vector<std::string> created_roles(std::span<const GlobalStatement> statements) {
    std::vector<std::string> names;
    for (const auto& statement : statements) {
        if (statement.kind == GlobalKind::create_role) {
            names.push_back(statement.subject);
        }
    }
    return names;
}

std::vector<Tablespace> created_tablespaces(std::span<const GlobalStatement> statements) {
    std::vector<Tablespace> tablespaces;
    for (const auto& statement : statements) {
        if (statement.kind == GlobalKind::create_tablespace) {
            tablespaces.push_back({statement.subject, location_of(statement)});
        }
    }
    return tablespaces;
}

}  // namespace lifeboat::postgres
