#include "chart.hpp"
#include "databases.hpp"
#include "days.hpp"
#include "headline.hpp"
#include "health/page_words.hpp"
#include "health/words.hpp"
#include "html.hpp"
#include "page_style.hpp"

#include "health/names.hpp"
#include "health/render.hpp"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace lifeboat::health {

namespace {

using std::chrono::duration_cast;
using std::chrono::seconds;

// The page stays small whatever there is.
constexpr std::size_t most_databases = 50;
constexpr std::size_t shown_runs = 7;  // the others unfold
constexpr std::size_t most_runs = 40;
constexpr std::size_t longest_message = 1200;
constexpr std::size_t longest_name = 200;

// ---- pieces ----

void add_shape(Html& page, std::string_view symbol) {
    page.markup("<svg aria-hidden=\"true\" focusable=\"false\"><use href=\"#").text(symbol).markup("\"/></svg>");
}

void add_time(Html& page, TimePoint time, const std::string& words) {
    page.markup("<time datetime=\"").text(os::utc_text(time)).markup("\">").text(words).markup("</time>");
}

void add_name(Html& page, const std::string& name) {
    page.name(shortened(name, longest_name));
}

// "1 database", "1,284 databases".
std::string count_of(std::size_t number, std::string_view thing) {
    return grouped(number) + " " + std::string(thing) + (number == 1 ? "" : "s");
}

seconds took(const BackupFacts& backup) {
    return std::max(duration_cast<seconds>(backup.finished - backup.started), seconds::zero());
}

std::string_view level_name(Level level) {
    switch (level) {
        case Level::good: return "good";
        case Level::idle: return "idle";
        case Level::attention: return "attention";
        case Level::bad: return "bad";
    }
    return "";
}

std::string_view shape_of(Level level) {
    switch (level) {
        case Level::good: return "good";
        case Level::idle: return "running";
        case Level::attention: return "marked";
        case Level::bad: return "alarm";
    }
    return "";
}

std::string_view words_for(DayMark mark) {
    switch (mark) {
        case DayMark::none: return "no backup";
        case DayMark::failed: return "failed";
        case DayMark::expired: return "expired";
        case DayMark::hidden: return "tampered with";
        case DayMark::partial: return "partial";
        case DayMark::marked: return "marked";
        case DayMark::good: return "good";
        case DayMark::proven: return "proven";
    }
    return "";
}

std::string_view words_for(RunResult result) {
    switch (result) {
        case RunResult::overrun: return "took too long";
        case RunResult::yielded: return "gave way";
        default: return name_of(result);
    }
}

// ---- head ----

// The colour says it in the browser's tab as well.
Markup icon_for(Level level) {
    switch (level) {
        case Level::good:
            return "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 20 20'%3E%3Ccircle "
                   "cx='10' "
                   "cy='10' r='9' fill='%2311734a'/%3E%3Cpath d='M5.8 10.4l2.9 2.9 5.5-6' fill='none' stroke='%23fff' "
                   "stroke-width='2.4'/%3E%3C/svg%3E";
        case Level::idle:
            return "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 20 20'%3E%3Ccircle "
                   "cx='10' "
                   "cy='10' r='7.5' fill='none' stroke='%236a829b' stroke-width='3'/%3E%3C/svg%3E";
        case Level::attention:
            return "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 20 20'%3E%3Cpath d='M10 "
                   "1L19.4 18.4H.6z' fill='%23d98a12'/%3E%3Cpath d='M10 7v5M10 14.6v1.6' stroke='%23fff' "
                   "stroke-width='2.2'/%3E%3C/svg%3E";
        case Level::bad: break;
    }
    return "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 20 20'%3E%3Cpath d='M6.2 "
           "1h7.6L19 6.2v7.6L13.8 19H6.2L1 13.8V6.2z' fill='%23c92a1d'/%3E%3Cpath d='M10 5v6M10 13.4v2' "
           "stroke='%23fff' stroke-width='2.4'/%3E%3C/svg%3E";
}

// While a backup runs one wants to see it move. Otherwise only so that a page left open does not grow old.
Markup reload_after(const Facts& facts) {
    if (facts.running) {
        return "10";
    }
    return "300";
}

void add_head(Html& page, const Facts& facts, const Headline& headline) {
    page.markup(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
        "<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n"
        "<meta http-equiv=\"refresh\" content=\"");
    page.markup(reload_after(facts)).markup("\">\n<title>");
    page.text(facts.instance.empty() ? "Lifeboat" : facts.instance).markup(": ").text(headline.sentence);
    page.markup("</title>\n<link rel=\"icon\" href=\"").markup(icon_for(headline.level)).markup("\">\n<style>");
    page.markup(page_style()).markup("</style>\n</head>\n");
}

void add_top(Html& page, const Facts& facts, TimePoint now) {
    page.markup(
        "<header><svg class=\"ring\" aria-hidden=\"true\" focusable=\"false\"><use href=\"#ring\"/></svg>"
        "<span class=\"whose\">");
    if (facts.instance.empty()) {
        page.markup("This database server");
    } else {
        page.name(facts.instance);
    }
    page.markup("</span><span class=\"what\">backups by Lifeboat</span><span class=\"when\">As of ");
    add_time(page, now, day_text(std::chrono::floor<std::chrono::days>(now)) + ", " + clock_text(now));
    page.markup("</span></header>\n");
}

// ---- the state in one glance ----

std::string progress_text(const RunningFacts& running) {
    if (running.part.empty()) {
        return "preparing";
    }
    std::string text = bytes_text(running.dumped_bytes);
    if (running.estimated_bytes) {
        text += " of about " + bytes_text(*running.estimated_bytes);
    }
    return text + " read, " + bytes_text(running.stored_bytes) + " stored";
}

void add_bar_of(Html& page, const RunningFacts& running) {
    const auto whole = running.estimated_bytes.value_or(0);
    if (whole == 0) {
        return;
    }
    // The whole is a guess: what is read may be more.
    const auto percent = std::min<std::uint64_t>(running.dumped_bytes * 100 / whole, 99);
    page.markup("<progress max=\"100\" value=\"").number(static_cast<std::int64_t>(percent));
    page.markup("\" aria-label=\"Progress of this database, estimated\"></progress>");
}

void add_work(Html& page, const Facts& facts, TimePoint now) {
    const auto& running = facts.running;
    if (!running || running->activity != Activity::backup) {
        return;
    }
    page.markup("<div class=\"work\"><p><span>Backing up");
    if (running->part == "globals") {
        page.markup(" roles and tablespaces");
    } else if (!running->part.empty()) {
        page.markup(" <b>");
        add_name(page, running->part);
        page.markup("</b>");
    }
    page.markup(" since ");
    add_time(page, running->since, clock_text(running->since));
    page.markup(" (").text(took_text(duration_cast<seconds>(now - running->since))).markup(")</span><span>");
    page.text(progress_text(*running)).markup("</span></p>");
    add_bar_of(page, *running);
    page.markup("</div>");
}

void add_hero(Html& page, const Facts& facts, const Verdict& verdict, const Headline& headline, TimePoint now) {
    const bool only_paused = verdict.reasons.size() == 1 && verdict.has(ReasonCode::drained);
    page.markup("<div class=\"hero ").text(level_name(headline.level)).markup("\">");
    add_shape(page, only_paused ? "paused" : shape_of(headline.level));
    page.markup("<div><h1>").text(headline.sentence).markup("</h1>");
    if (!headline.more.empty()) {
        page.markup("<p class=\"more\">").text(headline.more).markup("</p>");
    }
    page.markup("</div>");
    add_work(page, facts, now);
    page.markup("</div>\n");
}

// "the last run failed" -> "The last run failed."
std::string as_sentence(std::string text) {
    text = shortened(std::move(text), longest_message);
    if (!text.empty() && text.front() >= 'a' && text.front() <= 'z') {
        text.front() = static_cast<char>(text.front() - 'a' + 'A');
    }
    return text + (!text.empty() && text.back() == '.' ? "" : ".");
}

void add_what_to_do(Html& page, const Facts& facts, const Verdict& verdict) {
    if (verdict.healthy()) {
        return;
    }
    page.markup(
        "<section aria-labelledby=\"todo\"><h2 id=\"todo\">What is wrong, and what to do</h2><ul class=\"todo\">");
    for (const auto& reason : verdict.reasons) {
        const auto title = title_of(reason, facts);
        page.markup("<li class=\"").text(level_name(title.level)).markup("\">");
        add_shape(page, shape_of(title.level));
        page.markup("<h3>").text(title.title).markup("</h3><span class=\"code mono\">").text(name_of(reason.code));
        page.markup("</span><p>").prose(as_sentence(reason.message));
        page.markup("</p><p class=\"next\"><b>Next:</b> ").prose(shortened(reason.next, longest_message));
        page.markup(".</p></li>");
    }
    page.markup("</ul></section>\n");
}

void add_note(Html& page, const Verdict& verdict) {
    if (verdict.note.empty()) {
        return;
    }
    page.markup("<section class=\"note\" aria-label=\"Note\">");
    add_shape(page, "running");
    page.markup("<p>").prose(as_sentence(verdict.note)).markup("</p></section>\n");
}

// ---- in numbers ----

void add_tile(Html& page, Markup what, const std::string& value, const std::string& more) {
    page.markup("<div><dt>").markup(what).markup("</dt><dd><b>").text(value).markup("</b>").text(more);
    page.markup("</dd></div>");
}

void add_tile_of_last(Html& page, const StoreFacts& store, TimePoint now) {
    if (!store.last_good) {
        add_tile(page, "Last good backup", store.surveyed ? "none" : "not known",
                 store.surveyed ? "in the store" : "the store was not read yet");
        return;
    }
    const auto& last = *store.last_good;
    add_tile(page, "Last good backup", ago_text(last.finished, now),
             count_of(last.databases.size(), "database") + ", " + bytes_text(last.stored_bytes) + " in " +
                 took_text(took(last)));
}

void add_tile_of_next(Html& page, const Facts& facts, TimePoint now) {
    const auto& start = facts.schedule.start;
    if (facts.turn.turn == Turn::not_ours) {
        add_tile(page, "Next run", "not here", "another sidecar's turn");
    } else if (is_paused(facts, now)) {
        add_tile(page, "Next run", "paused", "until " + clock_text(facts.drained->until));
    } else if (!start || !facts.settings.in_force) {
        add_tile(page, "Next run", "not known",
                 facts.settings.in_force ? "once the store is read" : "without settings");
    } else {
        const auto& because = facts.schedule.because;
        add_tile(page, "Next run", until_text(*start, now),
                 moment_text(*start, now) + (because.empty() || because == "schedule" ? "" : "; " + because));
    }
}

// A key is told by its ends.
std::string ends_of(const std::string& recipient) {
    constexpr std::size_t begin = 8;
    constexpr std::size_t end = 6;
    return recipient.size() <= begin + end
               ? recipient
               : recipient.substr(0, begin) + "…" + recipient.substr(recipient.size() - end);
}

std::string opened_by_text(const DrillsFacts& drills) {
    std::string text;
    for (const auto& one : drills.recipients) {
        if (one.opened && drills.last_good && *one.opened == drills.last_good->stored) {
            text += (text.empty() ? ", opened by " : " and ") + ends_of(one.recipient);
        }
    }
    return text;
}

void add_tile_of_drills(Html& page, const Facts& facts, TimePoint now) {
    const auto& passed = facts.store.drills.last_good;
    if (passed) {
        const auto& took = passed->restore_took;
        add_tile(page, "Last proven restore", ago_text(passed->stored, now),
                 (took ? "restored in " + took_text(duration_cast<seconds>(*took)) : "by a drill") + ": " +
                     passed->backup + opened_by_text(facts.store.drills));
    } else if (!facts.store.surveyed) {
        add_tile(page, "Last proven restore", "not known", "the store was not read yet");
    } else {
        add_tile(page, "Last proven restore", "never",
                 facts.store.drills.last ? "the last drill failed" : "no drill was made");
    }
}

void add_tile_of_store(Html& page, const StoreFacts& store, TimePoint now) {
    if (!store.surveyed) {
        add_tile(page, "In the store", "not known", "the store was not read yet");
        return;
    }
    add_tile(page, "In the store", count_of(store.backups, "backup"),
             bytes_text(store.bytes) + ", looked at " + ago_text(*store.surveyed, now));
}

void add_tiles(Html& page, const Facts& facts, TimePoint now) {
    page.markup("<dl class=\"tiles\">");
    add_tile_of_last(page, facts.store, now);
    add_tile_of_next(page, facts, now);
    add_tile_of_drills(page, facts, now);
    add_tile_of_store(page, facts.store, now);
    page.markup("</dl>\n");
}

// ---- 30 days ----

std::string words_of(const Day& day) {
    std::string text = day_text(day.date) + ": " + std::string(words_for(day.mark));
    if (day.backup != nullptr) {
        text += ", " + bytes_text(day.backup->stored_bytes) + " in " + took_text(took(*day.backup));
    }
    if (day.backups > 1) {
        text += "; " + count_of(day.backups, "backup") + " that day";
    }
    if (day.failed > 0 && day.mark != DayMark::failed) {
        text += "; " + count_of(day.failed, "run") + " failed";
    } else if (day.failed > 1) {
        text += ", " + count_of(day.failed, "run");
    }
    return text;
}

void add_date(Html& page, const Day& day, bool with_month) {
    const auto text = day_text(day.date);
    const auto space = text.find(' ');
    page.markup("<span class=\"date\" aria-hidden=\"true\">").text(text.substr(0, space));
    if (with_month) {
        page.markup(" <b>").text(text.substr(space + 1)).markup("</b>");
    }
    page.markup("</span>");
}

// `sign`: a shape, and the class that gives it its colour.
void add_day(Html& page, const Day& day, std::string_view sign, const std::string& words, bool today, bool with_month) {
    page.markup("<li title=\"").text(words).markup("\" class=\"is-").text(sign);
    if (today) {
        page.markup(" today");
    }
    page.markup("\">");
    add_shape(page, sign);
    if (day.failed > 0 && day.mark != DayMark::failed) {
        page.markup("<svg class=\"also\" aria-hidden=\"true\" focusable=\"false\"><use href=\"#failed\"/></svg>");
    }
    add_date(page, day, with_month);
    page.markup("<span class=\"seen-by-none\">").text(words).markup("</span></li>");
}

struct Key {
    std::string_view mark;
    Markup words;
};

void add_key(Html& page, const Days& days, bool running) {
    static constexpr std::array keys{Key{"proven", "proven: a drill restored it"},
                                     Key{"good", "good"},
                                     Key{"marked", "marked: look at it before you trust it"},
                                     Key{"partial", "partial: some databases are missing"},
                                     Key{"failed", "failed"},
                                     Key{"hidden", "tampered with"},
                                     Key{"expired", "expired: no longer whole in the store"},
                                     Key{"running", "under way"},
                                     Key{"none", "no backup"}};
    page.markup("<ul class=\"key\" aria-label=\"Signs\">");
    for (const auto& key : keys) {
        const bool used = std::any_of(days.begin(), days.end(), [&](const Day& day) {
            return name_of(day.mark) == key.mark || (key.mark == "failed" && day.failed > 0);
        });
        if (used || (running && key.mark == "running")) {
            page.markup("<li class=\"is-").text(key.mark).markup("\">");
            add_shape(page, key.mark);
            page.markup("<span>").markup(key.words).markup("</span></li>");
        }
    }
    page.markup("</ul>");
}

void add_days(Html& page, const Facts& facts, const Days& days) {
    const bool running = facts.running && facts.running->activity == Activity::backup && days.back().backup == nullptr;
    page.markup("<section aria-labelledby=\"days\"><h2 id=\"days\">The last 30 days</h2>");
    const auto is_empty = [](const Day& day) { return day.mark == DayMark::none; };
    if (!running && std::all_of(days.begin(), days.end(), is_empty)) {
        page.markup("<p class=\"why\">No run is known of.</p></section>\n");
        return;
    }
    page.markup("<ol class=\"days\">");
    for (const auto& day : days) {
        const bool first =
            &day == &days.front() || static_cast<unsigned>(std::chrono::year_month_day(day.date).day()) == 1;
        if (&day == &days.back() && running) {
            add_day(page, day, "running", day_text(day.date) + ": a backup is under way", true, first);
        } else {
            add_day(page, day, name_of(day.mark), words_of(day), &day == &days.back(), first);
        }
    }
    page.markup("</ol>");
    add_key(page, days, running);
    page.markup("</section>\n");
}

// ---- over time ----

using Measure = std::uint64_t (*)(const BackupFacts&);

Bars bars_of(const Days& days, Measure measure) {
    Bars bars;
    for (std::size_t i = 0; i < days.size(); ++i) {
        if (const auto* backup = days.at(i).backup) {
            bars.at(i) = Bar{measure(*backup), days.at(i).mark >= DayMark::marked, words_of(days.at(i))};
        }
    }
    return bars;
}

std::string summary(Unit unit, const Bars& bars) {
    std::vector<std::uint64_t> values;
    for (const auto& bar : bars) {
        if (bar) {
            values.push_back(bar->value);
        }
    }
    const auto words = [unit](std::uint64_t value) {
        return unit == Unit::bytes ? bytes_text(value) : took_text(seconds(value));
    };
    const auto [least, most] = std::minmax_element(values.begin(), values.end());
    return "Newest " + words(values.back()) + " (from " + words(*least) + " to " + words(*most) + ")";
}

void add_chart_of(Html& page, Markup id, Markup title, Unit unit, const Days& days, Measure measure) {
    const auto bars = bars_of(days, measure);
    const auto text = summary(unit, bars);
    page.markup("<section aria-labelledby=\"").markup(id).markup("\"><h2 id=\"").markup(id).markup("\">");
    page.markup(title).markup("</h2><p class=\"sum\">").text(text).markup("</p>");
    add_chart(page, unit, bars, days, text);
    page.markup("</section>");
}

void add_charts(Html& page, const Days& days) {
    if (std::none_of(days.begin(), days.end(), [](const Day& day) { return day.backup != nullptr; })) {
        return;
    }
    page.markup("<div class=\"charts\">");
    add_chart_of(page, "size", "Size in the store", Unit::bytes, days,
                 [](const BackupFacts& backup) { return backup.stored_bytes; });
    add_chart_of(page, "duration", "Duration", Unit::seconds, days,
                 [](const BackupFacts& backup) { return static_cast<std::uint64_t>(took(backup).count()); });
    page.markup("</div>\n");
}

// ---- each database ----

void add_number(Html& page, Markup kind, const std::string& text) {
    page.markup("<td class=\"").markup(kind).markup("\">").text(text).markup("</td>");
}

void add_database(Html& page, const DatabaseState& row, TimePoint now) {
    page.markup("<tr><th scope=\"row\">");
    if (row.name.empty()) {
        page.markup("roles and tablespaces");
    } else {
        add_name(page, row.name);
    }
    page.markup("</th>");
    const auto* database = row.contents;
    const auto if_known = [](const std::optional<std::uint64_t>& number) { return number ? grouped(*number) : "–"; };
    add_number(page, "num wide", database == nullptr ? "–" : if_known(database->tables));
    add_number(page, "num wide", database == nullptr ? "–" : if_known(database->rows));
    add_number(page, "num wide", database == nullptr ? "–" : bytes_text(database->dumped_bytes));
    add_number(page, "num", database == nullptr ? "–" : bytes_text(database->stored_bytes));
    page.markup("<td class=\"copy\">");
    if (row.backup != nullptr) {
        add_time(page, row.backup->finished, ago_text(row.backup->finished, now));
    } else {
        page.markup("none");
    }
    if (row.missing) {
        page.markup(" <span class=\"lack\">missing from the newest run</span>");
    }
    page.markup("</td></tr>");
}

void add_databases(Html& page, const StoreFacts& store, TimePoint now) {
    const auto rows = databases_of(store);
    if (rows.empty()) {
        return;
    }
    page.markup(
        "<section aria-labelledby=\"databases\"><h2 id=\"databases\">Databases</h2><table><thead><tr>"
        "<th scope=\"col\">Name</th><th scope=\"col\" class=\"num wide\">Tables</th>"
        "<th scope=\"col\" class=\"num wide\">Rows</th><th scope=\"col\" class=\"num wide\">As dumped</th>"
        "<th scope=\"col\" class=\"num\">Stored</th><th scope=\"col\" class=\"copy\">Newest "
        "copy</th></tr></thead><tbody>");
    for (std::size_t i = 0; i < std::min(rows.size(), most_databases); ++i) {
        add_database(page, rows[i], now);
    }
    page.markup("</tbody></table>");
    if (rows.size() > most_databases) {
        page.markup("<p class=\"rest\">and ").text(grouped(rows.size() - most_databases)).markup(" more</p>");
    }
    page.markup("</section>\n");
}

// ---- the newest runs ----

struct RunRow {
    TimePoint ended;
    DayMark mark = DayMark::failed;
    std::string_view result;
    seconds took{};
    const BackupFacts* backup = nullptr;
    const Problem* problem = nullptr;
};

std::vector<RunRow> run_rows(const Facts& facts) {
    std::vector<RunRow> rows;
    const auto& recent = facts.store.recent;
    for (std::size_t i = 0; i < std::min(recent.size(), most_runs); ++i) {
        const auto mark = mark_of(recent[i]);
        rows.push_back({recent[i].finished, mark, words_for(mark), took(recent[i]), &recent[i], nullptr});
    }
    const auto& failures = facts.runs.failures;
    for (std::size_t i = 0; i < std::min(failures.size(), most_runs); ++i) {
        const auto& run = failures[i];
        rows.push_back({run.ended, DayMark::failed, words_for(run.result),
                        duration_cast<seconds>(run.ended - run.started), nullptr,
                        run.problem ? &*run.problem : nullptr});
    }
    std::stable_sort(rows.begin(), rows.end(), [](const RunRow& a, const RunRow& b) { return a.ended > b.ended; });
    rows.resize(std::min(rows.size(), most_runs));
    return rows;
}

void add_run(Html& page, const RunRow& row, TimePoint now) {
    page.markup("<tr><th scope=\"row\">");
    add_time(page, row.ended, short_text(row.ended, now));
    page.markup("</th><td class=\"state\"><span class=\"is-").text(name_of(row.mark)).markup("\">");
    add_shape(page, name_of(row.mark));
    page.text(row.result).markup("</span></td>");
    add_number(page, "num", took_text(row.took));
    if (row.backup != nullptr) {
        add_number(page, "num c4", bytes_text(row.backup->stored_bytes));
        page.markup("<td class=\"wide\"><span class=\"mono\">").text(row.backup->id).markup("</span>");
        if (row.backup->state == BackupState::marked && !row.backup->marks.empty()) {
            page.markup(" <span class=\"why\">").prose(shortened(row.backup->marks.front(), 300)).markup("</span>");
        }
        page.markup("</td>");
    } else {
        add_number(page, "num c4", "–");
        page.markup("<td class=\"wide why\">");
        page.prose(row.problem == nullptr ? "" : shortened(row.problem->what, 300)).markup("</td>");
    }
    page.markup("</tr>");
}

void add_run_table(Html& page, const std::vector<RunRow>& rows, std::size_t first, std::size_t last, TimePoint now) {
    page.markup(
        "<table class=\"runs\"><thead><tr><th scope=\"col\" class=\"c1\">Ended</th>"
        "<th scope=\"col\" class=\"c2\">Result</th><th scope=\"col\" class=\"num c3\">Took</th>"
        "<th scope=\"col\" class=\"num c4\">Stored</th><th scope=\"col\" "
        "class=\"wide\">Details</th></tr></thead><tbody>");
    for (std::size_t i = first; i < last; ++i) {
        add_run(page, rows[i], now);
    }
    page.markup("</tbody></table>");
}

void add_runs(Html& page, const Facts& facts, TimePoint now) {
    const auto rows = run_rows(facts);
    if (rows.empty()) {
        return;
    }
    const auto shown = std::min(rows.size(), shown_runs);
    page.markup("<section aria-labelledby=\"runs\"><h2 id=\"runs\">Newest runs</h2>");
    add_run_table(page, rows, 0, shown, now);
    if (rows.size() > shown) {
        page.markup("<details><summary>").text(count_of(rows.size() - shown, "earlier run")).markup("</summary>");
        add_run_table(page, rows, shown, rows.size(), now);
        page.markup("</details>");
    }
    page.markup("</section>\n");
}

void add_foot(Html& page, const Facts& facts, TimePoint now) {
    page.markup("<footer><span>Lifeboat ").text(facts.version).markup(", running since ");
    add_time(page, facts.started, moment_text(facts.started, now));
    page.markup(
        "</span><span>For programs: <a href=\"/status.json\">status.json</a>, <a href=\"/metrics\">metrics</a>, "
        "<a href=\"/healthz\">healthz</a></span><span>Times are in UTC. Nothing here changes "
        "anything.</span></footer>");
}

}  // namespace

std::string page_html(const Facts& facts, const Verdict& verdict, TimePoint now) {
    const auto headline = headline_of(facts, verdict, now);
    const auto days = days_of(facts, now);
    Html page;
    add_head(page, facts, headline);
    page.markup("<body>\n").markup(page_shapes()).markup("\n<div class=\"all\">\n");
    add_top(page, facts, now);
    page.markup("<main>\n");
    add_hero(page, facts, verdict, headline, now);
    add_what_to_do(page, facts, verdict);
    add_note(page, verdict);
    add_tiles(page, facts, now);
    add_days(page, facts, days);
    add_charts(page, days);
    add_databases(page, facts.store, now);
    add_runs(page, facts, now);
    page.markup("</main>\n");
    add_foot(page, facts, now);
    page.markup("\n</div>\n</body>\n</html>\n");
    return std::move(page).take();
}

}  // namespace lifeboat::health
