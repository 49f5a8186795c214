#include "retention/decision.hpp"

#include "os/future.hpp"
#include "periods.hpp"

#include <algorithm>
#include <functional>
#include <iterator>
#include <limits>
#include <numeric>
#include <optional>
#include <set>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <unordered_set>

namespace lifeboat::retention {
namespace {

using Index = std::size_t;  // of a candidate
using Order = std::vector<Index>;

enum class Rank { protection, rule };

using Is = bool (*)(const Candidate&);

constexpr auto no_period = std::numeric_limits<std::int64_t>::max();

class Decision {
public:
    Decision(std::span<const Candidate> candidates, const schedule::Zone& zone, TimePoint now)
        : candidates_(candidates), reasons_(candidates.size()) {
        sort_newest_first(now);
        PeriodFinder finder(zone);
        periods_.resize(candidates.size());
        for (const Index i : newest_first_) {
            periods_[i] = finder.of(candidates_[i].stored);
        }
        today_ = finder.of(now).day;
    }

    void apply(const Policy& policy);
    void protect(const Losses& accepted);
    void protect_witnesses();
    [[nodiscard]] std::vector<Verdict> verdicts(std::span<const Policy> policies) const;

private:
    struct Reason {
        Rank rank;
        std::string words;
    };
    // Of one database, or of the globals: the newest in a backup of any kind, the newest in one that is or was good,
    // the newest in a good one, and those that somebody hid since, which stand in for none of these.
    struct Archives {
        std::vector<Index> newest;
        bool any = false;
        bool in_a_once_good_one = false;
        bool in_a_good_one = false;
    };

    void sort_newest_first(TimePoint now);
    [[nodiscard]] Order those(const std::function<bool(const Candidate&)>& wanted) const;
    void keep(Index i, Rank rank, std::string words);
    void protect_newest(const Order& order, Is found, const std::string& words);
    void keep_days(const Policy& policy);
    void keep_newest(const Policy& policy, const Order& whole);
    void keep_newest_of_each(unsigned count, std::int64_t Periods::*period, const std::string& name, const Order& whole,
                             const Policy& policy);
    void keep_newest_expired(const Policy& policy, const Order& once_good);
    void keep_expired_of_each(unsigned count, std::int64_t Periods::*period, const std::string& name,
                              const Order& once_good, const Policy& policy);
    void find_archives();
    void note_archive(Archives& archives, Index i);
    void protect_archives(const Losses& accepted);
    [[nodiscard]] std::string why_not(Index i) const;

