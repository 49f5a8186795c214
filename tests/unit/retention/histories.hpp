// Backups as the tests of this room need them: by hand, and random histories that the same seed makes again anywhere.
#pragma once

#include "retention/decision.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace lifeboat::retention {

inline TimePoint at(int year, unsigned month, unsigned day, int hour = 0, int minute = 0) {
    return std::chrono::sys_days(std::chrono::year(year) / static_cast<int>(month) / static_cast<int>(day)) +
           std::chrono::hours(hour) + std::chrono::minutes(minute);
}

inline Candidate backup_of(TimePoint stored, std::vector<std::string> databases = {"app"},
                           Condition condition = Condition::good) {
    return {"id-" + std::to_string(stored.time_since_epoch().count()), stored, condition, std::move(databases)};
}

// SplitMix64. The distributions of the standard library differ from one implementation to the next; this does not.
class Dice {
public:
    explicit Dice(std::uint64_t seed) : state_(seed) {}

    std::uint64_t next() {
        std::uint64_t z = state_ += 0x9e3779b97f4a7c15U;
        z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
        z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
        return z ^ (z >> 31U);
    }
    // 0 to `count` - 1
    std::size_t below(std::size_t count) { return static_cast<std::size_t>(next() % count); }
    bool chance(unsigned percent) { return below(100) < percent; }

private:
    std::uint64_t state_;
};

struct History {
    std::vector<Candidate> candidates;
    Policy policy;
    TimePoint now;
    Losses accepted = {};
};

inline Condition some_condition(Dice& dice) {
    const auto roll = dice.below(100);
    return roll < 65   ? Condition::good
           : roll < 75 ? Condition::marked
           : roll < 85 ? Condition::partial
           : roll < 91 ? Condition::hidden
           : roll < 97 ? Condition::expired
                       : Condition::remnant;
}

inline Candidate some_backup(Dice& dice, TimePoint stored, std::size_t number) {
    Candidate candidate{"id-" + std::to_string(number), stored, some_condition(dice)};
    for (const char* name : {"app", "shop", "x", "scratch"}) {
        if (dice.chance(name[0] == 'a' ? 85 : 40)) {
            candidate.databases.emplace_back(name);
        }
    }
    candidate.proven = dice.chance(10);
    candidate.globals = dice.chance(90);
    return candidate;
}

inline unsigned some_count(Dice& dice, unsigned most) {
    return dice.chance(50) ? 0 : static_cast<unsigned>(1 + dice.below(most));
}

inline Policy some_policy(Dice& dice) {
    return {some_count(dice, 60), some_count(dice, 10), some_count(dice, 8), some_count(dice, 14), some_count(dice, 4)};
}

// Runs that are hours, days or months apart, some of them twice, some dated wrongly by years; in no order.
inline History some_history(std::uint64_t seed) {
    Dice dice(seed);
    History history;
    TimePoint time = at(2025, 3, 1, 2, 17);
    const std::size_t count = dice.below(60);
    const bool clocks_jump = dice.chance(20);
    for (std::size_t i = 0; i < count; ++i) {
        const auto roll = dice.below(10);
        time += roll < 6   ? std::chrono::minutes(24 * 60 + static_cast<int>(dice.below(10)))
                : roll < 9 ? std::chrono::minutes(static_cast<int>(dice.below(600)))
                           : std::chrono::minutes(static_cast<int>(dice.below(std::size_t{90} * 24 * 60)));
        auto stored = time;
        if (clocks_jump && dice.chance(10)) {
            stored += std::chrono::days(static_cast<int>(dice.below(4000)) - 2000);
        }
        history.candidates.push_back(some_backup(dice, stored, i));
        if (dice.chance(3)) {
            history.candidates.push_back(history.candidates.back());
        }
    }
    for (std::size_t i = history.candidates.size(); i > 1; --i) {
        std::swap(history.candidates[i - 1], history.candidates[dice.below(i)]);
    }
    for (const char* name : {"app", "shop", "x", "scratch"}) {
        if (dice.chance(40) && count > 0) {
            history.accepted[name] = history.candidates[dice.below(history.candidates.size())].stored;
        }
    }
    history.policy = some_policy(dice);
    history.now = time + std::chrono::minutes(static_cast<int>(dice.below(100)));
    return history;
}

inline std::vector<Verdict> decided(const History& history, const schedule::Zone& zone = schedule::Zone::utc()) {
    return decide(history.candidates, std::vector{history.policy}, history.accepted, zone, history.now);
}

}  // namespace lifeboat::retention
