#include "archive/sql_text.hpp"

#include <algorithm>
#include <utility>

namespace lifeboat::archive {
namespace {

bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool starts_word(char c) {
    // Every byte of a character outside ASCII may stand in a name.
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}

bool continues_word(char c) {
    return starts_word(c) || is_digit(c) || c == '$';
}

char upper(char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool is_keyword(const SqlToken& token, std::string_view keyword) {
    return token.kind == SqlTokenKind::word && std::ranges::equal(token.text, keyword, {}, upper);
}

bool is_symbol(const SqlToken& token, char symbol) {
    return token.kind == SqlTokenKind::symbol && token.text.front() == symbol;
}

enum class Escapes { none, backslash };

class Scanner {
public:
    explicit Scanner(std::string_view script) : script_(script) {}

    // Nothing at the end, and where the script ends inside a quote or a comment: then unterminated() is true.
    std::optional<SqlToken> next() {
        skip_blank();
        if (unterminated_ || at_ == script_.size()) {
            return std::nullopt;
        }
        const auto start = at_;
        const auto kind = scan();
        if (unterminated_) {
            at_ = start;  // so that the message names the line on which the quote begins
            return std::nullopt;
        }
        return SqlToken{kind, script_.substr(start, at_ - start), start};
    }

    [[nodiscard]] bool unterminated() const { return unterminated_; }
    [[nodiscard]] std::size_t at() const { return at_; }

private:
    [[nodiscard]] char look(std::size_t ahead = 0) const {
        return at_ + ahead < script_.size() ? script_[at_ + ahead] : '\0';
    }

    [[nodiscard]] bool sees(std::string_view text) const { return script_.substr(at_).starts_with(text); }

    void skip_blank() {
        while (!unterminated_ && at_ < script_.size()) {
            if (is_space(look())) {
                ++at_;
            } else if (sees("--")) {
                to_line_end();
            } else if (sees("/*")) {
                skip_block_comment();
            } else {
                return;
            }
        }
    }

    void to_line_end() { at_ = std::min(script_.find('\n', at_), script_.size()); }

    void skip_block_comment() {
        const auto start = at_;
        std::size_t depth = 0;
        do {
            if (at_ >= script_.size()) {
                unterminated_ = true;
                at_ = start;
                return;
            }
            if (sees("/*")) {
                ++depth;
                at_ += 2;
            } else if (sees("*/")) {
                --depth;
                at_ += 2;
            } else {
                ++at_;
            }
        } while (depth > 0);
    }

    SqlTokenKind scan() {
        const char c = look();
        if (c == '\'') {
            scan_literal(Escapes::none);
            return SqlTokenKind::literal;
        }
        if ((c == 'E' || c == 'e') && look(1) == '\'') {
            ++at_;
            scan_literal(Escapes::backslash);
            return SqlTokenKind::literal;
        }
        if (c == '"') {
            scan_quoted('"', Escapes::none);
            return SqlTokenKind::quoted_identifier;
        }
        if (c == '\\') {
            to_line_end();
            return SqlTokenKind::psql_command;
        }
        if (c == '$' && scan_dollar_quoted()) {
            return SqlTokenKind::literal;
        }
        if (starts_word(c)) {
            skip_while(continues_word);
            return SqlTokenKind::word;
        }
        if (is_digit(c)) {
            skip_while([](char d) { return continues_word(d) || d == '.'; });
            return SqlTokenKind::number;
        }
        ++at_;
        return SqlTokenKind::symbol;
    }

    template <class Predicate>
    void skip_while(Predicate belongs) {
        while (at_ < script_.size() && belongs(script_[at_])) {
            ++at_;
        }
    }

    // A literal goes on in the next pair of quotes when only blanks with a newline among them stand between.
    void scan_literal(Escapes escapes) {
        scan_quoted('\'', escapes);
        while (!unterminated_) {
            const auto end = at_;
            skip_blank();
            const bool newline = script_.substr(end, at_ - end).find('\n') != std::string_view::npos;
            if (unterminated_ || !newline || look() != '\'') {
                unterminated_ = false;  // of a comment behind the literal: met again by the next token
                at_ = end;
                return;
            }
            scan_quoted('\'', escapes);
        }
    }

    void scan_quoted(char quote, Escapes escapes) {
        ++at_;
        while (at_ < script_.size()) {
            if (escapes == Escapes::backslash && look() == '\\') {
                at_ = std::min(at_ + 2, script_.size());
            } else if (look() != quote) {
                ++at_;
            } else if (look(1) == quote) {
                at_ += 2;
            } else {
                ++at_;
                return;
            }
        }
        unterminated_ = true;
    }

    // False, and nothing moved, where the dollar opens no quote.
    bool scan_dollar_quoted() {
        auto tag_end = at_ + 1;
        while (tag_end < script_.size() && continues_word(script_[tag_end]) && script_[tag_end] != '$') {
            ++tag_end;
        }
        if (tag_end >= script_.size() || script_[tag_end] != '$' || is_digit(script_[at_ + 1])) {
            return false;
        }
        const auto delimiter = script_.substr(at_, tag_end + 1 - at_);
        const auto end = script_.find(delimiter, tag_end + 1);
        unterminated_ = end == std::string_view::npos;
        at_ = unterminated_ ? script_.size() : end + delimiter.size();
        return true;
    }

    std::string_view script_;
    std::size_t at_ = 0;
    bool unterminated_ = false;
};

class Splitter {
public:
    explicit Splitter(std::string_view script) : script_(script), scanner_(script) {}

    Result<std::vector<SqlStatement>> split() {
        if (const auto nul = script_.find('\0'); nul != std::string_view::npos) {
            return broken(nul, "holds a NUL byte");
        }
        while (auto token = scanner_.next()) {
            if (token->kind == SqlTokenKind::psql_command && !tokens_.empty()) {
                return broken(token->offset, "holds a psql command inside a statement");
            }
            if (is_symbol(*token, ';')) {
                end_statement();
                continue;
            }
            tokens_.push_back(*token);
            if (token->kind == SqlTokenKind::psql_command) {
                end_statement();
            }
        }
        if (scanner_.unterminated()) {
            return broken(scanner_.at(), "opens a quote or a comment that has no end");
        }
        end_statement();
        return std::move(statements_);
    }

private:
    void end_statement() {
        if (tokens_.empty()) {
            return;
        }
        const auto start = tokens_.front().offset;
        const auto end = tokens_.back().offset + tokens_.back().text.size();
        statements_.push_back({script_.substr(start, end - start), line_of(start), std::exchange(tokens_, {})});
    }

    // Asked with growing offsets, so that the script is counted through once.
    std::size_t line_of(std::size_t offset) {
        line_ += static_cast<std::size_t>(std::ranges::count(script_.substr(counted_, offset - counted_), '\n'));
        counted_ = offset;
        return line_;
    }

    Error broken(std::size_t offset, std::string_view how) {
        const auto line = 1 + std::ranges::count(script_.substr(0, offset), '\n');
        return {ErrorKind::corrupt, "line " + std::to_string(line) + " of the SQL text " + std::string(how), {}};
    }

    std::string_view script_;
    Scanner scanner_;
    std::vector<SqlToken> tokens_;
    std::vector<SqlStatement> statements_;
    std::size_t counted_ = 0;
    std::size_t line_ = 1;
};

// Nothing where a quote stands alone: there the literal ends, and goes on after a newline.
std::optional<std::string> undouble(std::string_view quoted, char quote) {
    std::string plain;
    plain.reserve(quoted.size());
    for (std::size_t i = 0; i < quoted.size(); ++i) {
        plain += quoted[i];
        if (quoted[i] == quote && (++i == quoted.size() || quoted[i] != quote)) {
            return std::nullopt;
        }
    }
    return plain;
}

std::optional<unsigned> digit_value(char c, unsigned base) {
    unsigned value = base;
    if (is_digit(c)) {
        value = static_cast<unsigned>(c - '0');
    } else if (lower(c) >= 'a' && lower(c) <= 'f') {
        value = static_cast<unsigned>(lower(c) - 'a') + 10;
    }
    return value < base ? std::optional(value) : std::nullopt;
}

// Reads the body of an E'…' literal.
class EscapedText {
public:
    explicit EscapedText(std::string_view body) : body_(body) {}

    std::optional<std::string> plain() {
        while (at_ < body_.size()) {
            const char c = body_[at_++];
            if (c == '\\') {
                if (!escape()) {
                    return std::nullopt;
                }
                continue;
            }
            if (c == '\'' && (at_ == body_.size() || body_[at_++] != '\'')) {
                return std::nullopt;
            }
            plain_ += c;
        }
        return std::move(plain_);
    }

private:
    bool escape() {
        if (at_ == body_.size()) {
            return false;
        }
        const char c = body_[at_++];
        switch (c) {
            case 'b': plain_ += '\b'; return true;
            case 'f': plain_ += '\f'; return true;
            case 'n': plain_ += '\n'; return true;
            case 'r': plain_ += '\r'; return true;
            case 't': plain_ += '\t'; return true;
            case 'u':
            case 'U': return false;
            case 'x': return numeric(16, 2, c);
            default: break;
        }
        if (digit_value(c, 8)) {
            --at_;
            return numeric(8, 3, c);
        }
        plain_ += c;
        return true;
    }

    bool numeric(unsigned base, int max_digits, char letter) {
        unsigned value = 0;
        int digits = 0;
        while (digits < max_digits && at_ < body_.size()) {
            const auto digit = digit_value(body_[at_], base);
            if (!digit) {
                break;
            }
            value = value * base + *digit;
            ++digits;
            ++at_;
        }
        plain_ += digits == 0 ? letter : static_cast<char>(value & 0xFFU);
        return true;
    }

    std::string_view body_;
    std::size_t at_ = 0;
    std::string plain_;
};

}  // namespace

Result<std::vector<SqlStatement>> split_statements(std::string_view script) {
    return Splitter(script).split();
}

std::optional<std::string> identifier(const SqlToken& token) {
    if (token.kind == SqlTokenKind::quoted_identifier) {
        return undouble(token.text.substr(1, token.text.size() - 2), '"');
    }
    if (token.kind != SqlTokenKind::word) {
        return std::nullopt;
    }
    std::string name(token.text);
    std::ranges::transform(name, name.begin(), lower);
    return name;
}

std::optional<std::string> literal(const SqlToken& token) {
    if (token.kind != SqlTokenKind::literal || token.text.front() == '$') {
        return std::nullopt;
    }
    const bool escaped = token.text.front() != '\'';
    const auto body = token.text.substr(escaped ? 2 : 1, token.text.size() - (escaped ? 3 : 2));
    return escaped ? EscapedText(body).plain() : undouble(body, '\'');
}

std::string quote_identifier(std::string_view name) {
    std::string quoted = "\"";
    for (const char c : name) {
        quoted += c;
        if (c == '"') {
            quoted += c;
        }
    }
    return quoted + '"';
}

bool SqlCursor::accept(std::string_view keywords) {
    auto at = at_;
    while (!keywords.empty()) {
        const auto keyword = keywords.substr(0, keywords.find(' '));
        if (at == tokens_.size() || !is_keyword(tokens_[at], keyword)) {
            return false;
        }
        ++at;
        keywords.remove_prefix(std::min(keyword.size() + 1, keywords.size()));
    }
    at_ = at;
    return true;
}

bool SqlCursor::accept_symbol(char symbol) {
    if (at_end() || !is_symbol(tokens_[at_], symbol)) {
        return false;
    }
    ++at_;
    return true;
}

std::optional<std::string> SqlCursor::name() {
    auto found = at_end() ? std::nullopt : identifier(tokens_[at_]);
    if (found) {
        ++at_;
    }
    return found;
}

bool SqlCursor::skip_behind(std::string_view keyword) {
    std::size_t depth = 0;
    for (; at_ < tokens_.size(); ++at_) {
        const auto& token = tokens_[at_];
        if (is_symbol(token, '(')) {
            ++depth;
        } else if (is_symbol(token, ')') && depth > 0) {
            --depth;
        } else if (depth == 0 && is_keyword(token, keyword)) {
            ++at_;
            return true;
        }
    }
    return false;
}

std::optional<std::vector<std::string>> SqlCursor::roles() {
    std::vector<std::string> roles;
    do {
        if (accept("PUBLIC")) {
            continue;
        }
        accept("GROUP");  // a reserved word: as a role's name it would stand in quotes
        auto role = name();
        if (!role || role->empty()) {
            return std::nullopt;
        }
        roles.push_back(std::move(*role));
    } while (accept_symbol(','));
    return roles;
}

}  // namespace lifeboat::archive
