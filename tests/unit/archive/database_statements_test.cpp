#include "archive/database_statements.hpp"

#include "archive_builder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lifeboat::archive {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

using Kind = DatabaseStatementKind;

std::vector<DatabaseStatement> statements_of(const TocEntry& entry) {
    return database_statements(std::span(&entry, 1));
}

std::vector<DatabaseStatement> properties(std::string defn) {
    return statements_of(sql_entry("DATABASE PROPERTIES", "My \"db\" x", std::move(defn)));
}

std::string renamed(const DatabaseStatement& statement) {
    auto text = for_database(statement, "new\"; x");
    return text ? *text : "error: " + text.error().what;
}

TEST(DatabaseStatements, ExchangesTheNameInEveryKnownStatement) {
    struct Case {
        std::string desc;
        std::string tag;
        std::string before;
        std::string after;
        Kind kind;
    };
    const std::vector<Case> cases = {
        {"DATABASE", "app", "CREATE DATABASE app WITH TEMPLATE = template0 ENCODING = 'UTF8'",
         R"(CREATE DATABASE "new""; x" WITH TEMPLATE = template0 ENCODING = 'UTF8')", Kind::create},
        {"DATABASE PROPERTIES", "app", "ALTER DATABASE app CONNECTION LIMIT = 7",
         R"(ALTER DATABASE "new""; x" CONNECTION LIMIT = 7)", Kind::setting},
        {"DATABASE PROPERTIES", "app", "ALTER DATABASE app IS_TEMPLATE = true",
         R"(ALTER DATABASE "new""; x" IS_TEMPLATE = true)", Kind::setting},
        {"DATABASE PROPERTIES", "app", "ALTER ROLE app IN DATABASE app SET work_mem TO '32MB'",
         R"(ALTER ROLE app IN DATABASE "new""; x" SET work_mem TO '32MB')", Kind::role_setting},
        {"ACL", "DATABASE app", "GRANT CONNECT ON DATABASE app TO app WITH GRANT OPTION",
         R"(GRANT CONNECT ON DATABASE "new""; x" TO app WITH GRANT OPTION)", Kind::privilege},
        {"ACL", "DATABASE app", "REVOKE CONNECT,TEMPORARY ON DATABASE app FROM PUBLIC",
         R"(REVOKE CONNECT,TEMPORARY ON DATABASE "new""; x" FROM PUBLIC)", Kind::privilege},
        {"COMMENT", "DATABASE app", "COMMENT ON DATABASE app IS 'about app'",
         R"(COMMENT ON DATABASE "new""; x" IS 'about app')", Kind::comment},
        {"SECURITY LABEL", "DATABASE app", "SECURITY LABEL FOR selinux ON DATABASE app IS 'app'",
         R"(SECURITY LABEL FOR selinux ON DATABASE "new""; x" IS 'app')", Kind::security_label},
    };
    for (const auto& [desc, tag, before, after, kind] : cases) {
        const auto statements = statements_of(sql_entry(desc, tag, before + ";\n"));
        ASSERT_THAT(statements, SizeIs(1)) << before;
        EXPECT_EQ(statements[0].kind, kind) << before;
        EXPECT_EQ(statements[0].text, before);
        EXPECT_EQ(renamed(statements[0]), after);
    }
}

TEST(DatabaseStatements, LeavesWhatOnlyLooksLikeTheNameAlone) {
    const auto statements = properties(
        "ALTER DATABASE \"My \"\"db\"\" x\" SET application_name TO 'ALTER DATABASE \"My \"\"db\"\" x\" SET x;';\n"
        "ALTER ROLE \"My \"\"db\"\" x\" IN DATABASE \"My \"\"db\"\" x\" SET a.b TO E'\\\\''; IN DATABASE y';\n");
    ASSERT_THAT(statements, SizeIs(2));
    EXPECT_EQ(renamed(statements[0]),
              R"(ALTER DATABASE "new""; x" SET application_name TO 'ALTER DATABASE "My ""db"" x" SET x;')");
    EXPECT_EQ(statements[1].role, "My \"db\" x");
    EXPECT_EQ(renamed(statements[1]),
              R"(ALTER ROLE "My ""db"" x" IN DATABASE "new""; x" SET a.b TO E'\\''; IN DATABASE y')");
}

