// The state in one glance: one sentence, and what it looks like.
#pragma once

#include "health/facts.hpp"
#include "health/judge.hpp"

#include <string>
#include <string_view>

namespace lifeboat::health {

enum class Level {
    good,
    idle,       // nothing is wrong, and nothing is to be seen: not this sidecar's turn, or not known yet
    attention,  // backups are made, or may be; something is to be looked at
    bad,        // they are not made, or cannot be trusted
};

struct Headline {
    Level level = Level::good;
    std::string_view sentence;
    std::string more;  // the last backup and the next one, in a sentence or two
};

Headline headline_of(const Facts& facts, const Verdict& verdict, TimePoint now);

// Of one reason, in a few words.
struct ReasonTitle {
    Level level = Level::bad;
    std::string_view title;
};
ReasonTitle title_of(const Reason& reason, const Facts& facts);

// Told to start nothing, and that still holds.
bool is_paused(const Facts& facts, TimePoint now);

}  // namespace lifeboat::health
