#include "archive/sql_text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lifeboat::archive {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::string> texts(std::string_view script) {
    std::vector<std::string> texts;
    const auto statements = split_statements(script);
    if (!statements) {
        return {"error: " + statements.error().what};
    }
    for (const auto& statement : *statements) {
        texts.emplace_back(statement.text);
    }
    return texts;
}

TEST(SqlText, SplitsAtSemicolonsAndLeavesOutEmptyStatements) {
    EXPECT_THAT(texts("a b ;; c;\n ; d"), ElementsAre("a b", "c", "d"));
    EXPECT_THAT(texts(" \n-- nothing;\n/* at; all */"), IsEmpty());
}

TEST(SqlText, KeepsWhatStandsInQuotesTogether) {
    EXPECT_THAT(texts("a 'x;''y;' b;c"), ElementsAre("a 'x;''y;' b", "c"));
    EXPECT_THAT(texts("a \"x;\"\"y;\n--\" b;c"), ElementsAre("a \"x;\"\"y;\n--\" b", "c"));
    EXPECT_THAT(texts("a $$x;'$$ b;c"), ElementsAre("a $$x;'$$ b", "c"));
    EXPECT_THAT(texts("a $t$x;$$;$u$;$t$ b;c"), ElementsAre("a $t$x;$$;$u$;$t$ b", "c"));
}

TEST(SqlText, TakesBackslashesAsEscapesOnlyBehindE) {
    EXPECT_THAT(texts(R"(a E'x\';y' b;c)"), ElementsAre(R"(a E'x\';y' b)", "c"));
    EXPECT_THAT(texts(R"(a e'x\\';c)"), ElementsAre(R"(a e'x\\')", "c"));
    EXPECT_THAT(texts(R"(a 'x\';c)"), ElementsAre(R"(a 'x\')", "c"));
    EXPECT_THAT(texts(R"(a type'x\';c)"), ElementsAre(R"(a type'x\')", "c"));
}

TEST(SqlText, CarriesALiteralOnAfterANewlineInTheSameMode) {
    EXPECT_THAT(texts("a E'x' -- so;\n '\\';y';c"), ElementsAre("a E'x' -- so;\n '\\';y'", "c"));
    EXPECT_THAT(texts("a E'x' '\\';c"), ElementsAre("a E'x' '\\'", "c"));
}

TEST(SqlText, ReadsThroughCommentsEvenNestedOnes) {
    EXPECT_THAT(texts("a -- ;'\n b /* ; /* \" ; */ ' ; */ c; d"),
                ElementsAre("a -- ;'\n b /* ; /* \" ; */ ' ; */ c", "d"));
}

TEST(SqlText, DoesNotTakeADollarInsideANameForAQuote) {
    EXPECT_THAT(texts("a$x$;b$x$;c"), ElementsAre("a$x$", "b$x$", "c"));
    EXPECT_THAT(texts("$1;$2"), ElementsAre("$1", "$2"));
}

TEST(SqlText, TellsTheLineOnWhichAStatementBegins) {
    const auto statements = split_statements("-- one\n\na 'x\ny';\n b\n;c");
    ASSERT_TRUE(statements);
    ASSERT_EQ(statements->size(), 3U);
    EXPECT_EQ((*statements)[0].line, 3U);
    EXPECT_EQ((*statements)[1].line, 5U);
    EXPECT_EQ((*statements)[2].line, 6U);
}

TEST(SqlText, GivesPsqlCommandsAsStatementsOfTheirOwn) {
    const auto statements = split_statements("a;\n\\restrict 'x;\nb;");
    ASSERT_TRUE(statements);
    ASSERT_EQ(statements->size(), 3U);
    EXPECT_FALSE((*statements)[0].is_psql_command());
    EXPECT_TRUE((*statements)[1].is_psql_command());
    EXPECT_EQ((*statements)[1].text, "\\restrict 'x;");
    EXPECT_EQ((*statements)[2].text, "b");
}

TEST(SqlText, RefusesAPsqlCommandInsideAStatement) {
    EXPECT_THAT(texts("a\n\\! ls\n;"), ElementsAre(HasSubstr("line 2 of the SQL text holds a psql command")));
}

