#include "globals.hpp"

#include "archive/sql_text.hpp"

#include <algorithm>
#include <map>
#include <string_view>

namespace lifeboat::drill {
namespace {

using postgres::GlobalKind;
using postgres::GlobalStatement;

bool compared(const GlobalStatement& statement, const GlobalsOptions& options) {
    const bool of_session = statement.kind == GlobalKind::session_setting || statement.kind == GlobalKind::other;
    const bool setting =
        statement.kind == GlobalKind::alter_role_settings || statement.kind == GlobalKind::alter_role_in_database;
    return !of_session && (!setting || options.without_settings.count(statement.subject) == 0) &&
           options.passed_over.count(statement.subject) == 0 &&
           (statement.grantee.empty() || options.passed_over.count(statement.grantee) == 0);
}

// What must be the same. A tablespace lies in another folder here.
std::string essence(const GlobalStatement& statement, const GlobalsOptions& options,
                    const std::set<std::string>& without_grantor) {
    std::string text(statement.text.reveal());
    switch (statement.kind) {
        case GlobalKind::create_tablespace: return text.substr(0, text.rfind(" LOCATION "));
        case GlobalKind::grant_membership:
            if (!options.same_major) {
                return {};
            }
            return without_grantor.count(postgres::describe(statement)) == 0
                       ? text
                       : std::string(postgres::without_grantor(statement).reveal());
        default: return text;
    }
}

// Memberships whose grantor was dropped, which PostgreSQL allows up to 15: a restore makes them anew in its own name.
std::set<std::string> granted_by_nobody(const std::vector<GlobalStatement>& statements) {
    std::set<std::string> names;
    for (const auto& statement : statements) {
        if (statement.kind == GlobalKind::grant_membership && postgres::grantor_of(statement).empty()) {
            names.insert(postgres::describe(statement));
        }
    }
    return names;
}

// By what people call the statement: all texts that go by that name.
using Statements = std::map<std::string, std::multiset<std::string>>;

struct Side {
    Statements statements;
    std::map<std::string, std::string> subjects;
};

Side side_of(const std::vector<GlobalStatement>& statements, const GlobalsOptions& options,
             const std::set<std::string>& without_grantor) {
    Side side;
    for (const auto& statement : statements) {
        if (compared(statement, options)) {
            auto name = postgres::describe(statement);
            side.subjects[name] = statement.subject;
            side.statements[std::move(name)].insert(essence(statement, options, without_grantor));
        }
    }
    return side;
}

bool has_word(const GlobalStatement& statement, std::string_view word) {
    const auto parts = archive::split_statements(statement.text.reveal());
    return parts && !parts->empty() &&
           std::any_of(parts->front().tokens.begin(), parts->front().tokens.end(), [word](const auto& token) {
               return token.kind == archive::SqlTokenKind::word && token.text == word;
           });
}

bool makes_superuser(const GlobalStatement& statement) {
    return statement.kind == GlobalKind::alter_role_attributes && has_word(statement, "SUPERUSER");
}

// Any other role, superuser or not, grants only those that it was given with the right to.
bool grants_what_it_may_not_administer(const std::vector<GlobalStatement>& stored, const std::string& superuser) {
    return std::any_of(stored.begin(), stored.end(), [&](const auto& grant) {
        return grant.kind == GlobalKind::grant_membership && postgres::grantor_of(grant) == superuser &&
               std::none_of(stored.begin(), stored.end(), [&](const auto& other) {
                   return other.kind == GlobalKind::grant_membership && other.subject == grant.subject &&
                          other.grantee == superuser && has_word(other, "ADMIN");
               });
    });
}

}  // namespace

std::vector<Finding> globals_differences(const std::vector<GlobalStatement>& stored,
                                         const std::vector<GlobalStatement>& restored, const GlobalsOptions& options) {
    const auto without_grantor = granted_by_nobody(stored);
    const auto first = side_of(stored, options, without_grantor);
    const auto second = side_of(restored, options, without_grantor);
    std::vector<Finding> found;
    for (const auto& [name, texts] : first.statements) {
        const auto other = second.statements.find(name);
        const auto& subject = first.subjects.at(name);
        if (other == second.statements.end()) {
            found.push_back({"role", {}, subject, name + ": only in the backup"});
        } else if (other->second != texts) {
            found.push_back({"role", {}, subject, name + ": not the same in the backup and after the restore"});
        }
    }
    for (const auto& [name, texts] : second.statements) {
        if (first.statements.count(name) == 0) {
            found.push_back({"role", {}, second.subjects.at(name), name + ": only after the restore"});
        }
    }
    return found;
}

std::string first_superuser(const std::vector<GlobalStatement>& stored, int major) {
    constexpr int grants_are_the_first_ones = 16;
    std::string first;
    for (const auto& statement : stored) {
        if (!makes_superuser(statement)) {
            continue;
        }
        if (major >= grants_are_the_first_ones && grants_what_it_may_not_administer(stored, statement.subject)) {
            return statement.subject;
        }
        if (first.empty() || statement.subject == "postgres") {
            first = statement.subject;
        }
    }
    return first.empty() ? "postgres" : first;
}

std::string owner_of_tablespace(const GlobalStatement& create) {
    const auto parts = archive::split_statements(create.text.reveal());
    if (!parts || parts->empty()) {
        return {};
    }
    archive::SqlCursor cursor(parts->front().tokens);
    if (!cursor.accept("CREATE TABLESPACE") || !cursor.name() || !cursor.accept("OWNER")) {
        return {};
    }
    return cursor.name().value_or("");
}

}  // namespace lifeboat::drill
