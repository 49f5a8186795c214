#include "schedule/next_run.hpp"

#include <gmock/gmock.h>

#include <random>
#include <set>

#include "times.hpp"

namespace lifeboat::schedule {

void PrintTo(Why why, std::ostream* out) {
    constexpr const char* names[] = {"first", "scheduled", "missed", "retry"};
    *out << names[static_cast<int>(why)];
}

namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

// Every night at 02:17, without jitter unless a test asks for it.
Rules nightly(milliseconds jitter = 0ms) {
    return {calendar("17 2 * * *"), jitter, Spread("app", "app-0")};
}

Rules rules(const std::string& cron, milliseconds jitter = 0ms) {
    return {calendar(cron), jitter, Spread("app", "app-0")};
}

// Up since long ago, and nothing has happened.
ProcessView long_up() {
    return {utc("2026-11-01"), {}, {}, {}};
}

ProcessView up_since(const std::string& time) {
    return {utc(time), {}, {}, {}};
}

ProcessView failed(int count, const std::string& first_started, const std::string& last_ended) {
    return {utc(last_ended), {count, utc(first_started), utc(last_ended)}, {}, {}};
}

// What a pause without chance and the same with most of it come to.
void expect_pause(const Plan& plan, TimePoint since, milliseconds pause) {
    EXPECT_EQ(plan.why, Why::retry);
    EXPECT_GE(plan.start, since + pause) << text_of(plan.start);
    EXPECT_LE(plan.start, since + pause + pause / 4) << text_of(plan.start);
}

TEST(WithNothingInTheStore, TheFirstIsDueAtOnce) {
    const TimePoint now = utc("2026-11-25 12:00");
    const Plan plan = next_run(nightly(1h), {}, up_since("2026-11-25 12:00"), now);
    EXPECT_EQ(plan.why, Why::first);
    EXPECT_EQ(plan.start, now);
    EXPECT_EQ(plan.due, now);
    EXPECT_EQ(plan.failed_attempts, 0);
}

TEST(AfterAGoodBackup, TheNextDueTimeIsNext) {
    const StoreView store{{utc("2026-11-24 02:18"), utc("2026-11-25 02:18"), utc("2026-11-23 02:18")}, {}};
    const Plan plan = next_run(nightly(), store, long_up(), utc("2026-11-25 12:00"));
    EXPECT_EQ(plan.why, Why::scheduled);
    EXPECT_EQ(plan.due, utc("2026-11-26 02:17"));
    EXPECT_EQ(plan.start, plan.due);
}

TEST(AtADueTime, TheRunIsScheduledUntilItIsMade) {
    const StoreView store{{utc("2026-11-24 02:18")}, {}};
    for (const std::string now : {"2026-11-25 02:17", "2026-11-25 02:18", "2026-11-25 05:00"}) {
        const Plan plan = next_run(nightly(), store, long_up(), utc(now));
        EXPECT_EQ(plan.why, Why::scheduled) << now;
        EXPECT_EQ(plan.start, utc("2026-11-25 02:17")) << now;
    }
}

TEST(Jitter, PutsOffTheStartAndStaysTheSame) {
    const StoreView store{{utc("2026-11-24 02:18")}, {}};
    const Rules jittery = nightly(10min);
    const TimePoint start = start_of(jittery, utc("2026-11-25 02:17"));
    EXPECT_GT(start, utc("2026-11-25 02:17"));
    EXPECT_LE(start, utc("2026-11-25 02:27"));
    for (const std::string now : {"2026-11-24 12:00", "2026-11-25 02:16", "2026-11-25 02:17"}) {
        // Also after a restart, whenever that was before the start.
        const Plan plan = next_run(jittery, store, up_since(now), utc(now));
        EXPECT_EQ(plan.start, start) << now;
        EXPECT_EQ(plan.why, Why::scheduled) << now;
    }
}

TEST(Jitter, NeverPassesHalfTheWayToTheNextDueTime) {
    std::int64_t most = 0;
    for (int host = 0; host < 300; ++host) {
        const Rules dense{calendar("@every 10s"), 1h, Spread("app", std::to_string(host))};
        const auto off = start_of(dense, utc("2026-11-25")) - utc("2026-11-25");
        EXPECT_LE(off, 5s);
        EXPECT_GE(off, 0s);
        most = std::max<std::int64_t>(most, off / 1ms);
    }
    EXPECT_GT(most, 4900);
}

TEST(AMissedRun, IsCaughtUpOnceWithLittleJitter) {
    const StoreView store{{utc("2026-11-20 02:18")}, {}};  // four due times have passed
    const Rules jittery = nightly(30min);
    const TimePoint up = utc("2026-11-24 09:00");
    const Plan plan = next_run(jittery, store, up_since("2026-11-24 09:00"), up);
    EXPECT_EQ(plan.why, Why::missed);
    EXPECT_EQ(plan.due, utc("2026-11-24 02:17"));
    EXPECT_GT(plan.start, up);
    EXPECT_LE(plan.start, up + 1min);
    EXPECT_EQ(next_run(jittery, store, up_since("2026-11-24 09:00"), up + 30s).start, plan.start);
    // Once it is made, the next due time is next.
    const StoreView after{{utc("2026-11-20 02:18"), plan.start}, {}};
    EXPECT_EQ(next_run(jittery, after, long_up(), plan.start + 2min).due, utc("2026-11-25 02:17"));
}

TEST(AMissedRun, HasNoMoreJitterThanTheSettingsAllow) {
    const StoreView store{{utc("2026-11-20 02:18")}, {}};
    const TimePoint up = utc("2026-11-24 09:00");
    EXPECT_EQ(next_run(nightly(0ms), store, up_since("2026-11-24 09:00"), up).start, up);
    EXPECT_LE(next_run(nightly(2s), store, up_since("2026-11-24 09:00"), up).start, up + 2s);
}

TEST(AMissedRun, IsNotPutOffPastTheNextDueTime) {
    for (int host = 0; host < 50; ++host) {
        const Rules jittery{calendar("17 2 * * *"), 30min, Spread("app", std::to_string(host))};
        const StoreView store{{utc("2026-11-20 02:18")}, {}};
        const TimePoint up = utc("2026-11-25 02:16:58Z");
        EXPECT_LE(next_run(jittery, store, up_since("2026-11-25 02:16:58Z"), up).start, up + 1s);
    }
}

TEST(AVeryOldBackup, IsCaughtUpLikeAnyOther) {
    const StoreView store{{utc("2011-01-01")}, {}};
    const Plan plan = next_run(rules("@every 1s"), store, up_since("2026-11-25 12:00"), utc("2026-11-25 12:00"));
    EXPECT_EQ(plan.why, Why::scheduled);  // this very second is due
    EXPECT_EQ(plan.due, utc("2026-11-25 12:00"));
    EXPECT_EQ(next_run(nightly(), store, up_since("2026-11-25 12:00"), utc("2026-11-25 12:00")).due,
              utc("2026-11-25 02:17"));
}

TEST(ARunThatTookLongerThanThePeriod, IsFollowedAtOnce) {
    const StoreView store{{utc("2026-11-25 01:17")}, {}};
    const ProcessView process = up_since("2026-11-25 03:40");  // its end
    const Plan plan = next_run(rules("17 * * * *"), store, process, utc("2026-11-25 03:40"));
    EXPECT_EQ(plan.why, Why::missed);
    EXPECT_EQ(plan.due, utc("2026-11-25 03:17"));
    EXPECT_EQ(plan.start, utc("2026-11-25 03:40"));
}

TEST(AFailedRun, IsRetriedWithGrowingPauses) {
    const StoreView store{{utc("2026-11-24 02:18")}, {}};
    const TimePoint ended = utc("2026-11-25 03:00");
    const std::vector<std::pair<int, milliseconds>> pauses = {{1, 1min},  {2, 2min}, {3, 4min}, {6, 32min},
                                                              {7, 60min}, {8, 1h},   {70, 1h},  {1'000'000, 1h}};
    for (const auto& [count, pause] : pauses) {
        const Plan plan = next_run(nightly(), store, failed(count, "2026-11-25 02:17", "2026-11-25 03:00"), ended);
        expect_pause(plan, ended, pause);
        EXPECT_EQ(plan.failed_attempts, count);
        EXPECT_EQ(plan.due, utc("2026-11-25 02:17"));
        EXPECT_EQ(next_run(nightly(), store, failed(count, "2026-11-25 02:17", "2026-11-25 03:00"), plan.start).start,
                  plan.start);
    }
}

// Two sidecars that met once would otherwise meet at every retry.
TEST(Retries, DrawTheirChanceAnewEachTime) {
    const StoreView store{{utc("2026-11-24 02:18")}, {}};
    std::set<std::int64_t> parts;  // of the most that chance may add, in per cent
    for (int count = 1; count <= 4; ++count) {
        const milliseconds pause = 1min * (1 << (count - 1));
        const Plan plan =
            next_run(nightly(), store, failed(count, "2026-11-25 02:17", "2026-11-25 03:00"), utc("2026-11-25 03:00"));
        parts.insert((plan.start - utc("2026-11-25 03:00") - pause) * 100 / (pause / 4));
    }
    EXPECT_EQ(parts.size(), 4U);
}

TEST(AFailedRun, GivesWayToTheNextDueTime) {
    const StoreView store{{utc("2026-11-24 02:18")}, {}};
    const Plan plan =
        next_run(nightly(), store, failed(20, "2026-11-25 02:17", "2026-11-26 02:00"), utc("2026-11-26 02:00"));
    EXPECT_EQ(plan.why, Why::scheduled);
    EXPECT_EQ(plan.start, utc("2026-11-26 02:17"));
    EXPECT_EQ(plan.failed_attempts, 20);
}

TEST(ADueTime, IsHonouredHoweverManyFailedBefore) {
    const StoreView store{{utc("2026-11-20 02:18")}, {}};
    const Plan plan =
        next_run(nightly(5min), store, failed(99, "2026-11-21 02:17", "2026-11-26 02:10"), utc("2026-11-26 02:17"));
    EXPECT_EQ(plan.why, Why::scheduled);
    EXPECT_EQ(plan.start, start_of(nightly(5min), utc("2026-11-26 02:17")));
}

TEST(ADueTime, ThatPassedDuringAFailedRunIsTriedWithIt) {
    const StoreView store{{utc("2026-11-25 00:17")}, {}};
    // Started at 01:17, failed at 03:30: 02:17 and 03:17 have passed.
    const Plan plan = next_run(rules("17 * * * *"), store, failed(1, "2026-11-25 01:17", "2026-11-25 03:30"),
                               utc("2026-11-25 03:30"));
    expect_pause(plan, utc("2026-11-25 03:30"), 1min);
}

TEST(AFailureOfShortPeriods, WaitsForTheNextDueTimeAtMost) {
    const StoreView store{{utc("2026-11-25 00:00")}, {}};
    const Plan plan = next_run(rules("@every 10s"), store, failed(9, "2026-11-25 00:00:10Z", "2026-11-25 00:10:03Z"),
                               utc("2026-11-25 00:10:03Z"));
    EXPECT_EQ(plan.start, utc("2026-11-25 00:10:10Z"));
}

TEST(TheFirstBackup, IsRetriedWithPausesToo) {
    const Plan plan =
        next_run(nightly(), {}, failed(2, "2026-11-25 12:00", "2026-11-25 12:05"), utc("2026-11-25 12:05"));
    expect_pause(plan, utc("2026-11-25 12:05"), 2min);
    EXPECT_EQ(plan.due, utc("2026-11-25 12:00"));
}

TEST(ALeftover, CountsAsAFailedAttempt) {
    const StoreView store{{utc("2026-11-24 02:18")}, {{utc("2026-11-25 02:17:05Z"), {}}}};
    const Plan plan = next_run(nightly(), store, up_since("2026-11-25 02:17:20Z"), utc("2026-11-25 02:17:20Z"));
    EXPECT_EQ(plan.failed_attempts, 1);
    expect_pause(plan, utc("2026-11-25 02:17:05Z"), 1min);
}

TEST(ALeftover, OfTheFirstBackupCountsToo) {
    const StoreView store{{}, {{utc("2026-11-25 12:00"), {}}, {utc("2026-11-25 12:01"), {}}}};
    const Plan plan = next_run(nightly(), store, up_since("2026-11-25 12:02"), utc("2026-11-25 12:02"));
    EXPECT_EQ(plan.failed_attempts, 2);
    expect_pause(plan, utc("2026-11-25 12:01"), 4min);
}

TEST(Leftovers, PauseByQuadruplesFromTheStartOfTheLatest) {
    StoreView store{{utc("2026-11-24 02:18")}, {}};
    for (const milliseconds pause : {1min, 4min, 16min, 64min, 256min}) {
        const TimePoint started = utc("2026-11-25 02:17") + std::chrono::seconds(store.failed.size());
        store.failed.insert(store.failed.begin(), {started, {}});
        const Plan plan = next_run(nightly(), store, up_since("2026-11-25 02:18"), utc("2026-11-25 02:18"));
        expect_pause(plan, started, pause);
    }
}

TEST(Leftovers, GiveTheSameAnswerAfterEveryRestart) {
    const StoreView store{
        {utc("2026-11-24 02:18")},
        {{utc("2026-11-25 02:17"), {}}, {utc("2026-11-25 02:19"), {}}, {utc("2026-11-25 02:24"), {}}}};
    const TimePoint start = next_run(nightly(5min), store, up_since("2026-11-25 02:25"), utc("2026-11-25 02:25")).start;
    for (TimePoint up = utc("2026-11-25 02:25"); up < start; up += 30s) {
        EXPECT_EQ(next_run(nightly(5min), store, {up, {}, {}, {}}, up).start, start);
    }
}

TEST(Leftovers, FromBeforeTheLastGoodBackupAreHistory) {
    const StoreView store{{utc("2026-11-25 02:30")}, {{utc("2026-11-25 02:17"), {}}, {utc("2026-11-20 02:17"), {}}}};
    const Plan plan = next_run(nightly(), store, long_up(), utc("2026-11-25 12:00"));
    EXPECT_EQ(plan.failed_attempts, 0);
    EXPECT_EQ(plan.why, Why::scheduled);
}

TEST(APartialBackup, IsAFailureThatHasAnEnd) {
    const StoreView store{{utc("2026-11-24 02:18")}, {{utc("2026-11-25 02:17"), utc("2026-11-25 03:40")}}};
    const Plan plan = next_run(nightly(), store, up_since("2026-11-25 03:40"), utc("2026-11-25 03:40"));
    expect_pause(plan, utc("2026-11-25 03:40"), 1min);
}

TEST(AFailureOfThisProcess, IsNotCountedAgainForWhatItLeftInTheStore) {
    // The first left its data behind; its id has whole seconds.
    ProcessView process = failed(2, "2026-11-25 02:17", "2026-11-25 02:30");
    process.failures.first_started += 400ms;
    const StoreView store{{utc("2026-11-24 02:18")}, {{utc("2026-11-25 02:17"), {}}, {utc("2026-11-25 02:25"), {}}}};
    EXPECT_EQ(next_run(nightly(), store, process, utc("2026-11-25 02:30")).failed_attempts, 2);
}

TEST(AFailureOfThisProcess, AddsToWhatOthersLeftBefore) {
    const StoreView store{{utc("2026-11-24 02:18")}, {{utc("2026-11-25 02:17"), {}}, {utc("2026-11-25 02:20"), {}}}};
    const Plan plan =
        next_run(nightly(), store, failed(1, "2026-11-25 02:30", "2026-11-25 02:31"), utc("2026-11-25 02:31"));
    EXPECT_EQ(plan.failed_attempts, 3);
    expect_pause(plan, utc("2026-11-25 02:31"), 4min);
}

TEST(AFailureOfThisProcess, IsForgottenOnceAnotherMadeAGoodBackup) {
    const StoreView store{{utc("2026-11-25 02:40")}, {}};
    const Plan plan =
        next_run(nightly(), store, failed(3, "2026-11-25 02:17", "2026-11-25 02:30"), utc("2026-11-25 03:00"));
    EXPECT_EQ(plan.failed_attempts, 0);
    EXPECT_EQ(plan.due, utc("2026-11-26 02:17"));
}

TEST(ABackupByHandThatFailed, IsNoReasonToRunBeforeTheDueTime) {
    const StoreView store{{utc("2026-11-25 02:17")}, {{utc("2026-11-25 10:00"), {}}}};
    const Plan plan = next_run(nightly(), store, long_up(), utc("2026-11-25 11:00"));
    EXPECT_EQ(plan.why, Why::scheduled);
    EXPECT_EQ(plan.start, utc("2026-11-26 02:17"));
}

TEST(AWish, CutsThePauseShortOnce) {
    const StoreView store{{utc("2026-11-24 02:18")}, {}};
    ProcessView process = failed(9, "2026-11-25 02:17", "2026-11-25 09:00");
    process.retry_wish = utc("2026-11-25 09:20");
    Plan plan = next_run(nightly(), store, process, utc("2026-11-25 09:20"));
    EXPECT_EQ(plan.why, Why::retry);
    EXPECT_EQ(plan.start, utc("2026-11-25 09:20"));
    // That one failed as well: the wish has had its try.
    process.failures.count = 10;
    process.failures.last_ended = utc("2026-11-25 09:21");
    expect_pause(next_run(nightly(), store, process, utc("2026-11-25 09:21")), utc("2026-11-25 09:21"), 1h);
}

TEST(AWish, NeedsNoJitterWhereADueTimeHasPassedSinceTheFailure) {
    const StoreView store{{utc("2026-11-24 02:18")}, {}};
    Rules rules = nightly();
    rules.jitter = 1h;
    ProcessView process = failed(3, "2026-11-24 09:00", "2026-11-25 02:16");
    const auto now = utc("2026-11-25 02:17");
    ASSERT_GT(next_run(rules, store, process, now).start, now) << "or there is nothing to cut short";
    process.retry_wish = now;
    const Plan plan = next_run(rules, store, process, now);
    EXPECT_EQ(plan.due, now);
    EXPECT_EQ(plan.start, now);
    process.failures.count = 0;
    EXPECT_GT(next_run(rules, store, process, now).start, now) << "nothing failed: nothing is tried again";
}

TEST(AWish, NeverPutsOffOrAddsARun) {
    const StoreView store{{utc("2026-11-25 02:18")}, {}};
    ProcessView process = long_up();
    process.retry_wish = utc("2026-11-25 09:00");
    EXPECT_EQ(next_run(nightly(), store, process, utc("2026-11-25 09:00")).start, utc("2026-11-26 02:17"));
    process = failed(1, "2026-11-26 02:17", "2026-11-26 02:20");
    process.retry_wish = utc("2026-11-26 08:00");
    expect_pause(next_run(nightly(), store, process, utc("2026-11-26 02:20")), utc("2026-11-26 02:20"), 1min);
}

TEST(WhoeverStoodBack, LooksAgainLater) {
    const StoreView store{{utc("2026-11-24 02:18")}, {}};
    ProcessView process = long_up();
    process.stood_back = utc("2026-11-25 02:17");
    const Plan plan = next_run(nightly(), store, process, utc("2026-11-25 02:17"));
    EXPECT_EQ(plan.start, utc("2026-11-25 02:22"));
    EXPECT_EQ(plan.failed_attempts, 0);
    // The other one made it.
    const StoreView made{{utc("2026-11-24 02:18"), utc("2026-11-25 02:18")}, {}};
    EXPECT_EQ(next_run(nightly(), made, process, utc("2026-11-25 02:22")).start, utc("2026-11-26 02:17"));
}

TEST(WhoeverStoodBack, LooksAgainWithinAQuarterOfAGap) {
    const auto pause = [](const std::string& cron, const std::string& stood_back) {
        return look_again_after(calendar(cron), utc(stood_back));
    };
    EXPECT_EQ(pause("@every 2s", "2026-11-25 02:17"), 1s);
    EXPECT_EQ(pause("@every 10s", "2026-11-25 02:17"), 2500ms);
    EXPECT_EQ(pause("*/5 * * * *", "2026-11-25 02:17"), 75s);
    EXPECT_EQ(pause("@hourly", "2026-11-25 02:17"), 5min);
    // The gap counts, not how near the next due time happens to be.
    EXPECT_EQ(pause("17 2 * * *", "2026-11-25 02:16:59"), 5min);
}

TEST(ABackupFromTheFuture, IsLeftOutOfAccount) {
    // The clock of the host was a year ahead; then it was put right.
    const StoreView store{{utc("2026-11-24 02:17"), utc("2027-11-24 02:17")}, {}};
    EXPECT_EQ(last_good(store, utc("2026-11-24 12:00")), utc("2026-11-24 02:17"));
    EXPECT_EQ(next_run(nightly(), store, long_up(), utc("2026-11-24 12:00")).start, utc("2026-11-25 02:17"));
    // When it is the only one, there is one more backup, and not one after the other.
    const StoreView alone{{utc("2027-11-24 02:17")}, {}};
    EXPECT_EQ(next_run(nightly(), alone, long_up(), utc("2026-11-24 12:00")).why, Why::first);
    const StoreView followed{{utc("2027-11-24 02:17"), utc("2026-11-24 12:00")}, {}};
    EXPECT_EQ(next_run(nightly(), followed, long_up(), utc("2026-11-24 12:05")).start, utc("2026-11-25 02:17"));
}

TEST(AClockThatIsMinutesAhead, IsBelieved) {
    const StoreView store{{utc("2026-11-25 02:20")}, {}};
    EXPECT_EQ(next_run(nightly(), store, long_up(), utc("2026-11-25 02:18")).start, utc("2026-11-26 02:17"));
}

TEST(AClockThatIsPutBack, DoesNotStopTheSchedule) {
    // Three days back: backups are made by the clock that there is.
    const StoreView store{
        {utc("2026-11-24 02:17"), utc("2026-11-25 02:17"), utc("2026-11-26 02:17"), utc("2026-11-27 02:17")}, {}};
    const TimePoint now = utc("2026-11-24 02:40");
    EXPECT_EQ(next_run(nightly(), store, up_since("2026-11-27 01:00"), now).start, utc("2026-11-25 02:17"));
}

TEST(AClockThatIsPutBack, DoesNotMakeAPauseOfDays) {
    const StoreView store{{utc("2026-11-20 02:17")}, {}};
    const TimePoint now = utc("2026-11-24 02:40");  // the failure was on the 27th
    const Plan plan = next_run(nightly(), store, failed(3, "2026-11-27 02:17", "2026-11-27 02:20"), now);
    EXPECT_LE(plan.start, now);
}

TEST(AClockThatIsPutBack, LeavesLeftoversOfTheFutureOutOfAccount) {
    const StoreView store{{utc("2026-11-24 02:17")},
                          {{utc("2026-11-27 02:17"), {}}, {utc("2026-11-25 02:17"), utc("2026-11-26")}}};
    const Plan plan = next_run(nightly(), store, up_since("2026-11-23"), utc("2026-11-25 02:18"));
    EXPECT_EQ(plan.failed_attempts, 0);
    EXPECT_EQ(plan.start, utc("2026-11-25 02:17"));
}

TEST(AClockThatIsPutForward, CatchesUpOnce) {
    const StoreView store{{utc("2026-11-20 02:17")}, {}};
    const Plan plan = next_run(nightly(), store, up_since("2026-11-19"), utc("2026-11-29 12:00"));
    EXPECT_LE(plan.start, utc("2026-11-29 12:00"));
    EXPECT_EQ(plan.due, utc("2026-11-29 02:17"));
}

TEST(AHostWithoutAClock, MakesOneBackupAndWaits) {
    const StoreView store{{utc("2026-11-25 02:17")}, {}};
    const TimePoint now = utc("1970-01-01 00:01");
    EXPECT_LE(next_run(nightly(), store, up_since("1970-01-01 00:00:05Z"), now).start, now);
    const StoreView after{{utc("2026-11-25 02:17"), now}, {}};
    EXPECT_EQ(next_run(nightly(), after, up_since("1970-01-01 00:02"), utc("1970-01-01 00:02")).start,
              utc("1970-01-01 02:17"));
}

TEST(ASettingThatChanged, CountsFromTheLastGoodBackupOn) {
    const StoreView store{{utc("2026-11-25 02:17")}, {}};
    const TimePoint now = utc("2026-11-25 10:30");
    EXPECT_EQ(next_run(rules("0 12 * * *"), store, long_up(), now).start, utc("2026-11-25 12:00"));
    EXPECT_LE(next_run(rules("5 * * * *"), store, long_up(), now).start, now);  // eight due times have passed
    EXPECT_EQ(next_run(rules("@monthly"), store, long_up(), now).start, utc("2026-12-01"));
}

// Whatever happened: who waits for the start finds that it has come, and did not move meanwhile.
TEST(AnyPlan, IsReachedByWaitingForIt) {
    std::mt19937 random(5);
    const auto within = [&](int seconds) {
        return std::chrono::seconds(std::uniform_int_distribution<int>(0, seconds)(random));
    };
    const auto chance = [&](int of) { return std::uniform_int_distribution<int>(1, of)(random) == 1; };
    const std::vector<std::string> crons = {"17 2 * * *", "@hourly", "*/5 * * * *",
                                            "@every 10s", "@weekly", "30 2,14 * * *"};
    int waited = 0;
    for (int round = 0; round < 20'000; ++round) {
        const Rules each{
            calendar(crons[static_cast<std::size_t>(round) % crons.size()], chance(2) ? "Europe/Berlin" : "UTC"),
            chance(2) ? milliseconds(0) : milliseconds(within(3600)), Spread("app", std::to_string(round))};
        const TimePoint now = utc("2026-10-20") + within(10 * 86'400);
        StoreView store;
        for (int count = 0; count < 4; ++count) {
            const TimePoint time = now - within(chance(2) ? 3 * 86'400 : 3600);
            if (chance(3)) {
                store.good.push_back(time);
            } else if (chance(3)) {
                store.failed.push_back(
                    {time, chance(2) ? std::optional(std::min(now, time + within(3600))) : std::nullopt});
            }
        }
        ProcessView process{now - within(86'400), {}, {}, {}};
        if (chance(3)) {
            process.failures = {static_cast<int>(within(12).count()), process.free_since - within(3600),
                                process.free_since};
        }
        const Plan plan = next_run(each, store, process, now);
        waited += plan.start > now ? 1 : 0;
        for (const TimePoint later : {now + (plan.start - now) / 2, plan.start}) {
            if (later > now) {
                ASSERT_EQ(next_run(each, store, process, later).start, plan.start)
                    << each.calendar.cron().text() << " " << text_of(now) << " " << text_of(plan.start);
            }
        }
        const TimePoint next = each.calendar.next_after(now);
        ASSERT_LE(plan.start, std::max(start_of(each, next), now))
            << each.calendar.cron().text() << " " << text_of(now);
        process.stood_back = now;
        const Plan patient = next_run(each, store, process, now);
        ASSERT_GE(patient.start, now + look_again_after(each.calendar, now));
    }
    EXPECT_GT(waited, 5000);
}

}  // namespace
}  // namespace lifeboat::schedule
