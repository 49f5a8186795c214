#include "postgres/wait_ledger.hpp"

#include <algorithm>

namespace lifeboat::postgres {

void WaitLedger::look(const std::vector<LockWait>& waits, TimePoint now) {
    for (const auto& wait : waits) {
        auto& lock = locks_[wait.what];
        const auto began = now - wait.waited;
        auto& entry = lock.now.try_emplace(wait.who, Wait{began, now}).first->second;
        entry.began = std::min(entry.began, began);
        entry.seen = now;
    }
    for (auto lock = locks_.begin(); lock != locks_.end();) {
        auto& [current, over] = lock->second;
        for (auto wait = current.begin(); wait != current.end();) {
            if (wait->second.seen != now) {
                over.push_back(wait->second);
                wait = current.erase(wait);
            } else {
                ++wait;
            }
        }
        std::erase_if(over, [now](const Wait& wait) { return now - wait.seen > forget_after; });
        lock = current.empty() && over.empty() ? locks_.erase(lock) : std::next(lock);
    }
}

// Two who waited at the same time count once.
std::chrono::milliseconds WaitLedger::waited_for(const std::string& what) const {
    const auto lock = locks_.find(what);
    if (lock == locks_.end()) {
        return std::chrono::milliseconds(0);
    }
    std::vector<Wait> all = lock->second.over;
    for (const auto& [who, wait] : lock->second.now) {
        all.push_back(wait);
    }
    std::sort(all.begin(), all.end(), [](const Wait& a, const Wait& b) { return a.began < b.began; });
    TimePoint::duration total{0};
    TimePoint covered = TimePoint::min();
    for (const auto& wait : all) {
        const auto from = std::max(wait.began, covered);
        if (wait.seen > from) {
            total += wait.seen - from;
            covered = wait.seen;
        }
    }
    return std::chrono::floor<std::chrono::milliseconds>(total);
}

}  // namespace lifeboat::postgres
