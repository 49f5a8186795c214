#include "catalogue/catalogue.hpp"

#include <algorithm>
#include <array>
#include <ctime>

namespace lifeboat::catalogue {
namespace {

std::optional<os::TimePoint> parse_time(const std::string& text) {
    static constexpr std::array formats = {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M",
                                           "%Y-%m-%d %H:%M",    "%Y-%m-%d",          "%Y%m%dT%H%M%S"};
    const std::string bare = !text.empty() && text.back() == 'Z' ? text.substr(0, text.size() - 1) : text;
    for (const char* format : formats) {
        std::tm parts{};
        const char* end = ::strptime(bare.c_str(), format, &parts);
        if (end != nullptr && *end == '\0') {
            // timegm() makes 2 March of 30 February, which is not what anyone meant.
            const std::tm written = parts;
            const std::time_t time = ::timegm(&parts);
            if (parts.tm_mday != written.tm_mday || parts.tm_sec != written.tm_sec || time < 0) {
                return std::nullopt;
            }
            // The clock counts nanoseconds and ends in 2262; every later time means the same: all there is.
            constexpr std::time_t last = 9'000'000'000;
            return std::chrono::system_clock::from_time_t(std::min(time, last));
        }
    }
    return std::nullopt;
}

Error none_found(const Catalogue& catalogue, const std::string& what) {
    return {ErrorKind::not_found, "instance '" + catalogue.instance + "' has " + what,
            "`lifeboat list` shows what there is"};
}

Result<Chosen> by_id(const Catalogue& catalogue, const BackupId& id) {
    // A run has one manifest; were there two, the whole one comes before the partial one.
    for (const bool partial : {false, true}) {
        for (const auto& backup : catalogue.backups) {
            if (backup.manifest.id == id && (backup.state == State::partial) == partial) {
                return Chosen{&backup, {}};
            }
        }
    }
    for (const auto& refused : catalogue.refused_backups) {
        if (refused.id == id) {
            return refused.why;
        }
    }
    return none_found(catalogue, "no backup " + id.text());
}

bool will_do(const Backup& backup, const Wanted& wanted, bool newest) {
    if (wanted.database && backup.manifest.find(*wanted.database) == nullptr) {
        return false;
    }
    switch (backup.state) {
        case State::good: return true;
        case State::marked: return wanted.marked;
        case State::partial: return wanted.partial || (newest && wanted.database.has_value());
        case State::hidden:
        case State::expired: return false;
    }
    return false;
}

std::string state_in_words(const Backup& backup) {
    std::string words(name_of(backup.state));
    if (backup.state == State::marked) {
        words += " (" + backup.manifest.marks.front().reason + ")";
    } else if (backup.state == State::partial) {
        words += " (some databases failed)";
    } else if (backup.state == State::hidden) {
        words += " (" + backup.tampering + "); its id restores it";
    } else if (backup.state == State::expired) {
        words += backup.gone.empty() ? " (by the store's own age rule)" : " (some of its objects are gone)";
    }
    return words;
}

// Whether someone who looks for this database wants to hear that the backup was passed over.
bool concerns(const Backup& backup, const Wanted& wanted) {
    const auto& failures = backup.manifest.failures;
    return !wanted.database || backup.manifest.find(*wanted.database) != nullptr ||
           std::any_of(failures.begin(), failures.end(),
                       [&](const auto& failure) { return failure.database == wanted.database; });
}

// They rank behind the others: where one of those was chosen, somebody may still have meant one of these.
void note_the_future(const Catalogue& catalogue, const Wanted& wanted, std::optional<os::TimePoint> until,
                     Chosen& chosen) {
    for (const auto& backup : catalogue.backups) {
        const bool meant = (!until || backup.manifest.started <= *until) && concerns(backup, wanted);
        if (backup.in_the_future && !chosen.backup->in_the_future && meant) {
            chosen.notes.push_back("backup " + backup.manifest.id.text() +
                                   " is passed over: it is dated in the future (" + os::utc_text(backup.stored) +
                                   "), so its age is not known; its id names it");
            if (is_damaged(backup)) {
                chosen.damaged.push_back(chosen.notes.back());
            }
        }
    }
}

// Nothing is known of them but their names: whether one would have been chosen cannot be said.
void add_refused(const Catalogue& catalogue, std::optional<os::TimePoint> until, Chosen& chosen) {
    for (const auto& refused : catalogue.refused_backups) {
        const bool newer =
            until ? refused.id.started() <= *until && refused.id.started() > chosen.backup->manifest.id.started()
                  : refused.stored > chosen.backup->stored;
        if (newer) {
            chosen.damaged.push_back("a newer backup, " + refused.id.text() + ", is passed over: " + refused.why.what);
        }
    }
}

Result<Chosen> newest_until(const Catalogue& catalogue, const Wanted& wanted, std::optional<os::TimePoint> until) {
    Chosen chosen;
    const Backup* passed_over = nullptr;  // the newest of them
    // clang 14 cannot compile libstdc++ 12's std::views::reverse.
    // NOLINTNEXTLINE(modernize-loop-convert)
    for (auto at = catalogue.backups.rbegin(); at != catalogue.backups.rend(); ++at) {
        const Backup& backup = *at;
        if (until && backup.manifest.started > *until) {
            continue;
        }
        if (will_do(backup, wanted, !until)) {
            chosen.backup = &backup;
            add_refused(catalogue, until, chosen);
            note_the_future(catalogue, wanted, until, chosen);
            return chosen;
        }
        if (backup.state != State::good && concerns(backup, wanted)) {
            chosen.notes.push_back("a newer backup, " + backup.manifest.id.text() + ", is passed over: it is " +
                                   state_in_words(backup));
            if (is_damaged(backup)) {
                chosen.damaged.push_back(chosen.notes.back());
            }
            passed_over = passed_over == nullptr ? &backup : passed_over;
        }
    }
    std::string what = "no good backup";
    what += wanted.database ? " of database '" + *wanted.database + "'" : "";
    what += until ? " that started at or before " + os::utc_text(*until) : "";
    Error error = none_found(catalogue, what);
    if (passed_over != nullptr) {
        error.next = "backup " + passed_over->manifest.id.text() + " was passed over: it is " +
                     state_in_words(*passed_over) + "; where that will do, name it by its id";
    }
    return error;
}

}  // namespace

bool is_damaged(const Backup& backup) {
    return backup.trusted && !backup.of_partial_run &&
           (backup.state == State::hidden || (backup.state == State::expired && !backup.gone.empty()));
}

Result<Chosen> resolve(const Catalogue& catalogue, const Wanted& wanted) {
    if (wanted.text == "latest") {
        return newest_until(catalogue, wanted, std::nullopt);
    }
    if (const auto id = BackupId::parse(wanted.text)) {
        return by_id(catalogue, *id);
    }
    if (const auto time = parse_time(wanted.text)) {
        return newest_until(catalogue, wanted, time);
    }
    return Error{ErrorKind::usage, "'" + wanted.text + "' is neither a backup id, nor a time, nor \"latest\"",
                 "ids look like 20261122T021700Z-7f3a, times like 2026-11-22T02:17"};
}

}  // namespace lifeboat::catalogue
