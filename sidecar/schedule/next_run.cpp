#include "schedule/next_run.hpp"

#include <algorithm>
#include <cstdint>

namespace lifeboat::schedule {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

bool believable(TimePoint time, TimePoint now) {
    return time <= now + believable_skew;
}

// What has been tried since the last good backup.
struct History {
    std::optional<TimePoint> good;
    int failed = 0;
    std::optional<TimePoint> first_started;
    TimePoint latest;            // the end of the latest failed attempt; its start where nobody saw the end
    bool latest_unseen = false;  // nobody saw the end

    void add(int count, TimePoint started, TimePoint until, bool unseen) {
        failed += count;
        first_started = std::min(first_started.value_or(started), started);
        if (failed == count || until > latest) {
            latest = until;
            latest_unseen = unseen;
        }
    }
};

History history(const StoreView& store, const Failures& own, TimePoint now) {
    History result;
    result.good = last_good(store, now);
    const TimePoint since = result.good.value_or(TimePoint::min());
    const bool own_count = own.count > 0 && own.last_ended > since && believable(own.last_ended, now);
    if (own_count) {
        result.add(own.count, own.first_started, own.last_ended, false);
    }
    for (const Attempt& attempt : store.failed) {
        const TimePoint until = std::max(attempt.started, attempt.ended.value_or(attempt.started));
        // A backup id holds whole seconds. What this process left in the store itself is in its count already.
        const bool counted =
            own_count && attempt.started >= std::chrono::floor<std::chrono::seconds>(own.first_started);
        if (attempt.started > since && believable(until, now) && !counted) {
            result.add(1, attempt.started, until, !attempt.ended);
        }
    }
    return result;
}

// Up to which due times are tried.
TimePoint tried_until(const History& past) {
    const TimePoint good = past.good.value_or(TimePoint::min());
    return past.failed > 0 ? std::max(good, past.latest) : good;
}

milliseconds pause_after(const History& past) {
    constexpr int most_doublings = 20;  // two years: beyond any due time, and far from the end of the clock
    const int doublings = std::min((past.failed - 1) * (past.latest_unseen ? 2 : 1), most_doublings);
    const milliseconds pause = first_pause * (std::int64_t{1} << doublings);
    return past.latest_unseen ? pause : std::min<milliseconds>(pause, longest_pause);
}

milliseconds half_the_time_to_the_next(const Calendar& calendar, TimePoint time) {
    return std::chrono::floor<milliseconds>((calendar.next_after(time) - time) / 2);
}

TimePoint catch_up_start(const Rules& rules, TimePoint free_since) {
    const milliseconds leeway = std::min(
        {rules.jitter, milliseconds(longest_catch_up_jitter), half_the_time_to_the_next(rules.calendar, free_since)});
    return free_since + rules.spread.within(leeway);
}

Plan first_plan(TimePoint free_since) {
    return {free_since, free_since, Why::first, 0};
}

Plan scheduled_plan(const Rules& rules, TimePoint due) {
    return {due, start_of(rules, due), Why::scheduled, 0};
}

// The wish for another try that the latest one that failed has not answered.
std::optional<TimePoint> open_wish(const History& past, const ProcessView& process) {
    const auto& wish = process.retry_wish;
    return wish && past.failed > 0 && *wish >= past.latest ? wish : std::nullopt;
}

// A clock that was put back shows a time before free_since: then nothing is known of when this process was free, and
// waiting for that time to come again would lose runs.
Plan passed_plan(const Rules& rules, TimePoint due, TimePoint free_since, std::optional<TimePoint> wish,
                 TimePoint now) {
    Plan plan = scheduled_plan(rules, due);
    if (plan.start < free_since && free_since <= now) {
        plan.start = catch_up_start(rules, free_since);
        plan.why = Why::missed;
    }
    if (wish) {
        plan.start = std::min(plan.start, std::max(due, *wish));
    }
    return plan;
}

Plan retry_plan(const Rules& rules, const History& past, std::optional<TimePoint> wish, TimePoint now) {
    const milliseconds pause = pause_after(past);
    TimePoint start = past.latest + pause + rules.spread.within(pause / 4, static_cast<std::uint32_t>(past.failed));
    if (wish) {
        start = std::min(start, *wish);
    }
    if (const TimePoint next = rules.calendar.next_after(std::max(now, past.latest)); next <= start) {
        return scheduled_plan(rules, next);
    }
    const auto due = past.good ? rules.calendar.last_within(*past.good, now) : past.first_started;
    return {due.value_or(*past.first_started), start, Why::retry, 0};
}

Plan plan_by_rule(const Rules& rules, const History& past, const ProcessView& process, TimePoint now) {
    const auto wish = open_wish(past, process);
    if (!past.good && past.failed == 0) {
        return first_plan(std::min(process.free_since, now));
    }
    if (const auto due = rules.calendar.last_within(tried_until(past), now)) {
        return passed_plan(rules, *due, process.free_since, wish, now);
    }
    if (past.good) {
        if (const TimePoint due = rules.calendar.next_after(*past.good); due > now) {
            return scheduled_plan(rules, due);
        }
    }
    return retry_plan(rules, past, wish, now);
}

}  // namespace

std::optional<TimePoint> last_good(const StoreView& store, TimePoint now) {
    std::optional<TimePoint> latest;
    for (const TimePoint started : store.good) {
        if (believable(started, now) && (!latest || started > *latest)) {
            latest = started;
        }
    }
    return latest;
}

TimePoint start_of(const Rules& rules, TimePoint due) {
    return due + rules.spread.within(std::min(rules.jitter, half_the_time_to_the_next(rules.calendar, due)));
}

milliseconds look_again_after(const Calendar& calendar, TimePoint stood_back) {
    const TimePoint next = calendar.next_after(stood_back);
    const auto quarter = std::chrono::floor<milliseconds>((calendar.next_after(next) - next) / 4);
    return std::clamp<milliseconds>(quarter, soonest_look_again, latest_look_again);
}

Plan next_run(const Rules& rules, const StoreView& store, const ProcessView& process, TimePoint now) {
    const History past = history(store, process.failures, now);
    Plan plan = plan_by_rule(rules, past, process, now);
    plan.failed_attempts = past.failed;
    if (process.stood_back && *process.stood_back <= now) {
        plan.start = std::max(plan.start, *process.stood_back + look_again_after(rules.calendar, *process.stood_back));
    }
    return plan;
}

}  // namespace lifeboat::schedule
