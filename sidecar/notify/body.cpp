#include "body.hpp"

#include "health/names.hpp"
#include "health/page_words.hpp"
#include "health/words.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace lifeboat::notify {
namespace {

using health::Facts;
using health::RunResult;
using health::TimePoint;
using health::Verdict;
using std::chrono::duration_cast;
using std::chrono::milliseconds;

// Keys stay in the order in which they are written: people read this too.
using Json = nlohmann::ordered_json;

// What every chat takes of one message (Discord: 2000 characters); the rest of it is in `reasons`.
constexpr std::size_t longest_text = 1900;
constexpr std::size_t longest_ping = 10'000;

Json time(const std::optional<TimePoint>& time) {
    return time ? Json(os::utc_text(*time)) : Json();
}

Json text(const std::string& value) {
    return value.empty() ? Json() : Json(value);
}

template <class T>
Json number(const std::optional<T>& value) {
    return value ? Json(*value) : Json();
}

void append_for_chats(std::string& text, char c) {
    switch (c) {
        case '&': text += "&amp;"; break;
        case '<': text += "&lt;"; break;
        case '>': text += "&gt;"; break;
        default: text += c;
    }
}

// Chats read <...> and & as their own markup: the name of a database must not call a whole channel. In so many bytes at
// most, as it is sent: what is longer ends before an escape or a character that would have to be cut.
std::string for_chats(const std::string& plain, std::size_t most) {
    constexpr std::string_view more = "...";
    std::string escaped;
    std::size_t end = 0;  // where it can be cut, with room for what says so
    for (const char c : plain) {
        const bool begins = (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
        if (begins && escaped.size() + more.size() <= most) {
            end = escaped.size();
        }
        append_for_chats(escaped, c);
        if (escaped.size() > most) {
            escaped.resize(end);
            return escaped.append(more);
        }
    }
    return escaped;
}

Json reasons(const Verdict& verdict) {
    auto list = Json::array();
    for (const auto& reason : verdict.reasons) {
        list.push_back({{"code", name_of(reason.code)}, {"message", reason.message}, {"next", reason.next}});
    }
    return list;
}

Json codes(const std::set<health::ReasonCode>& codes) {
    auto list = Json::array();
    for (const auto code : codes) {
        list.push_back(health::name_of(code));
    }
    return list;
}

Json run(const Facts& facts) {
    const auto& last = facts.runs.last;
    if (!last) {
        return {};
    }
    const auto took = duration_cast<milliseconds>(last->ended - last->started);
    Json json = {{"id", text(last->id)},
                 {"result", health::name_of(last->result)},
                 {"started", time(last->started)},
                 {"finished", time(last->ended)},
                 {"seconds", static_cast<double>(took.count()) / 1000},
                 {"problem", text(last->problem ? last->problem->what : "")},
                 {"next", text(last->problem ? last->problem->next : "")}};
    if (const auto* backup = made_by_last_run(facts)) {
        json["state"] = health::name_of(backup->state);
        json["marks"] = backup->marks;
        json["databases"] = backup->databases.size() + backup->names_left_out;
        json["bytes"] = backup->stored_bytes;
        json["dumped_bytes"] = number(backup->dumped_bytes);
        json["rows"] = number(backup->rows);
    }
    return json;
}

std::string instance_of(const Facts& facts) {
    return facts.instance.empty() ? "lifeboat" : facts.instance;
}

// Of the last run, which made a backup: "3 databases, 1.9 MiB in 12 s".
std::string size_of(const Facts& facts, const health::BackupFacts& backup) {
    const auto took = duration_cast<std::chrono::seconds>(facts.runs.last->ended - facts.runs.last->started);
    return health::counted(backup.databases.size() + backup.names_left_out, "database") + ", " +
           health::bytes_text(backup.stored_bytes) + " in " + health::took_text(took);
}

std::string joined(const std::vector<std::string>& all) {
    std::string text;
    for (const auto& one : all) {
        text += (text.empty() ? "" : "; ") + one;
    }
    return text;
}

std::string success_text(const Facts& facts) {
    const auto* backup = made_by_last_run(facts);
    std::string text = instance_of(facts) + ": backup " + facts.runs.last->id + " is stored";
    if (backup == nullptr) {
        return text;
    }
    text += ": " + size_of(facts, *backup);
    if (!backup->marks.empty()) {
        text += ". It is marked: " + joined(backup->marks) + ". Next: look at `lifeboat show " + backup->id +
                "`; if all is as it should be, `lifeboat accept " + backup->id + " --because \"...\"`";
    }
    return text;
}

std::string headline(const HealthNews& news, const Facts& facts, TimePoint now) {
    const std::string start = instance_of(facts) + ": ";
    const std::string lasting = health::took_text(duration_cast<std::chrono::seconds>(now - news.since));
    switch (news.event) {
        case Event::recovery: return start + "backups are in order again, after " + lasting;
        case Event::reminder: return start + "backups are still not in order, since " + lasting;
        case Event::change: return start + "backups are still not in order, and something has changed";
        case Event::failure:
        case Event::success: break;
    }
    return start + "backups are not in order";
}

std::string health_text(const HealthNews& news, const Facts& facts, const Verdict& verdict, TimePoint now) {
    std::string text = headline(news, facts, now);
    for (const auto& reason : verdict.reasons) {
        text += "\n" + std::string(name_of(reason.code)) + ": " + reason.message + ". Next: " + reason.next;
    }
    if (news.event == Event::change && !news.gone.empty()) {
        std::vector<std::string> names;
        std::transform(news.gone.begin(), news.gone.end(), std::back_inserter(names),
                       [](auto code) { return std::string(health::name_of(code)); });
        text += "\nin order again: " + health::some_of(names);
    }
    if (const auto& good = facts.store.last_good) {
        text += "\nlast good backup: " + good->id + ", ended " + os::utc_text(good->finished);
    }
    return text;
}

Json body(Event event, const std::string& words, const Facts& facts, const Verdict& verdict, TimePoint now) {
    const auto& good = facts.store.last_good;
    return {{"text", for_chats(words, longest_text)},
            {"event", name_of(event)},
            {"instance", facts.instance},
            {"pod", text(facts.host)},
            {"time", time(now)},
            {"healthy", verdict.healthy()},
            {"reasons", reasons(verdict)},
            {"run", run(facts)},
            {"last_good_backup", time(good ? std::optional(good->finished) : std::nullopt)},
            {"next_run", time(facts.schedule.start)},
            {"version", facts.version}};
}

// Names of databases may be in any encoding. A bad byte becomes U+FFFD and never an exception.
std::string written(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string end_of_run(const health::RunFacts& run) {
    const auto took = duration_cast<std::chrono::seconds>(run.ended - run.started);
    std::string text = "backup " + (run.id.empty() ? "" : run.id + " ") + std::string(health::name_of(run.result)) +
                       " after " + health::took_text(took);
    if (run.problem) {
        text += ": " + run.problem->what;
        text += run.problem->next.empty() ? "" : "\nNext: " + run.problem->next;
    }
    return text;
}

}  // namespace

std::string_view name_of(Event event) {
    switch (event) {
        case Event::failure: return "failure";
        case Event::change: return "change";
        case Event::reminder: return "reminder";
        case Event::recovery: return "recovery";
        case Event::success: return "success";
    }
    return "";
}

const health::BackupFacts* made_by_last_run(const Facts& facts) {
    const auto& recent = facts.store.recent;
    const auto found = !facts.runs.last || facts.runs.last->id.empty()
                           ? recent.end()
                           : std::find_if(recent.begin(), recent.end(),
                                          [&](const auto& one) { return one.id == facts.runs.last->id; });
    return found == recent.end() ? nullptr : &*found;
}

std::string health_body(const HealthNews& news, const Facts& facts, TimePoint now) {
    const auto verdict = health::judge(facts, now);
    Json json = body(news.event, health_text(news, facts, verdict, now), facts, verdict, now);
    json["appeared"] = codes(news.appeared);
    json["gone"] = codes(news.gone);
    json["since"] = time(news.since);
    return written(json);
}

std::string success_body(const Facts& facts, TimePoint now) {
    return written(body(Event::success, success_text(facts), facts, health::judge(facts, now), now));
}

std::string run_text(const Facts& facts) {
    const auto& run = *facts.runs.last;
    const std::string text = run.result == RunResult::good ? success_text(facts)
                             : run.result == RunResult::not_needed
                                 ? instance_of(facts) + ": another run had made the backup meanwhile"
                                 : instance_of(facts) + ": " + end_of_run(run);
    return health::shortened(text, longest_ping);
}

}  // namespace lifeboat::notify
