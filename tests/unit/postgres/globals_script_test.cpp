#include "postgres/globals_script.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lifeboat::postgres {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

// What pg_dumpall 15.20 wrote of a server with odd names, passwords, settings and comments; only the
// tablespaces' folders were changed.
constexpr std::string_view script_of_15 = R"SCRIPT(--
-- PostgreSQL database cluster dump
--

\restrict zF7g1vANOSgBtkirwZYsbegmkBL1niQSgfOJm1kRFr9YDB93SbmXVWG2zCSF2mO

SET default_transaction_read_only = off;

SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;

--
-- Roles
--

CREATE ROLE app;
ALTER ROLE app WITH NOSUPERUSER INHERIT NOCREATEROLE NOCREATEDB LOGIN NOREPLICATION NOBYPASSRLS PASSWORD 'md5ae683e9e3a46c249efd75afd69dd69d3';
COMMENT ON ROLE app IS E'line one;
line ''two''; \\restrict me
\\connect evil
DROP ROLE bob; back\\slash';
CREATE ROLE bob;
ALTER ROLE bob WITH NOSUPERUSER INHERIT NOCREATEROLE CREATEDB LOGIN NOREPLICATION NOBYPASSRLS CONNECTION LIMIT 3 PASSWORD 'SCRAM-SHA-256$4096:EEDvaMxILjczcErxjryBUg==$6UoN79iqHbJoV4coPxxaauoZaZ1PCkeCya9eFgKvXzM=:r6GIFbezv2HodEymZnF3RJ7L8mC0U87SD9er8n3V/0I=' VALID UNTIL '2030-01-01 00:00:00+00';
CREATE ROLE "new
line $x$ --";
ALTER ROLE "new
line $x$ --" WITH NOSUPERUSER INHERIT NOCREATEROLE NOCREATEDB NOLOGIN NOREPLICATION NOBYPASSRLS;
COMMENT ON ROLE "new
line $x$ --" IS '$tag$ -- /* x';
CREATE ROLE "we""ird; role";
ALTER ROLE "we""ird; role" WITH NOSUPERUSER INHERIT NOCREATEROLE NOCREATEDB NOLOGIN NOREPLICATION NOBYPASSRLS;
CREATE ROLE "Ünï -- /* x";
ALTER ROLE "Ünï -- /* x" WITH NOSUPERUSER INHERIT NOCREATEROLE NOCREATEDB NOLOGIN NOREPLICATION NOBYPASSRLS;

--
-- User Configurations
--

--
-- User Config "app"
--

ALTER ROLE app SET search_path TO 'a;b', '$user', 'public';
ALTER ROLE app SET application_name TO E'it''s; \\ back\\\\slash';

--
-- User Config "new line $x$ --"
--

ALTER ROLE "new
line $x$ --" SET work_mem TO '64MB';


--
-- Role memberships
--

GRANT app TO "new
line $x$ --" GRANTED BY postgres;
GRANT app TO "we""ird; role" GRANTED BY postgres;
GRANT reader TO app WITH ADMIN OPTION GRANTED BY postgres;


--
-- Role privileges on configuration parameters
--

GRANT SET ON PARAMETER log_statement TO app;
GRANT ALL ON PARAMETER work_mem TO bob WITH GRANT OPTION;


--
-- Tablespaces
--

CREATE TABLESPACE fast OWNER app LOCATION '/srv/fast';
ALTER TABLESPACE fast SET (seq_page_cost=0.5, random_page_cost=1.1);
GRANT ALL ON TABLESPACE fast TO bob WITH GRANT OPTION;
COMMENT ON TABLESPACE fast IS E'quick; 
\\! ls';
CREATE TABLESPACE "odd ""; ts" OWNER postgres LOCATION '/srv/ts 2;x';


\unrestrict zF7g1vANOSgBtkirwZYsbegmkBL1niQSgfOJm1kRFr9YDB93SbmXVWG2zCSF2mO

--
-- PostgreSQL database cluster dump complete
--

)SCRIPT";

