#include "postgres/wait_ledger.hpp"

#include <gtest/gtest.h>

namespace lifeboat::postgres {
namespace {

using namespace std::chrono_literals;

const WaitLedger::TimePoint begin{std::chrono::hours(1000)};

TEST(WaitLedger, KnowsNothingOfALockThatNobodyWaitedFor) {
    WaitLedger ledger;
    ledger.look({}, begin);
    EXPECT_EQ(ledger.waited_for("a"), 0ms);
}

TEST(WaitLedger, BelievesTheServerAboutWhenAWaitBegan) {
    WaitLedger ledger;
    ledger.look({{"a", "7", 1500ms}}, begin);
    EXPECT_EQ(ledger.waited_for("a"), 1500ms);
    ledger.look({{"a", "7", 2500ms}}, begin + 1s);
    EXPECT_EQ(ledger.waited_for("a"), 2500ms);
}

TEST(WaitLedger, CountsByItselfWhereTheServerDoesNotKnow) {
    WaitLedger ledger;
    ledger.look({{"a", "7"}}, begin);
    EXPECT_EQ(ledger.waited_for("a"), 0ms);
    ledger.look({{"a", "7"}}, begin + 4s);
    EXPECT_EQ(ledger.waited_for("a"), 4s);
}

TEST(WaitLedger, AddsUpTheWaitsOfThoseWhoTryAgain) {
    WaitLedger ledger;
    ledger.look({{"a", "7@1", 2s}}, begin);
    ledger.look({}, begin + 10s);
    EXPECT_EQ(ledger.waited_for("a"), 2s);
    ledger.look({{"a", "7@2", 1s}}, begin + 20s);
    EXPECT_EQ(ledger.waited_for("a"), 3s);
}

TEST(WaitLedger, CountsThoseWhoWaitTogetherOnce) {
    WaitLedger ledger;
    ledger.look({{"a", "7", 3s}, {"a", "8", 1s}, {"a", "9", 2s}}, begin);
    EXPECT_EQ(ledger.waited_for("a"), 3s);
    ledger.look({{"a", "8", 2s}}, begin + 1s);
    EXPECT_EQ(ledger.waited_for("a"), 4s);
}

TEST(WaitLedger, KeepsLocksApart) {
    WaitLedger ledger;
    ledger.look({{"a", "7", 3s}, {"b", "8", 1s}}, begin);
    EXPECT_EQ(ledger.waited_for("b"), 1s);
}

TEST(WaitLedger, ForgetsWhatIsLongOver) {
    WaitLedger ledger;
    ledger.look({{"a", "7", 4s}}, begin);
    ledger.look({}, begin + WaitLedger::forget_after);
    EXPECT_EQ(ledger.waited_for("a"), 4s);
    ledger.look({{"a", "8", 1s}}, begin + WaitLedger::forget_after + 1s);
    EXPECT_EQ(ledger.waited_for("a"), 1s);
}

}  // namespace
}  // namespace lifeboat::postgres
