#include "drill/report.hpp"

#include "result/in_quotes.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace lifeboat::drill {
namespace {

using Json = nlohmann::ordered_json;

double seconds(std::chrono::milliseconds time) {
    constexpr double thousand = 1000.0;
    return static_cast<double>(time.count()) / thousand;
}

std::string seconds_text(std::chrono::milliseconds time) {
    const auto tenths = (time.count() + 50) / 100;
    return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s";
}

std::string counted(std::uint64_t count, const std::string& one, const std::string& many) {
    return std::to_string(count) + " " + (count == 1 ? one : many);
}

std::string where(const std::string& database) {
    return database.empty() ? "" : "database " + in_quotes(database) + ": ";
}

std::string check_text(const CheckOutcome& check) {
    std::string text = std::string(check.passed ? "passed " : "FAILED ") + where(check.database) + check.query +
                       "  expected " + check.expect;
    return text + (check.error.empty() ? ", got " + check.got : ": " + check.error);
}

std::chrono::milliseconds took(const Report& report, const std::string& stage, const std::string& database) {
    std::chrono::milliseconds sum{0};
    for (const auto& done : report.stages) {
        sum += done.name == stage && done.database == database ? done.took : std::chrono::milliseconds(0);
    }
    return sum;
}

std::string database_text(const Report& report, const DrilledDatabase& database) {
    std::string text = "database " + in_quotes(database.name) + ": ";
    if (!database.restored) {
        return text + "NOT RESTORED";
    }
    if (database.totals) {
        text += counted(database.totals->tables, "table", "tables") + ", " +
                counted(database.totals->rows, "row", "rows") + ", " +
                counted(database.totals->sequences, "sequence", "sequences") + ", " +
                counted(database.totals->large_objects, "large object", "large objects") + "; ";
    }
    return text + "restored in " + seconds_text(took(report, "restore", database.name)) + ", compared in " +
           seconds_text(took(report, "compare", database.name) + took(report, "definitions", database.name));
}

std::string list(const std::vector<std::string>& texts, std::size_t most = std::string::npos) {
    std::string all;
    for (std::size_t i = 0; i < std::min(most, texts.size()); ++i) {
        all += (i == 0 ? "" : ", ") + texts[i];
    }
    return texts.size() > most
               ? all + ", … and " + std::to_string(texts.size() - most) + " more, which --report FILE has"
               : all;
}

std::vector<std::string> notes_of(const Report& report, std::size_t most_objects) {
    auto notes = report.notes;
    for (const auto& [database, objects] : report.respelled) {
        notes.push_back(where(database) + counted(objects.size(), "definition is", "definitions are") +
                        " written in another way after any restore, and the same all the same (" +
                        list(objects, most_objects) + ")");
    }
    return notes;
}

}  // namespace

std::string to_text(const Report& report, std::size_t most_findings) {
    std::string text =
        "drill of backup " + report.id + " of instance " + report.instance + ": " +
        (report.proven() ? "PROVEN" : counted(report.findings.size(), "thing is", "things are") + " WRONG") +
        (report.passed_over.empty() ? "" : "; it is NOT THE NEWEST") + "\n";
    const auto line = [&text](const std::string& words) { text += "  " + words + "\n"; };
    for (const auto& words : report.passed_over) {
        line("WRONG " + words);
    }
    for (std::size_t i = 0; i < std::min(most_findings, report.findings.size()); ++i) {
        line("WRONG " + where(report.findings[i].database) + report.findings[i].text);
    }
    if (report.findings.size() > most_findings) {
        line("… and " + std::to_string(report.findings.size() - most_findings) + " more, which --report FILE has");
    }
    for (const auto& check : report.checks) {
        line("check " + check_text(check));
    }
    for (const auto& database : report.databases) {
        line(database_text(report, database));
    }
    if (!report.server_version.empty()) {
        line("restored into PostgreSQL " + report.server_version +
             (report.own_server ? ", a throw-away server" : ", the server of --to"));
    }
    if (!report.opened_by.empty()) {
        line("opened by " + list(report.opened_by));
    }
    if (report.restore_took.count() > 0) {
        line("time to restore " + seconds_text(report.restore_took) + "; the whole drill " +
             seconds_text(std::chrono::duration_cast<std::chrono::milliseconds>(report.finished - report.started)));
    }
    for (const auto& note : notes_of(report, most_findings)) {
        line("note: " + note);
    }
    return text;
}

std::string to_json(const Report& report) {
    Json json = {{"format", report_format},
                 {"id", report.id},
                 {"instance", report.instance},
                 {"proven", report.proven()},
                 {"started", os::utc_text(report.started)},
                 {"finished", os::utc_text(report.finished)},
                 {"server", report.server_version},
                 {"own_server", report.own_server},
                 {"opened_by", report.opened_by},
                 {"restore_seconds", seconds(report.restore_took)}};
    Json findings = Json::array();
    for (const auto& finding : report.findings) {
        findings.push_back({{"kind", finding.kind},
                            {"database", finding.database},
                            {"object", finding.object},
                            {"text", finding.text}});
    }
    json["findings"] = std::move(findings);
    json["passed_over"] = report.passed_over;
    Json databases = Json::array();
    for (const auto& database : report.databases) {
        Json entry = {{"name", database.name}, {"restored", database.restored}};
        if (database.totals) {
            entry.update({{"tables", database.totals->tables},
                          {"rows", database.totals->rows},
                          {"bytes", database.totals->bytes},
                          {"sequences", database.totals->sequences},
                          {"large_objects", database.totals->large_objects}});
        }
        databases.push_back(std::move(entry));
    }
    json["databases"] = std::move(databases);
    Json checks = Json::array();
    for (const auto& check : report.checks) {
        checks.push_back({{"database", check.database},
                          {"query", check.query},
                          {"expect", check.expect},
                          {"got", check.got},
                          {"error", check.error},
                          {"passed", check.passed}});
    }
    json["checks"] = std::move(checks);
    Json stages = Json::array();
    for (const auto& stage : report.stages) {
        stages.push_back({{"name", stage.name}, {"database", stage.database}, {"seconds", seconds(stage.took)}});
    }
    json["stages"] = std::move(stages);
    json["notes"] = notes_of(report, std::string::npos);
    return json.dump(2, ' ', false, Json::error_handler_t::replace);
}

}  // namespace lifeboat::drill
