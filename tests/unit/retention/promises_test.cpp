// What is promised of every decision, over random histories. Each test has its own reading of the promise, and knows
// nothing of how a decision is made.
#include "histories.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <map>
#include <optional>
#include <set>

namespace lifeboat::retention {
namespace {

bool takes_long() {
    const char* wish = std::getenv("LIFEBOAT_TEST_LONG");  // NOLINT(concurrency-mt-unsafe): nobody changes it
    return wish != nullptr && std::string(wish) == "1";
}

const std::uint64_t histories = takes_long() ? 60'000 : 300;

bool later(const Candidate& a, const Candidate& b) {
    return std::tie(a.stored, a.id) > std::tie(b.stored, b.id);
}

bool is_from_the_future(const Candidate& candidate, TimePoint now) {
    return candidate.stored > now + std::chrono::hours(24);
}

// The newest of those that a test means, unless it is dated in the future.
std::optional<std::size_t> newest(const History& history, const std::function<bool(const Candidate&)>& meant) {
    std::optional<std::size_t> found;
    for (std::size_t i = 0; i < history.candidates.size(); ++i) {
        const auto& candidate = history.candidates[i];
        if (meant(candidate) && !is_from_the_future(candidate, history.now) &&
            (!found || later(candidate, history.candidates[*found]))) {
            found = i;
        }
    }
    return found;
}

std::set<std::string> kept(const History& history, const std::vector<Verdict>& verdicts) {
    std::set<std::string> ids;
    for (std::size_t i = 0; i < verdicts.size(); ++i) {
        if (verdicts[i].keep) {
            ids.insert(history.candidates[i].id);
        }
    }
    return ids;
}
std::set<std::string> kept(const History& history) {
    return kept(history, decided(history));
}

std::set<std::string> let_go(const History& history) {
    const auto verdicts = decided(history);
    std::set<std::string> ids;
    for (std::size_t i = 0; i < verdicts.size(); ++i) {
        if (!verdicts[i].keep) {
            ids.insert(history.candidates[i].id);
        }
    }
    return ids;
}

bool is_within(const std::set<std::string>& few, const std::set<std::string>& many) {
    return std::includes(many.begin(), many.end(), few.begin(), few.end());
}

bool holds(const Candidate& candidate, const std::string& database) {
    return std::find(candidate.databases.begin(), candidate.databases.end(), database) != candidate.databases.end();
}

class EveryHistory : public ::testing::TestWithParam<std::uint64_t> {
protected:
    // A range of seeds for each of a few cases: gtest prints a line for each, and thousands tell nothing.
    static constexpr std::uint64_t cases = 6;