    std::span<const Candidate> candidates_;
    Order newest_first_;  // without those from the future
    Order from_the_future_;
    std::vector<Periods> periods_;
    std::int64_t today_ = 0;
    std::unordered_map<std::string_view, Archives> archives_;
    Archives globals_;
    std::vector<std::vector<Reason>> reasons_;
};

std::string in_order_of(const Policy& policy) {
    return policy.asked_by.empty() ? "" : " (" + policy.asked_by + ")";
}

std::string counted(unsigned count, const std::string& what) {
    return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
}

std::string one_of_the_newest(const Policy& policy) {
    return (policy.last == 1 ? "the newest" : "one of the newest " + std::to_string(policy.last)) + in_order_of(policy);
}

std::string newest_of_its(const std::string& period, unsigned before, unsigned count, const Policy& policy) {
    return "the newest of its " + period + ", " + std::to_string(before + 1) + " of " + std::to_string(count) +
           in_order_of(policy);
}

bool is_good(const Candidate& candidate) {
    return candidate.condition == Condition::good;
}
bool is_hidden(const Candidate& candidate) {
    return candidate.condition == Condition::hidden;
}
bool is_expired(const Candidate& candidate) {
    return candidate.condition == Condition::expired;
}
bool is_whole(const Candidate& candidate) {
    return is_good(candidate) || is_hidden(candidate);
}
bool is_or_was_good(const Candidate& candidate) {
    return is_good(candidate) || is_expired(candidate);
}
bool is_or_was_whole(const Candidate& candidate) {
    return is_whole(candidate) || is_expired(candidate);
}

void Decision::sort_newest_first(TimePoint now) {
    Order all(candidates_.size());
    std::iota(all.begin(), all.end(), Index{0});
    std::sort(all.begin(), all.end(), [&](Index a, Index b) {
        const auto& one = candidates_[a];
        const auto& other = candidates_[b];
        return std::tie(other.stored, other.id, b) < std::tie(one.stored, one.id, a);
    });
    const auto known = std::find_if(all.begin(), all.end(),
                                    [&](Index i) { return !os::is_in_the_future(candidates_[i].stored, now); });
    from_the_future_.assign(all.begin(), known);
    newest_first_.assign(known, all.end());
}

// Newest first, and each backup once.
Order Decision::those(const std::function<bool(const Candidate&)>& wanted) const {
    Order found;
    std::unordered_set<std::string_view> seen;
    for (const Index i : newest_first_) {
        if (wanted(candidates_[i]) && seen.insert(candidates_[i].id).second) {
            found.push_back(i);
        }
    }
    return found;
}

void Decision::keep(Index i, Rank rank, std::string words) {
    reasons_[i].push_back({rank, std::move(words)});
}

// ---- what the policy asks for ---------------------------------------------------------------------------------------

// The only rule that also holds for what is not good: it takes no place from another.
void Decision::keep_days(const Policy& policy) {
    if (policy.days == 0) {
        return;
    }
    const std::string words =
        (policy.days == 1 ? "of the last day" : "of the last " + counted(policy.days, "day")) + in_order_of(policy);
    for (const Index i : newest_first_) {
        if (periods_[i].day < today_ - std::int64_t{policy.days}) {
            break;
        }
        keep(i, Rank::rule, words);
    }
}

// Good ones are counted. One that somebody hid is judged by the good ones after it and is not counted itself: by
// hiding, nobody makes anything go.
void Decision::keep_newest(const Policy& policy, const Order& whole) {
    unsigned good = 0;
    for (const Index i : whole) {
        if (good == policy.last) {
            return;
        }
        keep(i, Rank::rule, one_of_the_newest(policy));
        good += is_good(candidates_[i]) ? 1U : 0U;
    }
}

void Decision::keep_newest_of_each(unsigned count, std::int64_t Periods::*period, const std::string& name,
                                   const Order& whole, const Policy& policy) {
    unsigned found = 0;
    auto last = no_period;
    for (const Index i : whole) {
        const auto its = periods_[i].*period;
        if (its == last) {
            continue;
        }
        if (found == count) {
            return;
        }
        keep(i, Rank::rule, newest_of_its(name, found, count, policy));
        if (is_good(candidates_[i])) {
            last = its;
            ++found;
        }
    }
}

// Expired ones are judged by the good ones after them as well: a listing that lacks what is there makes nothing go. But
// where a rule of the bucket takes the data there may never be as many good ones as the policy has places. So they also
// push out each other, from as many places of their own, and none stays for ever.
void Decision::keep_newest_expired(const Policy& policy, const Order& once_good) {
    unsigned good = 0;
    unsigned expired = 0;
    for (const Index i : once_good) {
        if (good == policy.last || expired == policy.last) {
            return;
        }
        if (is_good(candidates_[i])) {
            ++good;
        } else {
            keep(i, Rank::rule, one_of_the_newest(policy));
            ++expired;
        }
    }
}

void Decision::keep_expired_of_each(unsigned count, std::int64_t Periods::*period, const std::string& name,
                                    const Order& once_good, const Policy& policy) {
    unsigned good = 0;
    unsigned expired = 0;
    auto last_good = no_period;
    auto last_expired = no_period;
    for (const Index i : once_good) {
        const auto its = periods_[i].*period;
        if (is_good(candidates_[i])) {
            good += its == last_good ? 0U : 1U;
            last_good = its;
            continue;
        }
        if (its != last_good && its != last_expired) {
            if (good >= count || expired >= count) {
                return;
            }
            keep(i, Rank::rule, newest_of_its(name, expired, count, policy));
        }
        expired += its == last_expired ? 0U : 1U;
        last_expired = its;
    }
}

void Decision::apply(const Policy& policy) {
    if (policy.keeps_everything()) {
        for (Index i = 0; i < candidates_.size(); ++i) {
            keep(i, Rank::rule, "every rule is 0, which keeps everything" + in_order_of(policy));
        }
        return;
    }
    keep_days(policy);
    const auto whole = those(is_whole);
    const auto once_good = those(is_or_was_good);
    keep_newest(policy, whole);
    keep_newest_expired(policy, once_good);
    using Each = std::tuple<unsigned, std::int64_t Periods::*, const char*>;
    for (const auto& [count, period, name] :
         {Each{policy.weekly, &Periods::week, "week"}, Each{policy.monthly, &Periods::month, "month"},
          Each{policy.yearly, &Periods::year, "year"}}) {
        keep_newest_of_each(count, period, name, whole, policy);
        keep_expired_of_each(count, period, name, once_good, policy);
    }
}

// ---- what is kept whatever the policy says --------------------------------------------------------------------------

const char* shortcoming(const Candidate& candidate) {
    switch (candidate.condition) {
        case Condition::hidden: return " but for its hiding";
        case Condition::expired: return " but for what is gone of it";
        default: return "";
    }
}

// The newest that is so, and those of the order since: as they are, they must not go for it.
void Decision::protect_newest(const Order& order, Is found, const std::string& words) {
    for (const Index i : order) {
        keep(i, Rank::protection, words + shortcoming(candidates_[i]));
        if (found(candidates_[i])) {
            return;
        }
    }
}

void Decision::note_archive(Archives& archives, Index i) {
    const auto& candidate = candidates_[i];
    if (!archives.any || (!archives.in_a_once_good_one && is_or_was_whole(candidate)) ||
        (!archives.in_a_good_one && is_whole(candidate))) {
        archives.newest.push_back(i);
    }
    archives.any = archives.any || !is_hidden(candidate);
    archives.in_a_once_good_one = archives.in_a_once_good_one || is_or_was_good(candidate);
    archives.in_a_good_one = archives.in_a_good_one || is_good(candidate);
}

void Decision::find_archives() {
    for (const Index i : newest_first_) {
        for (const auto& database : candidates_[i].databases) {
            note_archive(archives_[database], i);
        }
        if (candidates_[i].globals) {
            note_archive(globals_, i);
        }
    }
}

void Decision::protect_archives(const Losses& accepted) {
    std::vector<std::pair<std::string_view, Archives>> sorted(archives_.begin(), archives_.end());
    std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    for (const auto& [name, archives] : sorted) {
        const auto lost = accepted.find(name);
        for (const Index i : archives.newest) {
            if (lost == accepted.end() || candidates_[i].stored >= lost->second) {
                keep(i, Rank::protection, "it holds the newest archive of '" + std::string(name) + "'");
            }
        }
    }
    for (const Index i : globals_.newest) {
        keep(i, Rank::protection, "it holds the newest archive of the globals");
    }
}

void Decision::protect(const Losses& accepted) {
    for (const Index i : from_the_future_) {
        keep(i, Rank::protection, "it is dated in the future: its age is not known");
    }
    protect_newest(those(is_or_was_whole), is_good, "the newest good one");
    const std::string last_proven = "the last proven one";
    protect_newest(those([](const auto& each) { return each.proven && is_whole(each); }), is_good, last_proven);
    protect_newest(those([](const auto& each) { return each.proven && is_or_was_whole(each); }), is_or_was_good,
                   last_proven);
    protect_newest(
        those([](const auto& each) { return each.proven; }), [](const auto& each) { return !is_hidden(each); },
        last_proven);
    find_archives();
    protect_archives(accepted);
}

// After everything else. One that was copied back is no witness itself, so there are no chains.
void Decision::protect_witnesses() {
    std::unordered_map<std::string_view, std::string_view> wanted;  // and for which
    for (Index i = 0; i < candidates_.size(); ++i) {
        if (!candidates_[i].witness.empty() && !reasons_[i].empty()) {
            wanted.emplace(candidates_[i].witness, candidates_[i].id);
        }
    }
    for (Index i = 0; i < candidates_.size(); ++i) {
        if (const auto found = wanted.find(candidates_[i].id); found != wanted.end()) {
            keep(i, Rank::protection, "it tells that " + std::string(found->second) + " is older than it seems");
        }
    }
}

// ---- in words -------------------------------------------------------------------------------------------------------

std::string Decision::why_not(Index i) const {
    const auto days = std::max<std::int64_t>(today_ - periods_[i].day, 0);
    std::string age = std::to_string(days) + (days == 1 ? " day old" : " days old");
    switch (candidates_[i].condition) {
        case Condition::good:
        case Condition::hidden: return age + ", and no rule keeps it";
        case Condition::marked: return "marked and " + age + ": of the rules only keep_days holds for it";
        case Condition::partial: return "partial and " + age + ": of the rules only keep_days holds for it";
        case Condition::expired: return "expired and " + age + ", and no rule keeps it";
        case Condition::remnant:
            return "marked or partial, " + age +
                   ", and some of it is gone: of the rules only "
                   "keep_days holds for it";
    }
    return age;
}

std::vector<Verdict> Decision::verdicts(std::span<const Policy> policies) const {
    std::unordered_set<std::string_view> kept;
    for (Index i = 0; i < candidates_.size(); ++i) {
        if (!reasons_[i].empty()) {
            kept.insert(candidates_[i].id);
        }
    }
    std::vector<Verdict> verdicts(candidates_.size());
    for (Index i = 0; i < candidates_.size(); ++i) {
        auto& verdict = verdicts[i];
        for (const Rank rank : {Rank::protection, Rank::rule}) {
            for (const auto& reason : reasons_[i]) {
                if (reason.rank == rank &&
                    std::find(verdict.because.begin(), verdict.because.end(), reason.words) == verdict.because.end()) {
                    verdict.because.push_back(reason.words);
                }
            }
        }
        if (verdict.because.empty() && (policies.empty() || kept.count(candidates_[i].id) != 0)) {
            verdict.because.emplace_back(policies.empty() ? "no policy asks for anything to go"
                                                          : "another of the same id is kept");
        } else if (verdict.because.empty()) {
            verdict = {false, {why_not(i)}};
        }
    }
    return verdicts;
}

}  // namespace

std::vector<Verdict> decide(std::span<const Candidate> candidates, std::span<const Policy> policies,
                            const Losses& accepted, const schedule::Zone& zone, TimePoint now) {
    Decision decision(candidates, zone, now);
    decision.protect(accepted);
    for (const auto& policy : policies) {
        decision.apply(policy);
    }
    decision.protect_witnesses();
    return decision.verdicts(policies);
}

}  // namespace lifeboat::retention
