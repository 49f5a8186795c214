#include "chart.hpp"
#include "days.hpp"
#include "headline.hpp"
#include "html.hpp"
#include "page_style.hpp"
#include "page_words.hpp"
#include "words.hpp"

#include "health/names.hpp"
#include "health/render.hpp"

#include <algorithm>
#include <map>
#include <vector>

namespace lifeboat::health {

namespace {

using std::chrono::duration_cast;
using std::chrono::seconds;

// The page stays small whatever there is.
constexpr std::size_t most_databases = 50;
constexpr std::size_t most_runs = 20;
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
        case DayMark::marked: return "marked: to be looked at";
        case DayMark::good: return "good";
    }
    return "";
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
        page.markup("<progress aria-label=\"Backup under way\"></progress>");
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

void add_what_to_do(Html& page, const Verdict& verdict) {
    if (verdict.healthy()) {
        return;
    }
    page.markup(
        "<section aria-labelledby=\"todo\"><h2 id=\"todo\">What is wrong, and what to do</h2><ul class=\"todo\">");
    for (const auto& reason : verdict.reasons) {
        const auto title = title_of(reason);
        page.markup("<li class=\"").text(level_name(title.level)).markup("\">");
        add_shape(page, shape_of(title.level));
        page.markup("<h3>").text(title.title).markup(" <code class=\"code\">").text(name_of(reason.code));
        page.markup("</code></h3><p>").prose(shortened(reason.message, longest_message));
        page.markup(".</p><p class=\"next\"><b>Next:</b> ").prose(shortened(reason.next, longest_message));
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
    page.markup("<p>").prose(shortened(verdict.note, longest_message)).markup(".</p></section>\n");
}

// ---- in numbers ----

void add_tile(Html& page, Markup what, const std::string& value, const std::string& more) {
    page.markup("<div><dt>").markup(what).markup("</dt><dd><b>").text(value).markup("</b>").text(more);
    page.markup("</dd></div>");
}

void add_tile_of_last(Html& page, const StoreFacts& store, TimePoint now) {
    if (!store.last_good) {
        add_tile(page, "Last good backup", "none", store.surveyed ? "in the store" : "known yet");
        return;
    }
    const auto& last = *store.last_good;
    add_tile(page, "Last good backup", ago_text(last.finished, now),
             counted(last.databases.size(), "database") + ", " + bytes_text(last.stored_bytes) + " in " +
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

void add_tile_of_store(Html& page, const StoreFacts& store, TimePoint now) {
    if (!store.surveyed) {
        add_tile(page, "In the store", "not known", "it was not read yet");
        return;
    }
    add_tile(page, "In the store", counted(store.backups, "backup"),
             bytes_text(store.bytes) + ", looked at " + ago_text(*store.surveyed, now));
}

void add_tiles(Html& page, const Facts& facts, TimePoint now) {
    page.markup("<dl class=\"tiles\">");
    add_tile_of_last(page, facts.store, now);
    add_tile_of_next(page, facts, now);
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
        text += "; " + counted(day.backups, "backup") + " that day";
    }
    if (day.failed > 0 && day.mark != DayMark::failed) {
        text += "; " + counted(day.failed, "run") + " failed";
    } else if (day.failed > 1) {
        text += ", " + counted(day.failed, "run");
    }
    return text;
}

void add_day(Html& page, const Day& day, bool today) {
    const auto words = words_of(day);
    const std::chrono::year_month_day date(day.date);
    page.markup("<li title=\"").text(words).markup("\" class=\"is-").text(name_of(day.mark));
    if (today) {
        page.markup(" today");
    }
    page.markup("\">");
    add_shape(page, name_of(day.mark));
    if (day.failed > 0 && day.mark != DayMark::failed) {
        page.markup("<svg class=\"also\" aria-hidden=\"true\" focusable=\"false\"><use href=\"#failed\"/></svg>");
    }
    page.markup("<span class=\"date\" aria-hidden=\"true\">").number(static_cast<unsigned>(date.day()));
    page.markup("</span><span class=\"seen-by-none\">").text(words).markup("</span></li>");
}

struct Key {
    std::string_view mark;
    Markup words;
};

void add_key(Html& page, const Days& days) {
    static constexpr std::array keys{Key{"good", "good"},
                                     Key{"marked", "marked: look at it before you trust it"},
                                     Key{"partial", "partial: some databases are missing"},
                                     Key{"failed", "failed"},
                                     Key{"hidden", "tampered with"},
                                     Key{"expired", "expired: no longer whole in the store"},
                                     Key{"none", "no backup"}};
    page.markup("<ul class=\"key\" aria-label=\"Signs\">");
    for (const auto& key : keys) {
        const bool used = std::any_of(days.begin(), days.end(), [&](const Day& day) {
            return name_of(day.mark) == key.mark || (key.mark == "failed" && day.failed > 0);
        });
        if (used) {
            page.markup("<li class=\"is-").text(key.mark).markup("\">");
            add_shape(page, key.mark);
            page.markup("<span>").markup(key.words).markup("</span></li>");
        }
    }
    page.markup("</ul>");
}

void add_days(Html& page, const Days& days) {
    page.markup("<section aria-labelledby=\"days\"><h2 id=\"days\">The last 30 days</h2><ol class=\"days\">");
    for (const auto& day : days) {
        add_day(page, day, &day == &days.back());
    }
    page.markup("</ol>");
    add_key(page, days);
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
    return "Newest " + words(values.back()) + "; from " + words(*least) + " to " + words(*most) + " in 30 days";
}

void add_chart_of(Html& page, Markup id, Markup title, Unit unit, const Days& days, Measure measure) {
    const auto bars = bars_of(days, measure);
    const auto text = summary(unit, bars);
    page.markup("<section aria-labelledby=\"").markup(id).markup("\"><h2 id=\"").markup(id).markup("\">");
    page.markup(title).markup("</h2><p class=\"sum\">").text(text).markup(".</p>");
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

struct Row {
    std::string name;
    const DatabaseFacts* database = nullptr;  // null: its sizes are not known
    const BackupFacts* backup = nullptr;      // the newest that holds it; null: none does
    bool missed = false;                      // the newest run left it out
};

void take(std::map<std::string_view, Row>& rows, const BackupFacts& backup) {
    for (const auto& name : backup.databases) {
        rows[name] = Row{name, nullptr, &backup, false};
    }
    for (const auto& database : backup.contents) {
        rows[database.name].database = &database;
    }
}

// Of the last good backup and of what came after it, those that were missed first, then the largest.
std::vector<Row> rows_of(const StoreFacts& store) {
    std::map<std::string_view, Row> rows;
    if (store.last_good) {
        take(rows, *store.last_good);
    }
    if (store.newest_partial) {
        take(rows, *store.newest_partial);
        for (const auto& name : store.newest_partial->failed_databases) {
            auto& row = rows[name];
            row.name = name;
            row.missed = true;
        }
    }
    std::vector<Row> list;
    for (auto& [name, row] : rows) {
        list.push_back(std::move(row));
    }
    const auto stored = [](const Row& row) { return row.database == nullptr ? 0 : row.database->stored_bytes; };
    std::stable_sort(list.begin(), list.end(), [&](const Row& a, const Row& b) {
        return a.missed != b.missed ? a.missed : stored(a) > stored(b);
    });
    return list;
}

void add_number(Html& page, Markup kind, const std::string& text) {
    page.markup("<td class=\"").markup(kind).markup("\">").text(text).markup("</td>");
}

void add_row(Html& page, const Row& row, TimePoint now) {
    page.markup("<tr><th scope=\"row\">");
    if (row.name.empty()) {
        page.markup("roles and tablespaces");
    } else {
        add_name(page, row.name);
    }
    page.markup("</th>");
    const auto* database = row.database;
    const auto if_known = [](const std::optional<std::uint64_t>& number) { return number ? grouped(*number) : "–"; };
    add_number(page, "num wide", database == nullptr ? "–" : if_known(database->tables));
    add_number(page, "num wide", database == nullptr ? "–" : if_known(database->rows));
    add_number(page, "num wide", database == nullptr ? "–" : bytes_text(database->dumped_bytes));
    add_number(page, "num", database == nullptr ? "–" : bytes_text(database->stored_bytes));
    page.markup("<td>");
    if (row.backup != nullptr) {
        add_time(page, row.backup->finished, ago_text(row.backup->finished, now));
    } else {
        page.markup("none");
    }
    if (row.missed) {
        page.markup(" <span class=\"lack\">missing from the newest run</span>");
    }
    page.markup("</td></tr>");
}

void add_databases(Html& page, const StoreFacts& store, TimePoint now) {
    const auto rows = rows_of(store);
    if (rows.empty()) {
        return;
    }
    page.markup(
        "<section aria-labelledby=\"databases\"><h2 id=\"databases\">Databases</h2><table><thead><tr>"
        "<th scope=\"col\">Name</th><th scope=\"col\" class=\"num wide\">Tables</th>"
        "<th scope=\"col\" class=\"num wide\">Rows</th><th scope=\"col\" class=\"num wide\">As dumped</th>"
        "<th scope=\"col\" class=\"num\">Stored</th><th scope=\"col\">Newest copy</th></tr></thead><tbody>");
    for (std::size_t i = 0; i < std::min(rows.size(), most_databases); ++i) {
        add_row(page, rows[i], now);
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

DayMark mark_of(const BackupFacts& backup) {
    switch (backup.state) {
        case BackupState::good: return DayMark::good;
        case BackupState::marked: return DayMark::marked;
        case BackupState::partial: return DayMark::partial;
        case BackupState::hidden: return DayMark::hidden;
        case BackupState::expired: break;
    }
    return DayMark::expired;
}

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
        rows.push_back({run.ended, DayMark::failed, name_of(run.result),
                        duration_cast<seconds>(run.ended - run.started), nullptr,
                        run.problem ? &*run.problem : nullptr});
    }
    std::stable_sort(rows.begin(), rows.end(), [](const RunRow& a, const RunRow& b) { return a.ended > b.ended; });
    rows.resize(std::min(rows.size(), most_runs));
    return rows;
}

void add_run(Html& page, const RunRow& row, TimePoint now) {
    page.markup("<tr><th scope=\"row\">");
    add_time(page, row.ended, moment_text(row.ended, now));
    page.markup("</th><td class=\"state\"><span class=\"is-").text(name_of(row.mark)).markup("\">");
    add_shape(page, name_of(row.mark));
    page.text(row.result).markup("</span></td>");
    add_number(page, "num", took_text(row.took));
    if (row.backup != nullptr) {
        add_number(page, "num", bytes_text(row.backup->stored_bytes));
        page.markup("<td class=\"wide mono\">").text(row.backup->id).markup("</td>");
    } else {
        add_number(page, "num", "–");
        page.markup("<td class=\"wide why\">");
        page.prose(row.problem == nullptr ? "" : shortened(row.problem->what, 300)).markup("</td>");
    }
    page.markup("</tr>");
}

void add_runs(Html& page, const Facts& facts, TimePoint now) {
    const auto rows = run_rows(facts);
    if (rows.empty()) {
        return;
    }
    page.markup(
        "<section aria-labelledby=\"runs\"><h2 id=\"runs\">Newest runs</h2><table><thead><tr>"
        "<th scope=\"col\">Ended</th><th scope=\"col\">Result</th><th scope=\"col\" class=\"num\">Took</th>"
        "<th scope=\"col\" class=\"num\">Stored</th><th scope=\"col\" class=\"wide\">Backup</th></tr></thead><tbody>");
    for (const auto& row : rows) {
        add_run(page, row, now);
    }
    page.markup("</tbody></table></section>\n");
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
    add_what_to_do(page, verdict);
    add_note(page, verdict);
    add_tiles(page, facts, now);
    add_days(page, days);
    add_charts(page, days);
    add_databases(page, facts.store, now);
    add_runs(page, facts, now);
    page.markup("</main>\n");
    add_foot(page, facts, now);
    page.markup("\n</div>\n</body>\n</html>\n");
    return std::move(page).take();
}

}  // namespace lifeboat::health