std::vector<GlobalStatement> parsed(std::string_view script) {
    auto statements = parse_globals(script);
    EXPECT_TRUE(statements) << statements.error().what;
    return statements ? std::move(*statements) : std::vector<GlobalStatement>{};
}

GlobalStatement only(std::string_view script) {
    auto statements = parsed(script);
    EXPECT_THAT(statements, SizeIs(1));
    return statements.at(0);
}

std::vector<std::string> descriptions(std::string_view script) {
    std::vector<std::string> texts;
    for (const auto& statement : parsed(script)) {
        texts.push_back(describe(statement));
    }
    return texts;
}

TEST(GlobalsScript, GivesEveryStatementOfARealScript) {
    EXPECT_THAT(
        descriptions(script_of_15),
        ElementsAre("SET default_transaction_read_only", "SET client_encoding", "SET standard_conforming_strings",
                    "CREATE ROLE app", "ALTER ROLE app WITH …", "COMMENT ON ROLE app", "CREATE ROLE bob",
                    "ALTER ROLE bob WITH …", "CREATE ROLE \"new?line $x$ --\"", "ALTER ROLE \"new?line $x$ --\" WITH …",
                    "COMMENT ON ROLE \"new?line $x$ --\"", "CREATE ROLE \"we\"\"ird; role\"",
                    "ALTER ROLE \"we\"\"ird; role\" WITH …", "CREATE ROLE \"Ünï -- /* x\"",
                    "ALTER ROLE \"Ünï -- /* x\" WITH …", "ALTER ROLE app SET …", "ALTER ROLE app SET …",
                    "ALTER ROLE \"new?line $x$ --\" SET …", "GRANT app TO \"new?line $x$ --\"",
                    "GRANT app TO \"we\"\"ird; role\"", "GRANT reader TO app",
                    "privileges ON PARAMETER log_statement of app", "privileges ON PARAMETER work_mem of bob",
                    "CREATE TABLESPACE fast", "ALTER TABLESPACE fast …", "privileges ON TABLESPACE fast of bob",
                    "COMMENT ON TABLESPACE fast", "CREATE TABLESPACE \"odd \"\"; ts\""));
}

TEST(GlobalsScript, KeepsTheTextOfEachStatementWhole) {
    const auto statements = parsed(script_of_15);
    ASSERT_THAT(statements, SizeIs(28));
    EXPECT_EQ(statements[5].text.reveal(),
              "COMMENT ON ROLE app IS E'line one;\nline ''two''; \\\\restrict me\n\\\\connect evil\nDROP ROLE bob; "
              "back\\\\slash'");
    EXPECT_EQ(statements[15].text.reveal(), "ALTER ROLE app SET search_path TO 'a;b', '$user', 'public'");
}

TEST(GlobalsScript, NamesTheLineOnWhichAStatementBegins) {
    const auto statements = parsed(script_of_15);
    ASSERT_THAT(statements, SizeIs(28));
    EXPECT_EQ(statements[0].line, 7U);
    EXPECT_EQ(statements[6].line, 22U) << "behind a comment of four lines";
}

TEST(GlobalsScript, GivesNamesWithoutTheirQuotes) {
    const auto statements = parsed(script_of_15);
    ASSERT_THAT(statements, SizeIs(28));
    EXPECT_EQ(statements[18].subject, "app");
    EXPECT_EQ(statements[18].grantee, "new\nline $x$ --");
    EXPECT_THAT(created_roles(statements),
                ElementsAre("app", "bob", "new\nline $x$ --", "we\"ird; role", "Ünï -- /* x"));
}

