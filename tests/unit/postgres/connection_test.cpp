// Against a real server.
#include "postgres/connection.hpp"
#include "postgres/server_facts.hpp"

#include "private_server.hpp"

#include <gmock/gmock.h>

#include <thread>

namespace lifeboat::postgres {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::MatchesRegex;
using testing::Not;

PrivateServer& server() {
    return PrivateServer::instance();
}

TEST(Connection, GivesTextsAndNulls) {
    auto connection = server().connect();
    const auto rows = connection.query("SELECT * FROM (VALUES (1, 'é \\'), (NULL, '')) AS v(n, t)");
    ASSERT_TRUE(rows) << rows.error().what;
    EXPECT_THAT(*rows, ElementsAre(Row{"1", "é \\"}, Row{std::nullopt, ""}));
}

TEST(Connection, TakesParametersAsTheyAre) {
    auto connection = server().connect();
    const std::string odd = "'; DROP TABLE t; -- \\ \" é";
    EXPECT_EQ(connection.value("SELECT $1 || $2", {odd, "!"}).value(), odd + "!");
}

TEST(Connection, ExecutesSeveralStatementsAndStopsAtTheFirstFailure) {
    auto connection = server().connect();
    must(connection, "CREATE TEMPORARY TABLE t (a int); INSERT INTO t VALUES (1); INSERT INTO t VALUES (2)");
    const auto failed =
        connection.execute("INSERT INTO t VALUES (3); SELECT no_such_function(); INSERT INTO t VALUES (4)");
    ASSERT_FALSE(failed);
    EXPECT_THAT(failed.error().detail, HasSubstr("no_such_function"));
    EXPECT_EQ(connection.value("SELECT count(*) FROM t").value(), "2") << "and the connection is still good";
}

TEST(Connection, TellsTheServersMessageButNoRow) {
    auto connection = server().connect();
    must(connection, "CREATE TEMPORARY TABLE t (a text PRIMARY KEY, b int); INSERT INTO t VALUES ('hush')");
    for (const auto& [statement, message] : std::vector<std::pair<std::string, std::string>>{
             {"INSERT INTO t VALUES ('hush')", "duplicate key value violates unique constraint"},
             {"UPDATE t SET b = a::int", "invalid input syntax for type integer"}}) {
        const auto failed = connection.execute(statement);
        ASSERT_FALSE(failed);
        EXPECT_EQ(failed.error().kind, ErrorKind::failed);
        EXPECT_THAT(failed.error().detail, HasSubstr(message));
        EXPECT_THAT(failed.error().what + failed.error().next + failed.error().detail, Not(HasSubstr("hush")));
    }
}

TEST(Connection, RefusesAnAnswerOfAnotherShapeAsAValue) {
    auto connection = server().connect();
    EXPECT_FALSE(connection.value("SELECT 1, 2"));
    EXPECT_FALSE(connection.value("SELECT 1 WHERE false"));
}

TEST(Connection, NamesADatabaseThatIsNotThere) {
    const auto connection = Connection::open(server().server(), "no such one", {});
    ASSERT_FALSE(connection);
    EXPECT_EQ(connection.error().kind, ErrorKind::temporary);
    EXPECT_THAT(connection.error().what, HasSubstr("\"no such one\" does not exist"));
}

TEST(Connection, TakesADatabaseNameThatLooksLikeAConnectionString) {
    auto connection = server().connect();
    must(connection, "CREATE DATABASE \"dbname=postgres user=nobody\"");
    const auto odd = Connection::open(server().server(), "dbname=postgres user=nobody", {});
    ASSERT_TRUE(odd) << odd.error().what;
    EXPECT_EQ(odd->database(), "dbname=postgres user=nobody");
    must(connection, "DROP DATABASE \"dbname=postgres user=nobody\" WITH (FORCE)");
}

TEST(Connection, DoesNotHeedTheTimeOutsOfItsRole) {
    auto admin = server().connect();
    must(admin, "CREATE ROLE hurried LOGIN");
    const std::vector<std::string> time_outs = {"statement_timeout", "lock_timeout",
                                                "idle_in_transaction_session_timeout", "idle_session_timeout"};
    for (const auto& name : time_outs) {
        must(admin, "ALTER ROLE hurried SET " + name + " = '5min'");
    }
    auto connection = Connection::open(server().server("postgres", "hurried"), std::nullopt, {});
    ASSERT_TRUE(connection) << connection.error().what;
    for (const auto& name : time_outs) {
        EXPECT_EQ(connection->value("SHOW " + name).value(), "0") << name;
    }
    for (const auto& name : time_outs) {
        must(*connection, "RESET " + name);
        EXPECT_EQ(connection->value("SHOW " + name).value(), "5min") << "or the role had none";
    }
}

TEST(Connection, EndsAStatementWhenAskedToStop) {
    for (const bool several : {false, true}) {
        std::stop_source stop;
        auto connection = server().connect("postgres", stop.get_token());
        auto watcher = server().connect();
        std::jthread stopper([&] {
            while (watcher.value("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(1000)%'")
                       .value() != "1") {
            }
            stop.request_stop();
        });
        const auto status = several ? connection.execute("SELECT pg_sleep(1000); SELECT 1") : [&]() -> Status {
            auto rows = connection.query("SELECT pg_sleep(1000)");
            return rows ? done() : Status(rows.error());
        }();
        ASSERT_FALSE(status);
        EXPECT_EQ(status.error().kind, ErrorKind::interrupted);
    }
}

TEST(Connection, StartsNothingWhenAskedToStopBefore) {
    std::stop_source stop;
    auto connection = server().connect("postgres", stop.get_token());
    stop.request_stop();
    EXPECT_EQ(connection.query("SELECT pg_sleep(1000)").error().kind, ErrorKind::interrupted);
    EXPECT_EQ(connection.execute("SELECT pg_sleep(1000)").error().kind, ErrorKind::interrupted);
    EXPECT_EQ(Connection::open(server().server(), std::nullopt, stop.get_token()).error().kind, ErrorKind::interrupted);
}

TEST(Connection, TellsALostConnectionApart) {
    auto connection = server().connect();
    auto admin = server().connect();
    must(admin, "SELECT pg_terminate_backend(" + connection.value("SELECT pg_backend_pid()").value() + ", 10000)");
    const auto failed = connection.execute("SELECT 1");
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().kind, ErrorKind::temporary);
    EXPECT_THAT(failed.error().what, HasSubstr("lost"));
}

