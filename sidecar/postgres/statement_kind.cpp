#include "postgres/statement_kind.hpp"

#include "archive/sql_text.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <vector>

namespace lifeboat::postgres {
namespace {

using Words = std::vector<std::string>;

// Longer ones before those that they begin with.
constexpr std::array strong = {
    "ALTER TABLE",
    "ALTER INDEX",
    "ALTER SEQUENCE",
    "ALTER MATERIALIZED VIEW",
    "ALTER VIEW",
    "ALTER FOREIGN TABLE",
    "ALTER TRIGGER",
    "ALTER POLICY",
    "ALTER RULE",
    "ALTER TYPE",
    "ALTER SCHEMA",
    "ALTER EXTENSION",
    "ALTER",
    "DROP TABLE",
    "DROP INDEX CONCURRENTLY",
    "DROP INDEX",
    "DROP SEQUENCE",
    "DROP MATERIALIZED VIEW",
    "DROP VIEW",
    "DROP FOREIGN TABLE",
    "DROP TRIGGER",
    "DROP POLICY",
    "DROP RULE",
    "DROP SCHEMA",
    "DROP OWNED",
    "DROP EXTENSION",
    "DROP DATABASE",
    "DROP",
    "TRUNCATE",
    "CREATE INDEX CONCURRENTLY",
    "CREATE INDEX",
    "CREATE TRIGGER",
    "CREATE RULE",
    "CREATE POLICY",
    "CREATE TABLE",
    "CREATE",
    "REINDEX CONCURRENTLY",
    "REINDEX",
    "REFRESH MATERIALIZED VIEW CONCURRENTLY",
    "REFRESH MATERIALIZED VIEW",
    "CLUSTER",
    "VACUUM FULL",
    "VACUUM",
    "LOCK TABLE",
    "COMMENT",
    "SECURITY LABEL",
    "REASSIGN OWNED",
    "GRANT",
    "REVOKE",
};
// What may do any of the above inside, or waits for other reasons.
constexpr std::array weak = {
    "ANALYZE", "DO",    "CALL",    "EXECUTE", "SELECT",   "INSERT", "UPDATE",   "DELETE",
    "MERGE",   "COPY",  "WITH",    "BEGIN",   "COMMIT",   "END",    "ROLLBACK", "START TRANSACTION",
    "FETCH",   "TABLE", "EXPLAIN", "PREPARE", "SAVEPOINT"};

std::string upper(std::string_view word) {
    std::string text(word);
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return static_cast<char>(std::toupper(static_cast<unsigned char>(c))); });
    return text;
}

bool is_noise(const std::string& word) {
    // Between the words that name the kind.
    static constexpr std::array noise = {"UNIQUE", "OR",        "REPLACE",  "CONSTRAINT", "GLOBAL", "LOCAL",
                                         "TEMP",   "TEMPORARY", "UNLOGGED", "RECURSIVE",  "EVENT"};
    return std::find(noise.begin(), noise.end(), word) != noise.end();
}

// The words at the beginning of a statement, up to its first name of something. "VACUUM (FULL, ANALYZE)" and
// "REINDEX (CONCURRENTLY) TABLE" become "VACUUM FULL …" and "REINDEX CONCURRENTLY …".
Words first_words(const archive::SqlStatement& statement) {
    constexpr std::size_t enough = 8;
    Words words;
    for (const auto& token : statement.tokens) {
        if (words.size() == enough) {
            break;
        }
        if (token.kind != archive::SqlTokenKind::word) {
            if (token.kind == archive::SqlTokenKind::symbol && (token.text == "(" || token.text == ",")) {
                continue;
            }
            break;
        }
        if (auto word = upper(token.text); !is_noise(word)) {
            words.push_back(std::move(word));
        }
    }
    return words;
}

// Where the manual allows several spellings.
Words spelled_alike(Words words) {
    const auto has = [&words](const char* word) { return std::find(words.begin(), words.end(), word) != words.end(); };
    if (words.front() == "VACUUM" && has("FULL")) {
        return {"VACUUM", "FULL"};
    }
    if (words.front() == "REINDEX" && has("CONCURRENTLY")) {
        return {"REINDEX", "CONCURRENTLY"};
    }
    if (words.front() == "LOCK") {
        return {"LOCK", "TABLE"};
    }
    return words;
}

bool begins_with(const Words& words, std::string_view kind) {
    for (const auto& word : words) {
        if (!kind.starts_with(word) || (kind.size() > word.size() && kind[word.size()] != ' ')) {
            return false;
        }
        if (kind.size() == word.size()) {
            return true;
        }
        kind.remove_prefix(word.size() + 1);
    }
    return false;
}

template <class Kinds>
std::optional<std::string> among(const Kinds& kinds, const Words& words) {
    const auto found =
        std::find_if(kinds.begin(), kinds.end(), [&words](const char* kind) { return begins_with(words, kind); });
    return found == kinds.end() ? std::nullopt : std::optional<std::string>(*found);
}

// Statements of a text whose end may have been cut off inside of a quote or a comment.
Result<std::vector<archive::SqlStatement>> statements_of(std::string_view sql) {
    auto whole = archive::split_statements(sql);
    for (auto end = sql.find_last_of("'\"$/"); !whole && end != std::string_view::npos;
         end = end == 0 ? std::string_view::npos : sql.find_last_of("'\"$/", end - 1)) {
        whole = archive::split_statements(sql.substr(0, end));
    }
    return whole;
}

}  // namespace

std::optional<std::string> statement_kind(std::string_view sql) {
    constexpr std::size_t enough = 4096;  // of a text whose beginning is what matters
    const auto statements = statements_of(sql.substr(0, enough));
    if (!statements) {
        return std::nullopt;
    }
    std::optional<std::string> other;
    for (const auto& statement : *statements) {
        if (statement.is_psql_command()) {
            continue;
        }
        auto words = first_words(statement);
        if (words.empty()) {
            continue;
        }
        words = spelled_alike(std::move(words));
        if (auto kind = among(strong, words)) {
            return kind;
        }
        if (auto kind = among(weak, words)) {
            other = std::move(kind);
        }
    }
    return other;
}

}  // namespace lifeboat::postgres