TEST(GlobalsScript, ListsTablespacesWithTheirFolders) {
    const auto tablespaces =
        created_tablespaces(parsed("CREATE TABLESPACE fast OWNER app LOCATION '/srv/fast';\n"
                                   "CREATE TABLESPACE \"location\" OWNER \"location\" LOCATION E'/srv/b\\\\s';\n"
                                   "CREATE TABLESPACE inside OWNER app LOCATION '';\n"));
    ASSERT_THAT(tablespaces, SizeIs(3));
    EXPECT_EQ(tablespaces[0].name, "fast");
    EXPECT_EQ(tablespaces[0].location, "/srv/fast");
    EXPECT_EQ(tablespaces[1].name, "location");
    EXPECT_EQ(tablespaces[1].location, "/srv/b\\s");
    EXPECT_EQ(tablespaces[2].location, "");
}

TEST(GlobalsScript, TellsTheKindsApart) {
    const std::vector<std::pair<std::string, GlobalKind>> cases = {
        {"CREATE ROLE app", GlobalKind::create_role},
        {"ALTER ROLE app WITH LOGIN", GlobalKind::alter_role_attributes},
        {"ALTER ROLE app SET a TO 1", GlobalKind::alter_role_settings},
        {"ALTER ROLE app IN DATABASE d SET a TO 1", GlobalKind::alter_role_in_database},
        {"GRANT app TO bob", GlobalKind::grant_membership},
        {"GRANT \"on\" TO bob", GlobalKind::grant_membership},
        {"CREATE TABLESPACE t LOCATION ''", GlobalKind::create_tablespace},
        {"ALTER TABLESPACE t SET (a=1)", GlobalKind::alter_tablespace},
        {"GRANT ALL ON TABLESPACE t TO bob", GlobalKind::grant_tablespace},
        {"REVOKE ALL ON TABLESPACE t FROM PUBLIC", GlobalKind::grant_tablespace},
        {"GRANT SET,ALTER SYSTEM ON PARAMETER a.b TO bob", GlobalKind::grant_parameter},
        {"REVOKE SET ON PARAMETER a FROM bob", GlobalKind::grant_parameter},
        {"COMMENT ON ROLE app IS 'x'", GlobalKind::comment_role},
        {"COMMENT ON TABLESPACE t IS 'x'", GlobalKind::comment_tablespace},
        {"SECURITY LABEL FOR selinux ON ROLE app IS 'x'", GlobalKind::security_label},
        {"SECURITY LABEL FOR selinux ON TABLESPACE t IS 'x'", GlobalKind::security_label},
        {"SET client_encoding = 'UTF8'", GlobalKind::session_setting},
        {"SET SESSION AUTHORIZATION bob", GlobalKind::session_setting},
        {"RESET SESSION AUTHORIZATION", GlobalKind::session_setting},
    };
    for (const auto& [text, kind] : cases) {
        EXPECT_EQ(only(text + ";\n").kind, kind) << text;
    }
}

TEST(GlobalsScript, CallsWhatPgDumpallDoesNotWriteOther) {
    for (const auto* text :
         {"DROP ROLE app", "ALTER ROLE app RENAME TO bob", "ALTER SYSTEM SET a TO 1", "CREATE ROLE", "GRANT a, b TO c",
          "GRANT a TO b, c", "GRANT SELECT ON TABLE t TO bob", "CREATE DATABASE x", "SELECT 1",
          "COMMENT ON DATABASE x IS 'y'", "SECURITY LABEL ON TABLE t IS 'x'", "42"}) {
        const auto statement = only(text);
        EXPECT_EQ(statement.kind, GlobalKind::other) << text;
        EXPECT_EQ(statement.subject + statement.grantee, "") << text;
    }
}

TEST(GlobalsScript, ReadsMembershipsOfNewerVersions) {
    const auto statement =
        only("GRANT \"App\" TO bob WITH ADMIN OPTION, INHERIT FALSE, SET FALSE GRANTED BY \"the boss\";\n");
    EXPECT_EQ(statement.kind, GlobalKind::grant_membership);
    EXPECT_EQ(statement.subject, "App");
    EXPECT_EQ(statement.grantee, "bob");
    EXPECT_EQ(without_grantor(statement).reveal(), "GRANT \"App\" TO bob WITH ADMIN OPTION, INHERIT FALSE, SET FALSE");
}

