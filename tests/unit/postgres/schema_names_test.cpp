// Names of schemas, on a real server.
#include "postgres/inspection.hpp"

#include "private_server.hpp"

#include <gtest/gtest.h>

namespace lifeboat::postgres {
namespace {

class Schemas : public testing::Test {
protected:
    void SetUp() override { must(server_, "CREATE SCHEMA live; CREATE SCHEMA staging; CREATE SCHEMA other"); }
    void TearDown() override { must(server_, "DROP SCHEMA IF EXISTS live, staging, other, before, renamed CASCADE"); }
    bool exchanged_by(const std::string& sql) {
        const auto before = SchemaNames::read(server_).value();
        must(server_, sql);
        return SchemaNames::read(server_).value().exchanged_since(before);
    }

    Connection server_ = PrivateServer::instance().connect();
};

TEST_F(Schemas, AreExchangedWhereOneTakesTheNameThatAnotherGaveUp) {
    EXPECT_TRUE(exchanged_by("ALTER SCHEMA live RENAME TO before; ALTER SCHEMA staging RENAME TO live"));
    EXPECT_TRUE(exchanged_by("ALTER SCHEMA other RENAME TO renamed; CREATE SCHEMA other"));
}

// The drop waits for the dump's locks, and is quicker than the look behind it.
TEST_F(Schemas, AreExchangedAlsoWhereTheOneBeforeIsGone) {
    EXPECT_TRUE(exchanged_by(
        "ALTER SCHEMA live RENAME TO before; ALTER SCHEMA staging RENAME TO live; DROP SCHEMA before CASCADE"));
}

// A dump of what is renamed fails by itself, and what is dropped held no table that is locked.
TEST_F(Schemas, AreNotExchangedByComingAndGoing) {
    EXPECT_FALSE(exchanged_by("ALTER SCHEMA live RENAME TO renamed"));
    EXPECT_FALSE(exchanged_by("DROP SCHEMA staging; CREATE SCHEMA staging"));
    EXPECT_FALSE(exchanged_by("CREATE SCHEMA before; DROP SCHEMA other"));
}

}  // namespace
}  // namespace lifeboat::postgres