TEST(Connection, KeepsThePasswordOutOfWhatAChildGetsAsAnArgument) {
    auto admin = server().connect();
    must(admin, "CREATE ROLE scrambled LOGIN PASSWORD 'p:a\\s''s w%rd@/'");
    const auto connection = Connection::open(server().server_with_password(), std::nullopt, {});
    ASSERT_TRUE(connection) << connection.error().what;
    const auto conninfo = connection->child_conninfo("odd 'name\\", "-c a=b");
    EXPECT_THAT(conninfo, HasSubstr("dbname='odd \\'name\\\\'"));
    EXPECT_THAT(conninfo, Not(HasSubstr("w%rd")));
    EXPECT_THAT(conninfo, Not(HasSubstr("password")));
    EXPECT_EQ(connection->password().reveal(), PrivateServer::password());
    must(admin, "DROP ROLE scrambled");
}

TEST(Connection, AdvisesOnAWrongPassword) {
    auto admin = server().connect();
    must(admin, "CREATE ROLE scrambled LOGIN PASSWORD 'right'");
    const auto connection = Connection::open(server().server_with_password(), std::nullopt, {});
    ASSERT_FALSE(connection);
    EXPECT_THAT(connection.error().next, HasSubstr("postgres.password_file"));
    EXPECT_THAT(connection.error().what + connection.error().next, Not(HasSubstr("w%rd")));
    must(admin, "DROP ROLE scrambled");
}

// A user whose password is exchanged, on the server and in its file, at different moments.
class ExchangedPassword : public ::testing::Test {
protected:
    void SetUp() override { must(admin, "CREATE ROLE scrambled LOGIN PASSWORD 'one'"); }
    void TearDown() override { must(admin, "DROP ROLE scrambled"); }

    // What a connection was opened with, or why it was not.
    std::string opened_with() {
        const auto connection = Connection::open(target, std::nullopt, stop.get_token());
        return connection ? std::string(connection->password().reveal()) : connection.error().what;
    }

    Connection admin = server().connect();
    std::stop_source stop;
    std::string file = "one";
    int asked = 0;
    std::function<void()> when_asked = [] {};
    Server target = server().server_with_password([this] {
        ++asked;
        when_asked();
        return Secret(file);
    });
};

TEST_F(ExchangedPassword, IsTheOneOfTheMoment) {
    EXPECT_EQ(opened_with(), "one");
    must(admin, "ALTER ROLE scrambled PASSWORD 'two'");
    file = "two";
    EXPECT_EQ(opened_with(), "two");
}