TEST(GlobalsScript, DropsAGrantorOnlyAtTheEnd) {
    EXPECT_EQ(without_grantor(only("GRANT app TO bob WITH INHERIT TRUE GRANTED BY postgres;")).reveal(),
              "GRANT app TO bob WITH INHERIT TRUE");
    for (const auto* text : {"GRANT app TO bob", "GRANT app TO \"x GRANTED BY y\"", "GRANTED BY x",
                             "COMMENT ON ROLE app IS ' GRANTED BY x'", "COMMENT ON ROLE app IS 'x' -- GRANTED BY y"}) {
        const auto statement = only(text);
        EXPECT_EQ(without_grantor(statement).reveal(), statement.text.reveal());
    }
}

TEST(GlobalsScript, PassesOverThePsqlLinesOfEveryVersion) {
    EXPECT_THAT(descriptions("\\restrict abc\n\\connect postgres\nSET a = 1;\n\\unrestrict abc\n"),
                ElementsAre("SET a"));
}

TEST(GlobalsScript, RefusesEveryOtherPsqlLineByItsNumber) {
    for (const auto* line : {"\\! hunter2", "\\restrictx", "\\i file", "\\", "\\copy x from y"}) {
        const auto statements = parse_globals("SET a = 1;\n" + std::string(line) + "\nSET b = 2;\n");
        ASSERT_FALSE(statements) << line;
        EXPECT_THAT(statements.error().what, HasSubstr("line 2"));
        EXPECT_THAT(statements.error().what, Not(HasSubstr("hunter2")));
        EXPECT_THAT(statements.error().next, Not(IsEmpty()));
    }
}

TEST(GlobalsScript, RefusesAPsqlLineInsideAStatement) {
    const auto statements = parse_globals("CREATE ROLE\n\\restrict x\napp;\n");
    ASSERT_FALSE(statements);
    EXPECT_THAT(statements.error().what, HasSubstr("line 2"));
}

TEST(GlobalsScript, RefusesAScriptThatIsCutOffInsideAQuote) {
    const auto statements = parse_globals("CREATE ROLE app;\nALTER ROLE app WITH PASSWORD 'hunter2");
    ASSERT_FALSE(statements);
    EXPECT_EQ(statements.error().kind, ErrorKind::corrupt);
    EXPECT_THAT(statements.error().what, HasSubstr("line 2"));
    EXPECT_THAT(statements.error().what, Not(HasSubstr("hunter2")));
}

TEST(GlobalsScript, DescribesWithoutPasswordsOrOtherLiterals) {
    const std::string script =
        "ALTER ROLE app WITH PASSWORD 'hunter2';\nALTER ROLE app SET my.key TO 'hunter2';\n"
        "COMMENT ON ROLE app IS 'hunter2';\nALTER ROLE app IN DATABASE d SET my.key TO 'hunter2';\n"
        "SET my.key = 'hunter2';\nALTER USER app PASSWORD 'hunter2';\n'hunter2';\nhunter2;\n"
        "CREATE TABLESPACE t LOCATION 'hunter2';\nSECURITY LABEL FOR 'hunter2' ON ROLE app IS 'hunter2';\n";
    for (const auto& text : descriptions(script)) {
        EXPECT_THAT(text, Not(HasSubstr("hunter2")));
    }
}

TEST(GlobalsScript, DescribesOtherStatementsByTheirLine) {
    EXPECT_EQ(describe(only("\n\nDROP ROLE app;")), "the statement in line 3");
}

TEST(GlobalsScript, SaysPublicForAGrantToAll) {
    EXPECT_EQ(describe(only("GRANT SET ON PARAMETER a.b TO PUBLIC;")), "privileges ON PARAMETER a.b of PUBLIC");
}

TEST(GlobalsScript, HasNoStatementsWhenEmpty) {
    EXPECT_THAT(parsed("--\n-- nothing\n--\n"), IsEmpty());
}

}  // namespace
}  // namespace lifeboat::postgres
