#include "sql_checks.hpp"

#include <algorithm>
#include <array>
#include <string_view>

namespace lifeboat::drill {
namespace {

constexpr std::size_t longest_answer = 200;

std::string trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(" \t\n");
    const auto last = text.find_last_not_of(" \t\n");
    return first == std::string_view::npos ? "" : std::string(text.substr(first, last - first + 1));
}

// As PostgreSQL itself would read it: no rounding, whatever the size.
Result<bool> is_number(postgres::Connection& connection, const std::string& text) {
    auto matches = connection.value(R"(SELECT $1 ~ '^\s*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?\s*$')", {text});
    return matches ? Result<bool>(*matches == "t") : Result<bool>(std::move(matches).error());
}

Result<bool> holds(postgres::Connection& connection, const std::string& got, const Expectation& expected) {
    bool numbers = true;
    for (const auto& text : {got, expected.value}) {
        auto number = is_number(connection, text);
        if (!number) {
            return std::move(number).error();
        }
        numbers = numbers && *number;
    }
    if (numbers) {
        auto compared = connection.value("SELECT $1::numeric " + expected.op + " $2::numeric", {got, expected.value});
        return compared ? Result<bool>(*compared == "t") : Result<bool>(std::move(compared).error());
    }
    if (expected.op == "=" || expected.op == "!=") {
        return (got == expected.value) == (expected.op == "=");
    }
    return failed("'" + expected.op + "' compares numbers, and one of the two is none",
                  "write a query that gives a number, or expect a text");
}

// One answer, or why there is none.
Result<std::string> answer(postgres::Connection& connection, const std::string& query) {
    for (const char* sql : {"SET default_transaction_read_only = on", "SET statement_timeout = '5min'",
                            "SET lock_timeout = '1min'", "RESET search_path",  // the database's own
                            "BEGIN TRANSACTION READ ONLY"}) {
        if (auto ran = connection.execute(sql); !ran) {
            return std::move(ran).error();
        }
    }
    auto rows = connection.query(query);
    if (!rows) {
        return std::move(rows).error();
    }
    if (rows->size() != 1 || rows->front().size() != 1) {
        return failed("the query gives " + std::to_string(rows->size()) + " rows of " +
                          std::to_string(rows->empty() ? 0 : rows->front().size()) +
                          " columns, where one of one is wanted",
                      "write a query that gives a single value, such as SELECT count(*) FROM …");
    }
    if (!rows->front().front()) {
        return failed("the query gives NULL", "write a query that gives a value, such as with coalesce(…, 0)");
    }
    return *rows->front().front();
}

std::string shortened(std::string text) {
    std::replace_if(
        text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; }, '?');
    if (text.size() > longest_answer) {
        text.resize(longest_answer);
        text += "…";
    }
    return text;
}

}  // namespace

Expectation expectation_of(const std::string& expect) {
    const std::string text = trimmed(expect);
    // The longer ones first.
    for (const char* op : {">=", "<=", "!=", "<>", "==", ">", "<", "="}) {
        const std::string_view sign(op);
        if (std::string_view(text).substr(0, sign.size()) == sign) {
            const std::string meant = sign == "<>" ? "!=" : sign == "==" ? "=" : std::string(sign);
            return {meant, trimmed(std::string_view(text).substr(sign.size()))};
        }
    }
    return {"=", text};
}

Result<CheckOutcome> ask(const postgres::Server& server, const SqlCheck& check, const std::stop_token& stop) {
    CheckOutcome outcome{check.database, check.query, check.expect, {}, {}, false};
    auto connection = postgres::Connection::open(server, check.database, stop);
    auto got = connection ? answer(*connection, check.query) : Result<std::string>(std::move(connection).error());
    if (got) {
        outcome.got = shortened(*got);
        // By another connection: the answer's transaction may be the owner's own by now.
        auto clean = postgres::Connection::open(server, std::nullopt, stop);
        auto held =
            clean ? holds(*clean, trimmed(*got), expectation_of(check.expect)) : Result<bool>(std::move(clean).error());
        if (held) {
            outcome.passed = *held;
            return outcome;
        }
        got = std::move(held).error();
    }
    if (stop.stop_requested()) {
        return Error{ErrorKind::interrupted, "stopped", {}};
    }
    outcome.error = shortened(whole_text(got.error()));
    return outcome;
}

}  // namespace lifeboat::drill
