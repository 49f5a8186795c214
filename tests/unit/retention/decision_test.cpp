// Each rule by itself, with days and words that a reader can check.
#include "histories.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

namespace lifeboat::retention {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// One backup each day at 02:17 UTC, the newest on `last` itself.
std::vector<Candidate> nightly(int nights, TimePoint last) {
    std::vector<Candidate> candidates;
    for (int night = nights - 1; night >= 0; --night) {
        candidates.push_back(backup_of(last - std::chrono::days(night)));
    }
    return candidates;
}

// As the dates of what is kept, oldest first.
std::vector<std::string> kept_dates(const std::vector<Candidate>& candidates, const std::vector<Verdict>& verdicts) {
    std::vector<std::string> dates;
    for (std::size_t i = 0; i < candidates.size(); ++i) {
        if (verdicts[i].keep) {
            const std::chrono::year_month_day date(std::chrono::floor<std::chrono::days>(candidates[i].stored));
            char text[32];
            std::snprintf(text, sizeof text, "%04d-%02u-%02u", static_cast<int>(date.year()),
                          static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
            dates.emplace_back(text);
        }
    }
    return dates;
}

std::vector<std::string> kept_of(const std::vector<Candidate>& candidates, const Policy& policy,
                                 const schedule::Zone& zone = schedule::Zone::utc()) {
    return kept_dates(candidates, decide(candidates, std::vector{policy}, {}, zone, candidates.back().stored));
}

TEST(Days, AreCountedBackFromToday) {
    EXPECT_THAT(kept_of(nightly(10, at(2026, 11, 22, 2, 17)), {.days = 3}),
                ElementsAre("2026-11-19", "2026-11-20", "2026-11-21", "2026-11-22"));
}

TEST(Days, AreThoseOfTheZone) {
    // 22:30 UTC is the next day in Berlin, in winter as in summer.
    auto candidates = nightly(5, at(2026, 11, 22, 23, 30));
    candidates.push_back(backup_of(at(2026, 11, 23, 2)));
    EXPECT_THAT(kept_of(candidates, {.days = 1}), ElementsAre("2026-11-22", "2026-11-23"));
    EXPECT_THAT(kept_of(candidates, {.days = 1}, schedule::Zone::find("Europe/Berlin").value()),
                ElementsAre("2026-11-21", "2026-11-22", "2026-11-23"));
}

TEST(Last, CountsGoodOnesOnly) {
    auto candidates = nightly(6, at(2026, 11, 22, 2, 17));
    candidates[4].condition = Condition::partial;
    candidates[3].condition = Condition::marked;
    EXPECT_THAT(kept_of(candidates, {.last = 3}), ElementsAre("2026-11-18", "2026-11-19", "2026-11-22"));
}

TEST(Weekly, KeepsTheNewestOfEachWeekFromMondayOn) {
    // 22 November 2026 is a Sunday.
    EXPECT_THAT(kept_of(nightly(30, at(2026, 11, 24, 2, 17)), {.weekly = 3}),
                ElementsAre("2026-11-15", "2026-11-22", "2026-11-24"));
}

TEST(Monthly, KeepsTheNewestOfEachMonth) {
    EXPECT_THAT(kept_of(nightly(100, at(2026, 11, 22, 2, 17)), {.monthly = 3}),
                ElementsAre("2026-09-30", "2026-10-31", "2026-11-22"));
}

TEST(Yearly, KeepsTheNewestOfEachYear) {
    EXPECT_THAT(kept_of(nightly(800, at(2026, 11, 22, 2, 17)), {.yearly = 2}), ElementsAre("2025-12-31", "2026-11-22"));
}

// What is the newest of its month in March must have been kept ever since, also by the rules that ran in January.
TEST(Rules, HandOverToEachOtherFromNightToNight) {
    const Policy policy{.days = 7, .weekly = 4, .monthly = 6, .yearly = 2};
    std::vector<Candidate> store;
    for (int night = 0; night < 900; ++night) {
        store.push_back(backup_of(at(2024, 1, 1, 2, 17) + std::chrono::days(night)));
        const auto verdicts = decide(store, std::vector{policy}, {}, schedule::Zone::utc(), store.back().stored);
        std::vector<Candidate> rest;
        for (std::size_t i = 0; i < store.size(); ++i) {
            if (verdicts[i].keep) {
                rest.push_back(store[i]);
            }
        }
        store = rest;
    }
    // 18 June 2026, a Thursday.
    const auto all = nightly(900, store.back().stored);
    EXPECT_EQ(kept_of(store, policy), kept_of(all, policy)) << "as if nothing had ever been deleted before";
    EXPECT_THAT(kept_of(store, policy),
                ElementsAre("2025-12-31", "2026-01-31", "2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31",
                            "2026-06-07", "2026-06-11", "2026-06-12", "2026-06-13", "2026-06-14", "2026-06-15",
                            "2026-06-16", "2026-06-17", "2026-06-18"));
}

TEST(Rules, AllZeroKeepEverything) {
    EXPECT_EQ(kept_of(nightly(400, at(2026, 11, 22)), {}).size(), 400U);
}

TEST(APause, LetsGoOfNoWeek) {
    auto candidates = nightly(21, at(2026, 5, 31, 2));
    candidates.push_back(backup_of(at(2026, 11, 22)));
    EXPECT_THAT(kept_of(candidates, {.weekly = 3}), ElementsAre("2026-05-24", "2026-05-31", "2026-11-22"));
}

TEST(ADatabase, IsKeptInItsNewestArchiveUntilItsLossIsAccepted) {
    auto candidates = nightly(40, at(2026, 11, 22, 2, 17));
    candidates[3].databases = {"app", "shop"};
    const auto dates = [&](const Losses& accepted) {
        return kept_dates(candidates, decide(candidates, std::vector{Policy{.last = 1}}, accepted,
                                             schedule::Zone::utc(), candidates.back().stored));
    };
    EXPECT_THAT(dates({}), ElementsAre("2026-10-17", "2026-11-22"));
    EXPECT_THAT(dates({{"shop", candidates[10].stored}}), ElementsAre("2026-11-22"));
    candidates[10].databases = {"app", "shop"};
    EXPECT_THAT(dates({{"shop", candidates[10].stored}}), ElementsAre("2026-10-24", "2026-11-22")) << "it came back";
    EXPECT_THAT(dates({{"app", at(2027, 1, 1)}}), ElementsAre("2026-10-24", "2026-11-22"))
        << "the newest good one stays";
}

TEST(ADatabase, ThatOnlyAPartialBackupHoldsIsKeptThere) {
    auto candidates = nightly(40, at(2026, 11, 22, 2, 17));
    candidates[5].databases = {"shop"};
    candidates[5].condition = Condition::partial;
    EXPECT_THAT(kept_of(candidates, {.last = 1}), ElementsAre("2026-10-19", "2026-11-22"));
}

TEST(WhatIsHidden, IsJudgedByTheGoodOnesAfterIt) {
    auto candidates = nightly(6, at(2026, 11, 22, 2, 17));
    for (auto i : {0U, 3U, 4U}) {
        candidates[i].condition = Condition::hidden;
    }
    EXPECT_THAT(kept_of(candidates, {.last = 2}), ElementsAre("2026-11-19", "2026-11-20", "2026-11-21", "2026-11-22"));
}

// As when a listing lacks data/ for once.
TEST(WhatExpired, GoesInNoCaseWhereNothingIsGood) {
    auto candidates = nightly(6, at(2026, 11, 22, 2, 17));
    for (auto& candidate : candidates) {
        candidate.condition = Condition::expired;
        candidate.databases.clear();
        candidate.globals = false;
    }
    EXPECT_THAT(kept_of(candidates, {.last = 2}), SizeIs(6));
    candidates[2].condition = Condition::good;
    EXPECT_THAT(kept_of(candidates, {.last = 1}), ElementsAre("2026-11-19", "2026-11-20", "2026-11-21", "2026-11-22"));
}

TEST(WhatExpired, IsKeptAsThePolicyWouldKeepItAndTakesNobodysPlace) {
    auto candidates = nightly(6, at(2026, 11, 22, 2, 17));
    candidates[4].condition = candidates[0].condition = Condition::expired;
    EXPECT_THAT(kept_of(candidates, {.last = 2}), ElementsAre("2026-11-20", "2026-11-21", "2026-11-22"));
    // Also beside one that expired before.
    candidates[3].condition = Condition::expired;
    EXPECT_THAT(kept_of(candidates, {.last = 2}), ElementsAre("2026-11-19", "2026-11-20", "2026-11-21", "2026-11-22"));
    auto year = nightly(365, at(2026, 11, 22, 2, 17));
    for (std::size_t i = 0; i < 335; ++i) {  // a rule of the bucket takes the data after 30 days
        year[i].condition = Condition::expired;
        year[i].databases.clear();
        year[i].globals = false;
    }
    EXPECT_THAT(kept_of(year, {.monthly = 3}), ElementsAre("2026-08-31", "2026-09-30", "2026-10-31", "2026-11-22"));
    const auto verdicts =
        decide(year, std::vector{Policy{.last = 1}}, {}, schedule::Zone::utc(), at(2026, 11, 22, 2, 17));
    EXPECT_THAT(verdicts[0].because, ElementsAre("expired and 364 days old, and no rule keeps it"));
}

TEST(TheFuture, TakesNobodysPlaceAndIsKept) {
    auto candidates = nightly(5, at(2026, 11, 22, 2, 17));
    candidates.push_back(backup_of(at(2036, 1, 1)));
    const auto verdicts =
        decide(candidates, std::vector{Policy{.last = 1}}, {}, schedule::Zone::utc(), at(2026, 11, 22, 3));
    EXPECT_THAT(kept_dates(candidates, verdicts), ElementsAre("2026-11-22", "2036-01-01"));
    EXPECT_THAT(verdicts.back().because.front(), HasSubstr("future"));
}

TEST(WithoutAPolicy, NothingGoes) {
    const auto candidates = nightly(50, at(2026, 11, 22));
    for (const auto& verdict : decide(candidates, {}, {}, schedule::Zone::utc(), at(2027, 1, 1))) {
        EXPECT_TRUE(verdict.keep);
    }
    EXPECT_THAT(decide({}, {}, {}, schedule::Zone::utc(), at(2027, 1, 1)), IsEmpty());
}

TEST(Reasons, NameEveryRuleAndEveryPromise) {
    auto candidates = nightly(40, at(2026, 11, 22, 2, 17));
    candidates[39].proven = true;
    candidates[2].condition = Condition::partial;
    const std::vector policies{Policy{.days = 3, .last = 2, .weekly = 1},
                               Policy{.monthly = 2, .asked_by = "as its manifest asks"}};
    const auto verdicts = decide(candidates, policies, {}, schedule::Zone::utc(), candidates.back().stored);
    EXPECT_THAT(verdicts[39].because,
                ElementsAre("the newest good one", "the last proven one", "it holds the newest archive of 'app'",
                            "of the last 3 days", "one of the newest 2", "the newest of its week, 1 of 1",
                            "the newest of its month, 1 of 2 (as its manifest asks)"));
    EXPECT_THAT(verdicts[38].because, ElementsAre("of the last 3 days", "one of the newest 2"));
    EXPECT_THAT(verdicts[17].because, ElementsAre("the newest of its month, 2 of 2 (as its manifest asks)"));
    EXPECT_THAT(verdicts[3].because, ElementsAre("36 days old, and no rule keeps it"));
    EXPECT_THAT(verdicts[2].because, ElementsAre("partial and 37 days old: of the rules only keep_days holds for it"));
}

// A bucket of a fleet that nobody ever pruned. The limit has much room: a loaded machine takes its time, and a decision
// that grows with the square of the number would take minutes.
TEST(AHundredThousandBackups, AreDecidedInAMoment) {
    std::vector<Candidate> candidates;
    Dice dice(1);
    for (std::size_t i = 0; i < 100'000; ++i) {
        candidates.push_back(some_backup(dice, at(2015, 1, 1) + std::chrono::hours(static_cast<int>(i)), i));
    }
    const Policy policy{30, 7, 8, 12, 5};
    const auto zone = schedule::Zone::find("Europe/Berlin").value();
    const auto began = std::chrono::steady_clock::now();
    const auto verdicts = decide(candidates, std::vector{policy}, {}, zone, candidates.back().stored);
    const auto took = std::chrono::steady_clock::now() - began;
    EXPECT_EQ(verdicts.size(), candidates.size());
    EXPECT_LT(took, std::chrono::seconds(5));
}

// Runs whose globals failed are partial, and may be all that there is for a long time.
TEST(TheGlobals, AreKeptInTheNewestBackupThatHoldsThem) {
    auto candidates = nightly(5, at(2026, 11, 22, 2, 17));
    for (auto& candidate : candidates) {
        candidate.condition = Condition::partial;
    }
    candidates[0].globals = candidates[1].globals = true;
    EXPECT_THAT(kept_of(candidates, {.last = 1}), ElementsAre("2026-11-19", "2026-11-22"));
    const auto verdicts = decide(candidates, std::vector{Policy{.last = 1}}, {{"app", at(2027, 1, 1)}},
                                 schedule::Zone::utc(), candidates.back().stored);
    EXPECT_THAT(verdicts[1].because, ElementsAre("it holds the newest archive of the globals"));
}

// Hidden is also what somebody copied back, and may be older than its time says.
TEST(AHiddenBackup, StandsInForNoArchiveOfAnother) {
    auto candidates = nightly(3, at(2026, 11, 22, 2, 17));
    candidates[0].databases = {"app", "once"};
    candidates[0].condition = Condition::partial;
    candidates[1].databases = {"app", "once"};
    candidates[1].condition = Condition::hidden;
    candidates[2].databases = {"app"};
    EXPECT_THAT(kept_of(candidates, {.last = 1}), ElementsAre("2026-11-20", "2026-11-21", "2026-11-22"));
}

}  // namespace
}  // namespace lifeboat::retention
