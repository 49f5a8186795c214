// How long others have waited for what a dump holds: pure, and the time comes in as an argument.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

namespace lifeboat::postgres {

// One who waits for a lock of the dump, as one look at pg_locks found it.
struct LockWait {
    std::string what;                     // the lock waited for: told apart from others, and never shown
    std::string who;                      // the waiting process
    std::chrono::milliseconds waited{0};  // as the server knows it; 0 where it does not (before PostgreSQL 14)
};

// Waits for one lock are added up: a migration that gives up after two seconds and tries again every ten would else
// never get through, while everybody queues behind it at each try. What is older than forget_after counts no longer.
class WaitLedger {
public:
    using TimePoint = std::chrono::steady_clock::time_point;
    static constexpr std::chrono::minutes forget_after{10};

    // Takes down who waits at `now`.
    void look(const std::vector<LockWait>& waits, TimePoint now);

    // How long this lock has been waited for in all, up to the last look.
    [[nodiscard]] std::chrono::milliseconds waited_for(const std::string& what) const;

private:
    struct Wait {
        TimePoint began;  // of who waits now, or waited last
        TimePoint seen;
    };
    struct Lock {
        std::map<std::string, Wait> now;  // by who
        std::vector<Wait> over;
    };
    std::map<std::string, Lock> locks_;
};

}  // namespace lifeboat::postgres
