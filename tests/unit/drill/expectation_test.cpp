#include "sql_checks.hpp"

#include <gtest/gtest.h>

namespace lifeboat::drill {
namespace {

TEST(Expectation, SplitsTheSignFromTheValue) {
    struct Case {
        const char* text;
        const char* op;
        const char* value;
    };
    for (const auto& [text, op, value] : std::initializer_list<Case>{{"> 1000", ">", "1000"},
                                                                     {">=1", ">=", "1"},
                                                                     {" <= -3 ", "<=", "-3"},
                                                                     {"<> 4", "!=", "4"},
                                                                     {"!= x", "!=", "x"},
                                                                     {"== 4", "=", "4"},
                                                                     {"= two words", "=", "two words"},
                                                                     {"plain text", "=", "plain text"},
                                                                     {"", "=", ""},
                                                                     {">", ">", ""}}) {
        const auto expected = expectation_of(text);
        EXPECT_EQ(expected.op, op) << text;
        EXPECT_EQ(expected.value, value) << text;
    }
}

}  // namespace
}  // namespace lifeboat::drill