TEST(SqlText, RefusesQuotesAndCommentsWithoutAnEnd) {
    for (const auto* open : {"a;\n'x", "a;\n E'x\\'", "a;\n\"x", "a;\n$t$x$$", "a;\n/* /* */", "a;\nE'x\\"}) {
        EXPECT_THAT(texts(open), ElementsAre(HasSubstr("line 2 of the SQL text opens a quote"))) << open;
    }
}

TEST(SqlText, RefusesANulByteAtWhichLibpqWouldStop) {
    EXPECT_THAT(texts({"a\0b", 3}), ElementsAre(HasSubstr("NUL")));
}

TEST(SqlText, HoldsNoTextOfTheScriptInItsErrors) {
    const auto statements = split_statements("ALTER ROLE x PASSWORD 'hunter2");
    ASSERT_FALSE(statements);
    EXPECT_EQ(statements.error().what.find("hunter2"), std::string::npos);
}

SqlToken only_token(std::string_view script) {
    return split_statements(script).value().at(0).tokens.at(0);
}

TEST(SqlIdentifier, FoldsBareWordsAndTakesQuotesOff) {
    EXPECT_EQ(identifier(only_token("AppÜ")), "appÜ");
    EXPECT_EQ(identifier(only_token("\"We\"\"ird; x\"")), "We\"ird; x");
    EXPECT_EQ(identifier(only_token("'x'")), std::nullopt);
}

TEST(SqlIdentifier, ComesBackTheSameWhenQuoted) {
    for (const std::string name : {"app", "We\"ird", "a\nb;--", "\"", "select", "Ü$"}) {
        EXPECT_EQ(identifier(only_token(quote_identifier(name))), name);
    }
}

TEST(SqlLiteral, MeansTheTextThatTheServerWouldRead) {
    EXPECT_EQ(literal(only_token("'it''s \\ x'")), "it's \\ x");
    EXPECT_EQ(literal(only_token(R"(E'it''s \\ \n\'\101\x41\q')")), "it's \\ \n'AAq");
    EXPECT_EQ(literal(only_token("''")), "");
}

TEST(SqlLiteral, IsNotGuessedWhereItIsWrittenInARareWay) {
    EXPECT_EQ(literal(only_token("'a'\n'b'")), std::nullopt);
    EXPECT_EQ(literal(only_token("E'a'\n'b'")), std::nullopt);
    EXPECT_EQ(literal(only_token("E'\\u0041'")), std::nullopt);
    EXPECT_EQ(literal(only_token("$$a$$")), std::nullopt);
}

TEST(SqlCursor, DoesNotTakeAQuotedNameForAKeyword) {
    const auto statements = split_statements("GRANT \"to\" TO x");
    ASSERT_TRUE(statements);
    SqlCursor cursor(statements->at(0).tokens);
    EXPECT_TRUE(cursor.skip_behind("TO"));
    EXPECT_EQ(cursor.name(), "x");
}

TEST(SqlCursor, DoesNotLookForKeywordsInParentheses) {
    const auto statements = split_statements("GRANT ALL ON FUNCTION f(a int, (to)) TO x");
    ASSERT_TRUE(statements);
    SqlCursor cursor(statements->at(0).tokens);
    EXPECT_TRUE(cursor.skip_behind("TO"));
    EXPECT_EQ(cursor.name(), "x");
}

TEST(SqlCursor, StaysWhereOnlyAPartOfTheKeywordsStands) {
    const auto statements = split_statements("alter Role x");
    ASSERT_TRUE(statements);
    SqlCursor cursor(statements->at(0).tokens);
    EXPECT_FALSE(cursor.accept("ALTER ROLE X Y"));
    EXPECT_FALSE(cursor.accept("ALTER ROL"));
    EXPECT_TRUE(cursor.accept("ALTER ROLE"));
    EXPECT_EQ(cursor.name(), "x");
    EXPECT_TRUE(cursor.at_end());
}

}  // namespace
}  // namespace lifeboat::archive
