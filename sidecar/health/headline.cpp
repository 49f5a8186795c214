#include "headline.hpp"

#include "health/page_words.hpp"

#include <algorithm>
#include <array>

namespace lifeboat::health {

namespace {

struct Said {
    std::string_view code;
    Level level;
    std::string_view sentence;
    std::string_view title;
};

// By name: what is not here is said in general words, with the reason's own below.
constexpr std::array said{
    Said{"tampered", Level::bad, "Somebody tampered with a backup.", "A backup was hidden or written over"},
    Said{"lineage", Level::bad, "The newest backup does not look like the ones before it.",
         "The data looks like another database, or like much less of it"},
    Said{"expiring", Level::bad, "The last good backup is about to expire.", "The bucket will delete it"},
    Said{"misconfigured", Level::attention, "The newest settings are not in force.", "The newest settings are refused"},
    Said{"failing", Level::bad, "Backups are failing.", "Runs do not succeed"},
    Said{"no_backup_yet", Level::bad, "There is no backup yet.", "There is nothing to restore"},
    Said{"overdue", Level::bad, "The next backup is overdue.", "The last good backup is too old"},
    Said{"starved", Level::bad, "Backups keep giving way and do not get done.",
         "Others wait for the same tables all the time"},
    Said{"partial", Level::attention, "The newest backup lacks something.", "Some of it was left out"},
    Said{"unproven", Level::attention, "It is not proven that the backups can be restored.",
         "The proof by a drill is missing"},
    Said{"prune_stopped", Level::attention, "Old backups are not being removed.", "Pruning has stopped"},
    Said{"drained", Level::attention, "Backups are paused.", "Nothing new is started"},
};
constexpr Said otherwise{"", Level::bad, "Backups need attention.", "Something needs a look"};

constexpr Said without_settings{"misconfigured", Level::bad, "The settings are not valid, so no backup can be made.",
                                "There are no valid settings"};
constexpr Said without_address{"misconfigured", Level::attention, "Not everybody who should hear of backups does.",
                               "An address for notifications cannot be read"};

const Said& said_of(const Reason& reason, const Facts& facts) {
    if (reason.code == ReasonCode::misconfigured && !facts.settings.in_force) {
        return without_settings;
    }
    if (reason.code == ReasonCode::misconfigured && facts.settings.incomplete) {
        return without_address;
    }
    const auto* const found =
        std::find_if(said.begin(), said.end(), [&](const Said& each) { return each.code == name_of(reason.code); });
    return found == said.end() ? otherwise : *found;
}

bool is_running(const Facts& facts) {
    return facts.running && facts.running->activity == Activity::backup;
}

// The store is read soon after the start. Until then nothing is known, and nothing is wrong.
bool is_looking(const Facts& facts, const Verdict& verdict) {
    return !facts.store.surveyed && !facts.store.problem && facts.settings.in_force && verdict.reasons.size() == 1 &&
           verdict.reasons.front().code == ReasonCode::no_backup_yet;
}

std::string last_sentence(const Facts& facts, TimePoint now) {
    const auto& last = facts.store.last_good;
    if (last) {
        return "The last good backup ended " + ago_text(last->finished, now) + ", " + moment_text(last->finished, now) +
               ".";
    }
    return facts.store.surveyed ? "The store holds no good backup." : "";
}

std::string next_sentence(const Facts& facts, TimePoint now) {
    if (is_running(facts)) {
        return facts.store.last_good ? "The next one is being made now." : "The first one is being made now.";
    }
    if (facts.turn.turn == Turn::not_ours || !facts.settings.in_force) {
        return "";
    }
    if (is_paused(facts, now)) {
        return "Nothing is started until " + clock_text(facts.drained->until) + ".";
    }
    const auto& start = facts.schedule.start;
    if (!start) {
        return "";
    }
    return *start <= now ? "The next one begins now."
                         : "The next one begins " + until_text(*start, now) + ", " + moment_text(*start, now) + ".";
}

std::string joined(std::string first, const std::string& second) {
    return first.empty() || second.empty() ? first + second : std::move(first) + " " + second;
}

Headline of_reasons(const Facts& facts, const Verdict& verdict) {
    const auto& first = verdict.reasons.front();
    Headline headline{title_of(first, facts).level, said_of(first, facts).sentence, {}};
    for (const auto& reason : verdict.reasons) {
        headline.level = std::max(headline.level, title_of(reason, facts).level);
    }
    return headline;
}

}  // namespace

ReasonTitle title_of(const Reason& reason, const Facts& facts) {
    const auto& found = said_of(reason, facts);
    return {found.level, found.title};
}

bool is_paused(const Facts& facts, TimePoint now) {
    return facts.drained && now < facts.drained->until;
}

Headline headline_of(const Facts& facts, const Verdict& verdict, TimePoint now) {
    Headline headline;
    if (is_looking(facts, verdict)) {
        headline = {Level::idle, "The store is being looked at.", "What it holds is known in a moment."};
        return headline;
    }
    if (!verdict.healthy()) {
        headline = of_reasons(facts, verdict);
    } else if (facts.turn.turn == Turn::not_ours) {
        headline = {Level::idle, "Backups are made elsewhere.", {}};
    } else {
        headline = {Level::good, "Every database is backed up.", {}};
    }
    headline.more = joined(last_sentence(facts, now), next_sentence(facts, now));
    return headline;
}

}  // namespace lifeboat::health