    template <class Check>
    void in_each(Check check) {
        for (std::uint64_t seed = GetParam(); seed < histories; seed += cases) {
            SCOPED_TRACE("seed " + std::to_string(seed));
            check(some_history(seed));
            if (HasFatalFailure() || HasNonfatalFailure()) {
                return;
            }
        }
    }
};
INSTANTIATE_TEST_SUITE_P(Seeds, EveryHistory, ::testing::Range<std::uint64_t>(0, 6));

TEST_P(EveryHistory, KeepsTheNewestGoodOne) {
    in_each([](const History& history) {
        const auto is_good = [](const Candidate& c) { return c.condition == Condition::good; };
        const auto good = newest(history, is_good);
        if (good) {
            EXPECT_TRUE(decided(history)[*good].keep);
            // Also where nothing else would keep it: neither a rule nor what it holds.
            History bare = history;
            bare.policy = {.days = 1};
            bare.candidates[*good].databases.clear();
            bare.candidates[*good].globals = false;
            bare.now += std::chrono::days(100);
            EXPECT_TRUE(decided(bare)[newest(bare, is_good).value()].keep);
        }
    });
}

TEST_P(EveryHistory, KeepsTheLastProvenOne) {
    in_each([](const History& history) {
        const auto verdicts = decided(history);
        const auto proven = newest(history, [](const auto& c) { return c.proven; });
        if (proven) {
            EXPECT_TRUE(verdicts[*proven].keep);
        }
        const auto good = newest(history, [](const auto& c) { return c.proven && c.condition == Condition::good; });
        if (good) {
            EXPECT_TRUE(verdicts[*good].keep);
        }
    });
}

TEST_P(EveryHistory, KeepsTheNewestArchiveOfTheGlobals) {
    in_each([](const History& history) {
        const auto verdicts = decided(history);
        for (const bool good_only : {false, true}) {
            const auto holder = newest(
                history, [&](const auto& c) { return c.globals && (!good_only || c.condition == Condition::good); });
            if (holder) {
                EXPECT_TRUE(verdicts[*holder].keep) << (good_only ? "in a good one" : "");
            }
        }
    });
}

TEST_P(EveryHistory, KeepsTheNewestArchiveOfEveryDatabaseWhoseLossWasNotAccepted) {
    in_each([](const History& history) {
        const auto verdicts = decided(history);
        for (const std::string database : {"app", "shop", "x", "scratch"}) {
            for (const bool good_only : {false, true}) {
                const auto holder = newest(history, [&](const auto& c) {
                    return holds(c, database) && (!good_only || c.condition == Condition::good);
                });
                const auto lost = history.accepted.find(database);
                const bool given_up =
                    holder && lost != history.accepted.end() && history.candidates[*holder].stored < lost->second;
                if (holder && !given_up) {
                    EXPECT_TRUE(verdicts[*holder].keep) << database << (good_only ? " in a good one" : "");
                }
            }
        }
    });
}

using PeriodOf = std::function<std::int64_t(TimePoint)>;

// Of the calendar that a zone `offset` east of UTC has.
struct Calendar {
    PeriodOf day;
    PeriodOf week;
    PeriodOf month;
    PeriodOf year;
};

Calendar calendar_of(const std::function<std::chrono::seconds(TimePoint)>& offset) {
    const auto day = [offset](TimePoint time) { return std::chrono::floor<std::chrono::days>(time + offset(time)); };
    const auto date = [day](TimePoint time) { return std::chrono::year_month_day(day(time)); };
    return {[day](TimePoint time) { return std::int64_t{day(time).time_since_epoch().count()}; },
            [day](TimePoint time) {
                const auto then = day(time);
                const auto monday = then - (std::chrono::weekday(then) - std::chrono::Monday);
                return std::int64_t{monday.time_since_epoch().count()};
            },
            [date](TimePoint time) {
                return std::int64_t{static_cast<int>(date(time).year())} * 100 +
                       static_cast<unsigned>(date(time).month());
            },
            [date](TimePoint time) { return std::int64_t{static_cast<int>(date(time).year())}; }};
}

bool is_or_was_good(const Candidate& candidate) {
    return candidate.condition == Condition::good || candidate.condition == Condition::expired;
}

std::vector<Candidate> newer_than(const History& history, const Candidate& candidate, Condition condition) {
    std::map<std::string, Candidate> newer;  // each once
    for (const auto& other : history.candidates) {
        if (other.condition == condition && !is_from_the_future(other, history.now) && later(other, candidate)) {
            newer.emplace(other.id, other);
        }
    }
    std::vector<Candidate> found;
    found.reserve(newer.size());
    for (const auto& [id, other] : newer) {
        found.push_back(other);
    }
    return found;
}

// As one of the `count` newest periods, in which nothing newer is good. Of an expired one: nor has expired.
bool asked_for_by(unsigned count, const PeriodOf& period, const History& history, const Candidate& candidate) {
    const auto its = period(candidate.stored);
    const auto is_free_of = [&](Condition condition) {
        std::set<std::int64_t> taken;
        for (const auto& other : newer_than(history, candidate, condition)) {
            taken.insert(period(other.stored));
        }
        return taken.count(its) == 0 && taken.size() < count;
    };
    return is_free_of(Condition::good) && (candidate.condition != Condition::expired || is_free_of(Condition::expired));
}

// By the shortest reading of each rule, one backup at a time.
bool asked_for(const History& history, const Candidate& candidate,
               const Calendar& calendar = calendar_of([](TimePoint) { return std::chrono::seconds(0); })) {
    const auto& policy = history.policy;
    if (policy.days > 0 && calendar.day(candidate.stored) >= calendar.day(history.now) - std::int64_t{policy.days}) {
        return true;
    }
    if (!is_or_was_good(candidate)) {
        return false;
    }
    const auto good = newer_than(history, candidate, Condition::good).size();
    const auto expired = candidate.condition == Condition::expired
                             ? newer_than(history, candidate, Condition::expired).size()
                             : std::size_t{0};
    return (good < policy.last && expired < policy.last) ||
           asked_for_by(policy.weekly, calendar.week, history, candidate) ||
           asked_for_by(policy.monthly, calendar.month, history, candidate) ||
           asked_for_by(policy.yearly, calendar.year, history, candidate);
}

TEST_P(EveryHistory, KeepsWhatThePolicyAsksFor) {
    in_each([](const History& history) {
        const auto verdicts = decided(history);
        for (std::size_t i = 0; i < verdicts.size(); ++i) {
            if (history.policy.keeps_everything() || asked_for(history, history.candidates[i])) {
                EXPECT_TRUE(verdicts[i].keep) << i;
            }
        }
    });
}

// Days, weeks and months are those of the zone, also where a day has 23 or 25 hours. The offsets are the world's, by
// the rule of the European Union: summer time from the last Sunday of March to that of October, at 01:00 UTC.
TEST_P(EveryHistory, KeepsWhatThePolicyAsksForInAZoneWithSummerTime) {
    const auto berlin = schedule::Zone::find("Europe/Berlin").value();
    const auto offset = [](TimePoint time) {
        const auto year = std::chrono::year_month_day(std::chrono::floor<std::chrono::days>(time)).year();
        const auto turn = [&](std::chrono::month month) {
            return std::chrono::sys_days(year / month / std::chrono::Sunday[std::chrono::last]) + std::chrono::hours(1);
        };
        const bool summer = time >= turn(std::chrono::March) && time < turn(std::chrono::October);
        return std::chrono::seconds(std::chrono::hours(summer ? 2 : 1));
    };
    const auto calendar = calendar_of(offset);
    in_each([&](const History& each) {
        History history = each;
        // Around midnight, where one hour decides of which day a backup is; and not before the rule was made.
        for (auto& candidate : history.candidates) {
            candidate.stored -= std::chrono::minutes(4 * 60 + 27);
        }
        history.now -= std::chrono::minutes(4 * 60 + 27);
        std::erase_if(history.candidates, [](const auto& candidate) { return candidate.stored < at(1997, 1, 1); });
        const auto verdicts =
            decide(history.candidates, std::vector{history.policy}, history.accepted, berlin, history.now);
        for (std::size_t i = 0; i < verdicts.size(); ++i) {
            if (history.policy.keeps_everything() || asked_for(history, history.candidates[i], calendar)) {
                EXPECT_TRUE(verdicts[i].keep) << i;
            }
        }
    });
}

// No more is kept than what the policy asks for and what is promised above; else personal data would stay for ever.
// Nor of what the bucket's own rule took most of: its manifest would be paid for.
TEST_P(EveryHistory, LetsGoOfAGoodOrExpiredOneThatNothingAsksFor) {
    in_each([](const History& history) {
        if (history.policy.keeps_everything()) {
            return;
        }
        const auto verdicts = decided(history);
        for (std::size_t i = 0; i < verdicts.size(); ++i) {
            const auto& candidate = history.candidates[i];
            const bool ordinary =
                is_or_was_good(candidate) && !candidate.proven && !is_from_the_future(candidate, history.now);
            const bool superseded =
                std::all_of(candidate.databases.begin(), candidate.databases.end(), [&](const auto& database) {
                    return newest(history,
                                  [&](const auto& other) {
                                      return other.condition == Condition::good && holds(other, database) &&
                                             later(other, candidate);
                                  })
                        .has_value();
                });
            const bool globals_newer = !candidate.globals || newest(history, [&](const auto& other) {
                                                                 return other.condition == Condition::good &&
                                                                        other.globals && later(other, candidate);
                                                             }).has_value();
            const bool newer = newest(history, [&](const auto& other) {
                                   return other.condition == Condition::good && later(other, candidate);
                               }).has_value();
            if (ordinary && superseded && globals_newer && newer && !asked_for(history, candidate)) {
                EXPECT_FALSE(verdicts[i].keep) << i << ": " << verdicts[i].because.front();
            }
        }
    });
}

TEST_P(EveryHistory, IsDecidedOnce) {
    in_each([](const History& each) {
        History history = each;
        Dice dice(each.candidates.size());
        for (auto& candidate : history.candidates) {
            if (candidate.condition == Condition::hidden && dice.chance(50)) {
                candidate.witness = history.candidates[dice.below(history.candidates.size())].id;
            }
        }
        const auto verdicts = decided(history);
        History rest = history;
        rest.candidates.clear();
        for (std::size_t i = 0; i < verdicts.size(); ++i) {
            if (verdicts[i].keep) {
                rest.candidates.push_back(history.candidates[i]);
            }
        }
        EXPECT_TRUE(let_go(rest).empty());
    });
}

TEST_P(EveryHistory, LetsGoOfNoMoreUnderALongerPolicy) {
    in_each([](const History& history) {
        Dice dice(history.candidates.size() + 77);
        History longer = history;
        auto& policy = longer.policy;
        for (unsigned* count : {&policy.days, &policy.last, &policy.weekly, &policy.monthly, &policy.yearly}) {
            *count += static_cast<unsigned>(dice.below(5));
        }
        if (history.policy.keeps_everything()) {
            return;  // there is none that is longer
        }
        EXPECT_TRUE(is_within(let_go(longer), let_go(history)));
        longer.policy = {};
        EXPECT_TRUE(let_go(longer).empty()) << "all 0 is the longest";
    });
}

TEST_P(EveryHistory, LetsNothingComeBackForOneMoreBackup) {
    in_each([](const History& history) {
        for (const auto condition : {Condition::good, Condition::marked, Condition::partial, Condition::hidden,
                                     Condition::expired, Condition::remnant}) {
            Dice dice(history.candidates.size());
            auto next = some_backup(dice, history.now, 1'000'000);
            for (const auto& candidate : history.candidates) {
                if (!is_from_the_future(candidate, history.now)) {
                    next.stored = std::max(next.stored, candidate.stored + std::chrono::minutes(1));
                }
            }
            next.condition = condition;
            History more = history;
            more.candidates.push_back(next);
            more.now = next.stored;
            // What is dated in the future becomes of today in the end, and counts from then on.
            std::set<std::string> gone = let_go(history);
            EXPECT_TRUE(is_within(gone, let_go(more)));
        }
    });
}

TEST_P(EveryHistory, IsTheSameInAnyOrder) {
    in_each([](const History& history) {
        History other = history;
        std::reverse(other.candidates.begin(), other.candidates.end());
        EXPECT_EQ(kept(history), kept(other));
    });
}

TEST_P(EveryHistory, KeepsAndLetsGoOfDuplicatesTogether) {
    in_each([](const History& history) {
        const auto kept_ids = kept(history);
        for (const auto& id : let_go(history)) {
            EXPECT_EQ(kept_ids.count(id), 0U) << id;
        }
        History doubled = history;
        doubled.candidates.insert(doubled.candidates.end(), history.candidates.begin(), history.candidates.end());
        EXPECT_EQ(kept(doubled), kept_ids);
    });
}

// A client's names are a client's word.
TEST_P(EveryHistory, PaysNoHeedToNames) {
    in_each([](const History& history) {
        std::set<TimePoint> times;
        for (const auto& candidate : history.candidates) {
            if (!times.insert(candidate.stored).second) {
                return;  // names only settle which of two of the same moment came first
            }
        }
        History renamed = history;
        for (std::size_t i = 0; i < renamed.candidates.size(); ++i) {
            renamed.candidates[i].id = "zz-" + std::to_string(1000 - i);
        }
        const auto before = decided(history);
        const auto after = decided(renamed);
        for (std::size_t i = 0; i < before.size(); ++i) {
            EXPECT_EQ(before[i].keep, after[i].keep) << i;
        }
    });
}

// Whoever hides backups, or plants some with a date to come, makes no other go.
TEST_P(EveryHistory, LosesNothingToWhatIsHiddenOrDatedInTheFuture) {
    in_each([](const History& history) {
        const auto before = let_go(history);
        History planted = history;
        planted.candidates.push_back(backup_of(history.now + std::chrono::days(400)));
        EXPECT_EQ(let_go(planted), before);

        Dice dice(history.candidates.size() + 5);
        History hidden = history;
        std::set<std::string> touched;
        for (auto& candidate : hidden.candidates) {
            if (candidate.condition == Condition::good && dice.chance(30)) {
                candidate.condition = Condition::hidden;
                touched.insert(candidate.id);
            }
        }
        for (auto& candidate : hidden.candidates) {
            if (touched.count(candidate.id) != 0 && candidate.condition == Condition::good) {
                candidate.condition = Condition::hidden;
            }
        }
        for (const auto& id : let_go(hidden)) {
            EXPECT_TRUE(before.count(id) != 0) << id << " went because others were hidden";
        }

        // Hidden ones beside the others: as if they were not there.
        History beside = history;
        for (int i = 0; i < 5; ++i) {
            auto one = some_backup(dice, history.now - std::chrono::hours(static_cast<int>(dice.below(24 * 200))),
                                   2'000'000 + static_cast<std::size_t>(i));
            one.condition = Condition::hidden;
            if (!history.candidates.empty() && dice.chance(50)) {
                one.witness = history.candidates[dice.below(history.candidates.size())].id;
            }
            beside.candidates.push_back(one);
        }
        for (const auto& id : let_go(beside)) {
            EXPECT_TRUE(before.count(id) != 0 || id.starts_with("id-200000")) << id << " went for a hidden one";
        }
    });
}

// Some of what is good becomes expired: a listing lacks for once what is there, or a rule of the bucket takes a part.
History with_expired(const History& history, unsigned percent) {
    Dice dice(history.candidates.size() + percent);
    std::set<std::string> touched;
    for (const auto& candidate : history.candidates) {
        if (candidate.condition == Condition::good && dice.chance(percent)) {
            touched.insert(candidate.id);
        }
    }
    History expired = history;
    for (auto& candidate : expired.candidates) {
        if (candidate.condition == Condition::good && touched.count(candidate.id) != 0) {
            candidate.condition = Condition::expired;
        }
    }
    return expired;
}

TEST_P(EveryHistory, LosesNothingToWhatExpires) {
    in_each([](const History& each) {
        for (const unsigned percent : {3U, 40U, 100U}) {
            // What is still good loses nothing in any case.
            const auto some = with_expired(each, percent);
            const auto before = let_go(each);
            const auto verdicts = decided(some);
            for (std::size_t i = 0; i < verdicts.size(); ++i) {
                const auto& candidate = some.candidates[i];
                if (candidate.condition == Condition::good && !verdicts[i].keep) {
                    EXPECT_TRUE(before.count(candidate.id) != 0) << candidate.id << " went because others expired";
                }
            }
            // And where nothing had expired before, nothing does.
            History history = each;
            for (auto& candidate : history.candidates) {
                candidate.condition = candidate.condition == Condition::expired ? Condition::good : candidate.condition;
            }
            EXPECT_TRUE(is_within(let_go(with_expired(history, percent)), let_go(history))) << percent;
        }
    });
}

TEST_P(EveryHistory, LetsGoOfNothingWholeThatIsNewerThanTheNewestGoodOne) {
    in_each([](const History& each) {
        History history = each;
        const bool none_is_good = history.candidates.size() % 3 == 0;
        if (none_is_good) {
            for (auto& candidate : history.candidates) {
                candidate.condition = candidate.condition == Condition::good ? Condition::expired : candidate.condition;
            }
        }
        const auto good = newest(history, [](const auto& c) { return c.condition == Condition::good; });
        EXPECT_FALSE(none_is_good && good);
        const auto verdicts = decided(history);
        for (std::size_t i = 0; i < verdicts.size(); ++i) {
            const auto& candidate = history.candidates[i];
            const bool was_whole = is_or_was_good(candidate) || candidate.condition == Condition::hidden;
            if (was_whole && (!good || later(candidate, history.candidates[*good]))) {
                EXPECT_TRUE(verdicts[i].keep) << i << ": " << verdicts[i].because.front();
            }
        }
    });
}

// A machine whose clock is behind takes the present for the future, and one that runs ahead is held back by whoever
// asks (prune::make_plan): neither makes more go.
TEST_P(EveryHistory, LetsGoOfNoMoreWhenTheClockIsBehind) {
    in_each([](const History& history) {
        const auto before = let_go(history);
        for (const int days : {1, 30, 400, 20000}) {
            History behind = history;
            behind.now -= std::chrono::days(days);
            for (const auto& id : let_go(behind)) {
                EXPECT_TRUE(before.count(id) != 0) << id << " with the clock " << days << " days behind";
            }
        }
    });
}

TEST_P(EveryHistory, TellsWhy) {
    in_each([](const History& history) {
        for (const auto& verdict : decided(history)) {
            ASSERT_FALSE(verdict.because.empty());
            EXPECT_FALSE(verdict.because.front().empty());
        }
    });
}

TEST_P(EveryHistory, IsKeptByOnePolicyOrTheOther) {
    in_each([](const History& history) {
        Dice dice(history.candidates.size() + 99);
        History other = history;
        other.policy = some_policy(dice);
        const auto both = decide(history.candidates, std::vector{history.policy, other.policy}, history.accepted,
                                 schedule::Zone::utc(), history.now);
        const auto of_both = kept(history, both);
        EXPECT_TRUE(is_within(kept(history), of_both));
        EXPECT_TRUE(is_within(kept(other), of_both));
    });
}

}  // namespace
}  // namespace lifeboat::retention
