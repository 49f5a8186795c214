#include "retention/gates.hpp"

#include "histories.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace lifeboat::retention {
namespace {

using testing::HasSubstr;

std::vector<Candidate> of(std::initializer_list<Condition> conditions) {
    std::vector<Candidate> candidates;
    for (const auto condition : conditions) {
        candidates.push_back(
            backup_of(at(2026, 11, 1) + std::chrono::days(static_cast<int>(candidates.size())), {"app"}, condition));
    }
    return candidates;
}

TEST(TheLineageGate, IsClosedWhileAMarkedBackupIsNewerThanTheNewestGoodOne) {
    const auto candidates = of({Condition::good, Condition::marked, Condition::partial});
    const auto stop = lineage_gate(candidates);
    ASSERT_TRUE(stop);
    EXPECT_EQ(stop->gate, Gate::lineage);
    EXPECT_THAT(stop->what, HasSubstr(candidates[1].id));
    EXPECT_THAT(stop->what, HasSubstr(candidates[0].id));
    EXPECT_FALSE(stop->next.empty());
}

TEST(TheLineageGate, IsClosedWhereNothingWasEverTrusted) {
    EXPECT_TRUE(lineage_gate(of({Condition::marked, Condition::marked})));
}

// Else a sidecar would tell it anew each night.
TEST(TheLineageGate, SaysTheSameHoweverManyFollow) {
    auto candidates = of({Condition::good, Condition::marked});
    const auto first = lineage_gate(candidates);
    const auto doubted = lineage_gate(candidates, candidates[1].id);
    for (int night = 3; night < 9; ++night) {
        candidates.push_back(backup_of(at(2026, 11, static_cast<unsigned>(night)), {"app"}, Condition::marked));
        EXPECT_EQ(lineage_gate(candidates)->what, first->what);
        EXPECT_EQ(lineage_gate(candidates, candidates[1].id)->what, doubted->what);
    }
    EXPECT_EQ(first->what, doubted->what);
}

TEST(TheLineageGate, IsClosedInDoubtWhateverBecameOfWhatRaisedIt) {
    const auto stop = lineage_gate(of({Condition::good, Condition::expired}), "the marked one");
    ASSERT_TRUE(stop);
    EXPECT_EQ(stop->gate, Gate::lineage);
    EXPECT_THAT(stop->what, HasSubstr("the marked one"));
    EXPECT_TRUE(lineage_gate({}, "the marked one"));
}

TEST(TheLineageGate, OpensWithATrustedOneAfterIt) {
    EXPECT_FALSE(lineage_gate(of({Condition::good, Condition::marked, Condition::good})));
    EXPECT_FALSE(lineage_gate(of({Condition::good, Condition::partial, Condition::hidden})));
    EXPECT_FALSE(lineage_gate({}));
}

TEST(TheLineageGate, GoesByTheStoresTimeAndNotByOrder) {
    auto candidates = of({Condition::marked, Condition::good});
    std::swap(candidates[0].stored, candidates[1].stored);
    EXPECT_TRUE(lineage_gate(candidates));
    std::reverse(candidates.begin(), candidates.end());
    EXPECT_TRUE(lineage_gate(candidates));
}

TEST(TheLineageGate, TakesTwoOfOneMomentForDoubt) {
    auto candidates = of({Condition::good, Condition::marked});
    candidates[0].stored = candidates[1].stored;
    candidates[0].id = candidates[1].id = "the same";
    EXPECT_TRUE(lineage_gate(candidates));
}

TEST(MaxDelete, LetsAsManyGoAsItSays) {
    EXPECT_FALSE(max_delete_gate(0, 0));
    EXPECT_FALSE(max_delete_gate(10, 10));
    const auto stop = max_delete_gate(11, 10);
    ASSERT_TRUE(stop);
    EXPECT_EQ(stop->gate, Gate::max_delete);
    EXPECT_THAT(stop->what, HasSubstr("11 backups"));
    EXPECT_THAT(stop->next, HasSubstr("--max-delete 11"));
    EXPECT_THAT(stop->next, HasSubstr("raise retention.max_delete")) << "else it stops again on the next day";
    EXPECT_TRUE(max_delete_gate(1, 0));
}

}  // namespace
}  // namespace lifeboat::retention