TEST(DatabaseStatements, KeepsThePrivilegesThatOthersGrantedInTheirOrder) {
    const auto statements = statements_of(sql_entry(
        "ACL", "DATABASE app",
        "SET SESSION AUTHORIZATION \"Bob\";\nGRANT CONNECT ON DATABASE app TO eve;\nRESET SESSION AUTHORIZATION;\n"));
    ASSERT_THAT(statements, SizeIs(3));
    EXPECT_EQ(statements[0].kind, Kind::session_authorization);
    EXPECT_EQ(statements[0].role, "Bob");
    EXPECT_EQ(renamed(statements[0]), "SET SESSION AUTHORIZATION \"Bob\"");
    EXPECT_EQ(statements[1].kind, Kind::privilege);
    EXPECT_EQ(statements[2].kind, Kind::session_authorization);
}

TEST(DatabaseStatements, RefusesToRenameWhatItDoesNotKnow) {
    for (const auto* unknown :
         {"UPDATE pg_database SET datistemplate = true WHERE datname = 'app'", "ALTER DATABASE",
          "ALTER ROLE app SET x TO 1", "SET SESSION AUTHORIZATION a, b", "\\connect app", "DROP DATABASE other",
          "GRANT CREATE ON SCHEMA database TO x", "ALTER 'DATABASE app'"}) {
        const auto statements = properties(unknown);
        ASSERT_THAT(statements, SizeIs(1)) << unknown;
        EXPECT_EQ(statements[0].kind, Kind::unknown) << unknown;
        EXPECT_EQ(for_database(statements[0], "x").error().kind, ErrorKind::refused) << unknown;
    }
}

TEST(DatabaseStatements, HidesNoStatementBehindAnother) {
    const auto statements = properties("ALTER DATABASE app SET a TO 1; DROP DATABASE other;");
    ASSERT_THAT(statements, SizeIs(2));
    EXPECT_EQ(statements[1].kind, Kind::unknown);
}

TEST(DatabaseStatements, AreUnknownWhereTheirTextIsBroken) {
    const auto statements = properties("ALTER DATABASE app SET a TO 'x");
    ASSERT_THAT(statements, SizeIs(1));
    EXPECT_EQ(statements[0].kind, Kind::unknown);
}

TEST(DatabaseStatements, RefuseANameThatNoDatabaseCanHave) {
    const auto statements = properties("ALTER DATABASE app SET a TO 1");
    ASSERT_THAT(statements, SizeIs(1));
    EXPECT_FALSE(for_database(statements[0], ""));
    EXPECT_FALSE(for_database(statements[0], std::string_view("a\0b", 3)));
}

TEST(DatabaseStatements, DoNotComeFromOtherObjectsThatAreNamedLikeADatabase) {
    auto table = sql_entry("ACL", "DATABASE app", "GRANT SELECT ON TABLE s.\"DATABASE app\" TO bob;\n");
    table.schema = "s";
    const auto server = sql_entry("ACL", "DATABASE app", "GRANT ALL ON FOREIGN SERVER \"DATABASE app\" TO bob;\n");
    EXPECT_THAT(statements_of(table), IsEmpty());
    EXPECT_THAT(statements_of(server), IsEmpty());
    auto comment = sql_entry("COMMENT", "DATABASE app", "COMMENT ON TYPE s.\"DATABASE app\" IS 'x';\n");
    comment.schema = "s";
    EXPECT_THAT(statements_of(comment), IsEmpty());
    EXPECT_THAT(statements_of(sql_entry("TABLE", "DATABASE app", "CREATE TABLE x ();")), IsEmpty());
}

}  // namespace
}  // namespace lifeboat::archive
