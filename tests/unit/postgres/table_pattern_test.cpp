#include "postgres/table_pattern.hpp"

#include <gtest/gtest.h>

namespace lifeboat::postgres {
namespace {

struct Case {
    const char* pattern;
    const char* schema;  // empty: none
    const char* name;
};

class TablePatternTest : public testing::TestWithParam<Case> {};

TEST_P(TablePatternTest, IsReadAsPgDumpReadsIt) {
    const auto parsed = parse_table_pattern(GetParam().pattern);
    EXPECT_EQ(parsed.schema.value_or(""), GetParam().schema);
    EXPECT_EQ(parsed.name, GetParam().name);
}

INSTANTIATE_TEST_SUITE_P(
    Patterns, TablePatternTest,
    testing::Values(Case{"sessions", "", "^(sessions)$"}, Case{"Public.SESSIONS", "^(public)$", "^(sessions)$"},
                    Case{"app.public.t", "^(public)$", "^(t)$"}, Case{"log_*", "", "^(log_.*)$"},
                    Case{"*.l?g", "^(.*)$", "^(l.g)$"}, Case{"\"Mixed.Case\"", "", "^(Mixed\\.Case)$"},
                    Case{"\"a\"\"b\".\"*\"", "^(a\"b)$", "^(\\*)$"}, Case{"cost$", "", "^(cost\\$)$"},
                    Case{"(a|b)[0-9]+", "", "^((a|b)[0-9]+)$"}, Case{"t[]", "", "^(t\\[])$"}));

}  // namespace
}  // namespace lifeboat::postgres
