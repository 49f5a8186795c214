// Names of schemas, on a real server.
#include "postgres/inspection.hpp"

#include "private_server.hpp"

#include <gtest/gtest.h>

namespace lifeboat::postgres {
namespace {

class Schemas : public testing::Test {
protected:
    void SetUp() override {
        must(server_,
             "CREATE SCHEMA live CREATE TABLE t (); CREATE SCHEMA staging CREATE SEQUENCE s;"
             "CREATE SCHEMA other CREATE TABLE t (); CREATE SCHEMA views CREATE VIEW v AS SELECT 1;"
             "CREATE SCHEMA more_views CREATE VIEW v AS SELECT 2");
    }
    void TearDown() override {
        must(server_, "DROP SCHEMA IF EXISTS live, staging, other, views, more_views, before, renamed CASCADE");
    }
    bool exchanged_by(const std::string& sql, const std::vector<std::string>& without_rows = {}) {
        const auto before = SchemaNames::read(server_, without_rows).value();
        must(server_, sql);
        return SchemaNames::read(server_, without_rows).value().exchanged_since(before);
    }

    Connection server_ = PrivateServer::instance().connect();
};

TEST_F(Schemas, AreExchangedWhereOneTakesTheNameThatAnotherGaveUp) {
    EXPECT_TRUE(exchanged_by("ALTER SCHEMA live RENAME TO before; ALTER SCHEMA staging RENAME TO live"));
    EXPECT_TRUE(exchanged_by("ALTER SCHEMA other RENAME TO renamed; CREATE SCHEMA other CREATE TABLE t ()"));
}

// The drop waits for the dump's locks, and is quicker than the look behind it.
TEST_F(Schemas, AreExchangedAlsoWhereTheOneBeforeIsGone) {
    EXPECT_TRUE(exchanged_by(
        "ALTER SCHEMA live RENAME TO before; ALTER SCHEMA staging RENAME TO live; DROP SCHEMA before CASCADE"));
}

// Nothing of theirs is read by name.
TEST_F(Schemas, WithoutDumpedRowsChangeNamesAsTheyLike) {
    const std::string swap = "ALTER SCHEMA views RENAME TO before; ALTER SCHEMA more_views RENAME TO views";
    EXPECT_FALSE(exchanged_by(swap));
    EXPECT_FALSE(exchanged_by("ALTER SCHEMA live RENAME TO renamed; ALTER SCHEMA other RENAME TO live",
                              {"live.*", "other.*", "renamed.*"}));
}

// A dump of what is renamed fails by itself, and what is dropped held no table that is locked.
TEST_F(Schemas, AreNotExchangedByComingAndGoing) {
    EXPECT_FALSE(exchanged_by("ALTER SCHEMA live RENAME TO renamed"));
    EXPECT_FALSE(exchanged_by("DROP SCHEMA staging CASCADE; CREATE SCHEMA staging"));
    EXPECT_FALSE(exchanged_by("CREATE SCHEMA before; DROP SCHEMA other CASCADE"));
}

}  // namespace
}  // namespace lifeboat::postgres
