#include "postgres/statement_kind.hpp"

#include <gtest/gtest.h>

#include <string>

namespace lifeboat::postgres {
namespace {

struct Case {
    std::string sql;
    std::string kind;
};

class StatementKind : public testing::TestWithParam<Case> {};

TEST_P(StatementKind, IsNamedByTheCommandAlone) {
    EXPECT_EQ(statement_kind(GetParam().sql), GetParam().kind) << GetParam().sql;
}

INSTANTIATE_TEST_SUITE_P(
    Commands, StatementKind,
    testing::Values(
        Case{"ALTER TABLE secret_plans ADD COLUMN x text DEFAULT 'Ada'", "ALTER TABLE"},
        Case{"  alter\n\ttable only a rename to b", "ALTER TABLE"},
        Case{"-- of a tool\n/* by /* Ada */ */ ALTER TABLE a ADD b int", "ALTER TABLE"},
        Case{"ALTER TABLESPACE t RENAME TO u", "ALTER"}, Case{"DROP TABLE IF EXISTS a", "DROP TABLE"},
        Case{"DROP INDEX CONCURRENTLY a", "DROP INDEX CONCURRENTLY"}, Case{"DROP INDEX a", "DROP INDEX"},
        Case{"TRUNCATE a", "TRUNCATE"}, Case{"TRUNCATE TABLE ONLY a", "TRUNCATE"},
        Case{"CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON a (b)", "CREATE INDEX CONCURRENTLY"},
        Case{"CREATE INDEX ON a (b)", "CREATE INDEX"}, Case{"CREATE OR REPLACE TRIGGER t", "CREATE TRIGGER"},
        Case{"CREATE ROLE ada PASSWORD 'x'", "CREATE"}, Case{"REINDEX TABLE CONCURRENTLY a", "REINDEX CONCURRENTLY"},
        Case{"REINDEX (VERBOSE, CONCURRENTLY) INDEX a", "REINDEX CONCURRENTLY"}, Case{"REINDEX SCHEMA a", "REINDEX"},
        Case{"VACUUM FULL a", "VACUUM FULL"}, Case{"vacuum (analyze, full) a", "VACUUM FULL"},
        Case{"VACUUM (FREEZE) a", "VACUUM"}, Case{"CLUSTER a USING b", "CLUSTER"},
        Case{"LOCK a IN ACCESS EXCLUSIVE MODE", "LOCK TABLE"}, Case{"LOCK TABLE a", "LOCK TABLE"},
        Case{"REFRESH MATERIALIZED VIEW a", "REFRESH MATERIALIZED VIEW"},
        Case{"BEGIN; SET lock_timeout = '2s'; ALTER TABLE a ADD b int; COMMIT", "ALTER TABLE"},
        Case{"DO $x$ BEGIN EXECUTE 'DROP TABLE a'; END $x$", "DO"}, Case{"SELECT migrate('Ada')", "SELECT"},
        Case{"WITH gone AS (DELETE FROM a RETURNING *) SELECT 1", "WITH"},
        // Cut off, as the server does with long texts.
        Case{"ALTER TABLE a ADD b text DEFAULT 'a long st", "ALTER TABLE"},
        Case{"/* tag */ ALTER TABLE a ADD c text, ADD \"my co", "ALTER TABLE"},
        Case{"CREATE INDEX CONCURRENTLY i ON a (b) WHERE c = $q$it's", "CREATE INDEX CONCURRENTLY"}));

TEST(StatementKind, SaysNothingOfWhatItDoesNotKnow) {
    EXPECT_EQ(statement_kind(""), std::nullopt);
    EXPECT_EQ(statement_kind("<insufficient privilege>"), std::nullopt);
    EXPECT_EQ(statement_kind("'Ada Lovelace'"), std::nullopt);
    EXPECT_EQ(statement_kind("ada lovelace"), std::nullopt);
    EXPECT_EQ(statement_kind("/* never ends"), std::nullopt);
    EXPECT_EQ(statement_kind("\\! rm"), std::nullopt);
}

TEST(StatementKind, OfAVeryLongTextIsFoundAtOnce) {
    EXPECT_EQ(statement_kind("ALTER TABLE a ADD b text DEFAULT '" + std::string(1U << 24U, '\'') + "x"), "ALTER TABLE");
}

}  // namespace
}  // namespace lifeboat::postgres
