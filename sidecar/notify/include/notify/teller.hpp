// What to say when: from what the sidecar knows at each moment to the messages that are due. Knows the past by what it
// heard, and no clock, no network and no address. What is said, and how, is docs/notifications.md.
#pragma once

#include "health/judge.hpp"
#include "notify/message.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace lifeboat::notify {

struct TellerLimits {
    // For so long a change of health must last before it is told, so that what cures itself wakes nobody. What a run
    // brings is told when the run ends.
    std::chrono::seconds settle = std::chrono::minutes(1);
    // A young sidecar without any backup is about to make the first one.
    std::chrono::seconds first_backup_within = std::chrono::hours(1);
    std::chrono::seconds remind_after = std::chrono::hours(24);
    std::chrono::seconds say_again_after = std::chrono::hours(1);  // what did not reach anybody
};

// One thread.
class Teller {
public:
    explicit Teller(const TellerLimits& limits = {}) : limits_(limits) {}

    // What there is to say now, in this order. To be called whenever facts may have changed, and every minute at least:
    // `now` alone makes a backup overdue.
    std::vector<Message> hear(const health::Facts& facts, health::TimePoint now, const Wanted& wanted);

    // What became of the message to on_failure that has this number. What the newest one said, if it still holds, is
    // said again: soon, or at once where the address that it went to is no longer the one in use.
    void delivered(std::uint64_t number);
    void undelivered(std::uint64_t number, bool at_once, health::TimePoint now);
    // on_failure has another address: what did not arrive at the one before is said again at once.
    void readdressed(health::TimePoint now);

private:
    using Codes = std::set<health::ReasonCode>;

    void forget_health();
    void forget_what_others_tell();
    void tell_health(const health::Facts& facts, health::TimePoint now, bool run_ended, std::vector<Message>& messages);
    [[nodiscard]] bool has_settled(const Codes& codes, const health::Facts& facts, health::TimePoint now,
                                   bool run_ended);
    [[nodiscard]] bool is_worth_a_call(const Codes& codes, const health::Facts& facts, health::TimePoint now) const;
    void ping_start(const health::Facts& facts, std::vector<Message>& messages);
    void ping_end(const health::Facts& facts, std::vector<Message>& messages);
    void ping_mended(const health::Facts& facts, std::vector<Message>& messages);

    const TellerLimits limits_;

    // Of runs.
    std::optional<health::TimePoint> run_heard_;         // when the last one ended that was heard of
    std::string start_pinged_;                           // id of the backup whose start was told
    std::optional<health::TimePoint> failed_ping_from_;  // since the begin of that run the switch stands at "fail"

    // Of health.
    bool seen_good_ = false;  // a good backup was known at some time
    Codes told_;              // the reasons that were told last; empty: nothing is wrong, as far as anybody was told
    std::uint64_t told_number_ = 0;                   // of the message that told them
    std::map<std::uint64_t, Codes> on_their_way_;     // those of messages whose outcome is not known yet
    Codes heard_;                                     // those of the last message that is known to have arrived
    Codes unheard_;                                   // all that was told since
    bool given_up_ = false;                           // the newest message did not arrive
    std::optional<health::TimePoint> unwell_since_;   // since when there have been some
    health::TimePoint told_since_;                    // as it was told last
    std::optional<health::TimePoint> say_again_at_;   // when to say again what was told last
    std::optional<health::TimePoint> differs_since_;  // since when the reasons are others than those told
};

}  // namespace lifeboat::notify
