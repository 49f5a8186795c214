// SQL text as pg_dump and pg_dumpall write it, cut into tokens and statements.
//
// This is no SQL parser. It knows exactly as much as is needed to find where a statement ends and which
// names stand in it, whatever its literals, names and comments hold: semicolons, quotes, newlines, other
// statements. The rules are those of the manual's chapter "Lexical Structure":
//   '…' with '' for a quote, E'…' with backslash escapes, a literal carried on after a newline,
//   "…" with "" for a quote, $tag$…$tag$, -- comments, /* nested /* comments */ */.
// Literals are read as with standard_conforming_strings on. What pg_dump writes with it off (every backslash
// doubled) has its ends in the same places.
//
// Views point into the script that was given and live as long as it does.
#pragma once

#include "result/result.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lifeboat::archive {

enum class SqlTokenKind {
    word,               // a keyword or a name without quotes
    quoted_identifier,  // "…", quotes included
    literal,            // '…', E'…' or $tag$…$tag$, quotes included; an E stands in front
    number,
    symbol,        // any other single character
    psql_command,  // a backslash and the rest of its line: psql's, not SQL
};

struct SqlToken {
    SqlTokenKind kind = SqlTokenKind::symbol;
    std::string_view text;
    std::size_t offset = 0;  // in the script
};

// One statement without its semicolon and without the comments around it; or one psql command, alone.
struct SqlStatement {
    std::string_view text;
    std::size_t line = 0;  // of its first token; the first line is 1
    std::vector<SqlToken> tokens;

    [[nodiscard]] bool is_psql_command() const { return tokens.front().kind == SqlTokenKind::psql_command; }
};

// All statements of a script, in order; empty ones are left out. Fails (corrupt) when a quote or a comment
// has no end, when a psql command stands inside a statement, and on a NUL byte, at which libpq would cut the
// text. Messages hold line numbers, never text.
Result<std::vector<SqlStatement>> split_statements(std::string_view script);

// The name that a word or a quoted identifier means: quotes taken off, a bare word folded to lower case
// (ASCII letters only, as the server does for UTF-8). Nothing for any other token.
std::optional<std::string> identifier(const SqlToken& token);

// The text that a '…' or E'…' literal means. Nothing for other tokens, nor for what pg_dump does not write:
// \u escapes and literals carried on after a newline.
std::optional<std::string> literal(const SqlToken& token);

// The name as a quoted identifier: always quoted, so that no keyword and no letter case is mistaken.
std::string quote_identifier(std::string_view name);

// Walks over the tokens of a statement.
class SqlCursor {
public:
    explicit SqlCursor(std::span<const SqlToken> tokens) : tokens_(tokens) {}

    [[nodiscard]] bool at_end() const { return at_ == tokens_.size(); }
    [[nodiscard]] const SqlToken* peek() const { return at_end() ? nullptr : &tokens_[at_]; }

    // Steps over these keywords (separated by one space, in capitals) if they all stand here, else stays.
    bool accept(std::string_view keywords);
    bool accept_symbol(char symbol);

    // Steps over a name and returns what it means; stays, and returns nothing, where there is none.
    std::optional<std::string> name();

    // Steps behind the next such keyword outside parentheses; goes to the end, and returns false, without one.
    bool skip_behind(std::string_view keyword);

    // Reads `app, "Bob", PUBLIC`, with GROUP in front of a name as old versions write it. PUBLIC is not a role
    // and is left out. Nothing where the list cannot be read.
    std::optional<std::vector<std::string>> roles();

private:
    std::span<const SqlToken> tokens_;
    std::size_t at_ = 0;
};

}  // namespace lifeboat::archive