TEST_F(ExchangedPassword, ThatTheServerDoesNotKnowYetLeavesTheOldInUse) {
    EXPECT_EQ(opened_with(), "one");
    file = "two";
    EXPECT_EQ(opened_with(), "one");
    must(admin, "ALTER ROLE scrambled PASSWORD 'two'");
    EXPECT_EQ(opened_with(), "two");
}

TEST_F(ExchangedPassword, ThatComesLateIsWaitedFor) {
    EXPECT_EQ(opened_with(), "one");
    must(admin, "ALTER ROLE scrambled PASSWORD 'two'");
    const int before = asked;
    when_asked = [&] { file = asked > before + 2 ? "two" : "one"; };
    EXPECT_EQ(opened_with(), "two");
}

TEST_F(ExchangedPassword, IsNotWaitedForWhereNoneEverWasGood) {
    file = "wrong";
    EXPECT_THAT(opened_with(), HasSubstr("password authentication failed"));
    EXPECT_EQ(asked, 1);
}

TEST_F(ExchangedPassword, IsNotWaitedForAfterAStop) {
    EXPECT_EQ(opened_with(), "one");
    file = "wrong";
    must(admin, "ALTER ROLE scrambled PASSWORD 'two'");
    when_asked = [&] { stop.request_stop(); };
    EXPECT_THAT(opened_with(), HasSubstr("stopped"));
}

TEST_F(ExchangedPassword, IsNotWaitedForWhereSomethingElseIsWrong) {
    EXPECT_EQ(opened_with(), "one");
    must(admin, "ALTER ROLE scrambled CONNECTION LIMIT 0");
    EXPECT_THAT(opened_with(), HasSubstr("too many connections"));
    EXPECT_EQ(asked, 2);
}

TEST(ServerFacts, TellsVersionIdentifierAndRole) {
    auto connection = server().connect();
    const auto facts = read_server_facts(connection);
    ASSERT_TRUE(facts);
    EXPECT_EQ(facts->version_num / 10000, connection.major());
    EXPECT_EQ(facts->version, connection.version_text());
    EXPECT_THAT(facts->system_identifier, MatchesRegex("[0-9]{19}"));
    EXPECT_EQ(facts->timeline, 1);
    EXPECT_FALSE(facts->in_recovery);
}

TEST(ServerFacts, DoWithoutWhatTheRoleMayNotRead) {
    auto admin = server().connect();
    must(
        admin,
        "CREATE ROLE modest LOGIN; "
        "REVOKE EXECUTE ON FUNCTION pg_control_system(), pg_control_checkpoint(), pg_walfile_name(pg_lsn) FROM PUBLIC");
    auto connection = Connection::open(server().server("postgres", "modest"), std::nullopt, {});
    ASSERT_TRUE(connection);
    const auto facts = read_server_facts(*connection);
    must(admin,
         "GRANT EXECUTE ON FUNCTION pg_control_system(), pg_control_checkpoint(), pg_walfile_name(pg_lsn) TO PUBLIC");
    ASSERT_TRUE(facts);
    EXPECT_EQ(facts->system_identifier, "");
    EXPECT_EQ(facts->timeline, std::nullopt);
}

TEST(ListDatabases, LeavesOutTemplatesAndWhatCannotBeDumped) {
    auto connection = server().connect();
    must(connection, "CREATE DATABASE \"Übung\"");
    must(connection, "CREATE DATABASE closed ALLOW_CONNECTIONS false");
    must(connection, "CREATE DATABASE pattern IS_TEMPLATE true");
    must(connection, "CREATE DATABASE half_dropped");
    must(connection, "UPDATE pg_database SET datconnlimit = -2 WHERE datname = 'half_dropped'");
    must(connection, "CREATE DATABASE \"ABC\"");

    const auto names = list_databases(connection);
    ASSERT_TRUE(names);
    EXPECT_THAT(*names, ElementsAre("ABC", "postgres", "Übung"));

    must(connection, "UPDATE pg_database SET datconnlimit = -1 WHERE datname = 'half_dropped'");
    must(connection, "ALTER DATABASE pattern IS_TEMPLATE false");
    for (const char* name : {"\"Übung\"", "closed", "pattern", "half_dropped", "\"ABC\""}) {
        must(connection, std::string("DROP DATABASE ") + name);
    }
}

}  // namespace
}  // namespace lifeboat::postgres
