#include "supervisor/report.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <stdexcept>
#include <type_traits>

namespace lifeboat::supervisor {
namespace {

using Json = nlohmann::json;
using health::BackupFacts;
using health::Problem;
using os::TimePoint;

// Times as milliseconds since 1970.
std::int64_t written(TimePoint time) {
    return std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

// The readers throw what the JSON library throws, and this where a value is of the right type and cannot be.
void require(bool possible) {
    if (!possible) {
        throw std::out_of_range("a value that cannot be");
    }
}

TimePoint time_in(const Json& json) {
    using std::chrono::milliseconds;
    require(json.is_number_integer());
    const milliseconds since(json.get<std::int64_t>());
    constexpr auto most = std::chrono::floor<milliseconds>(TimePoint::duration::max());
    require(since > -most && since < most);
    return TimePoint(since);
}

template <class T, class Write>
Json if_there(const std::optional<T>& value, Write write) {
    return value ? Json(write(*value)) : Json(nullptr);
}

template <class Read>
auto read_if_there(const Json& json, Read read) -> std::optional<std::decay_t<decltype(read(json))>> {
    if (json.is_null()) {
        return std::nullopt;
    }
    return read(json);
}

template <class T, class Write>
Json list_of(const std::vector<T>& values, Write write) {
    Json list = Json::array();
    for (const auto& value : values) {
        list.push_back(write(value));
    }
    return list;
}

template <class Read>
auto read_list(const Json& json, Read read) -> std::vector<std::decay_t<decltype(read(json))>> {
    std::vector<std::decay_t<decltype(read(json))>> values;
    require(json.is_array());
    for (const auto& each : json) {
        values.push_back(read(each));
    }
    return values;
}

Json written_number(std::uint64_t number) {
    return number;
}

std::uint64_t number_in(const Json& json) {
    require(json.is_number_unsigned());
    return json.get<std::uint64_t>();
}

// Enumerators travel as numbers: the other end has the same ones.
template <class Enum>
Json written_enum(Enum value) {
    return static_cast<int>(value);
}

template <class Enum>
Enum enum_in(const Json& json, Enum last) {
    const std::uint64_t number = number_in(json);
    require(number <= static_cast<std::uint64_t>(last));
    return static_cast<Enum>(number);
}

Json written_problem(const Problem& problem) {
    return {{"what", problem.what}, {"next", problem.next}};
}

Problem problem_in(const Json& json) {
    return {json.at("what").get<std::string>(), json.at("next").get<std::string>()};
}

Json written_yield(const YieldedTo& to) {
    return {{"name", to.name}, {"cure", to.cure}};
}

YieldedTo yield_in(const Json& json) {
    return {json.at("name").get<std::string>(), json.at("cure").get<std::string>()};
}

Json written_database(const health::DatabaseFacts& database) {
    return {{"name", database.name},
            {"stored_bytes", database.stored_bytes},
            {"dumped_bytes", database.dumped_bytes},
            {"tables", if_there(database.tables, written_number)},
            {"rows", if_there(database.rows, written_number)}};
}

health::DatabaseFacts database_in(const Json& json) {
    return {json.at("name").get<std::string>(), number_in(json.at("stored_bytes")), number_in(json.at("dumped_bytes")),
            read_if_there(json.at("tables"), number_in), read_if_there(json.at("rows"), number_in)};
}

Json written_backup(const BackupFacts& backup) {
    return {{"id", backup.id},
            {"started", written(backup.started)},
            {"finished", written(backup.finished)},
            {"stored_bytes", backup.stored_bytes},
            {"dumped_bytes", if_there(backup.dumped_bytes, written_number)},
            {"rows", if_there(backup.rows, written_number)},
            {"databases", backup.databases},
            {"state", written_enum(backup.state)},
            {"failed_databases", backup.failed_databases},
            {"marks", backup.marks},
            {"contents", list_of(backup.contents, written_database)},
            {"proven_at", if_there(backup.proven_at, written)},
            {"names_left_out", backup.names_left_out}};
}

BackupFacts backup_in(const Json& json) {
    BackupFacts backup;
    backup.id = json.at("id").get<std::string>();
    backup.started = time_in(json.at("started"));
    backup.finished = time_in(json.at("finished"));
    backup.stored_bytes = number_in(json.at("stored_bytes"));
    backup.dumped_bytes = read_if_there(json.at("dumped_bytes"), number_in);
    backup.rows = read_if_there(json.at("rows"), number_in);
    backup.databases = json.at("databases").get<std::vector<std::string>>();
    backup.state = enum_in(json.at("state"), health::BackupState::expired);
    backup.failed_databases = json.at("failed_databases").get<std::vector<std::string>>();
    backup.marks = json.at("marks").get<std::vector<std::string>>();
    backup.contents = read_list(json.at("contents"), database_in);
    backup.proven_at = read_if_there(json.at("proven_at"), time_in);
    backup.names_left_out = number_in(json.at("names_left_out"));
    return backup;
}

Json written_doubt(const health::DoubtFacts& doubt) {
    return {{"since", doubt.since},
            {"reason", doubt.reason},
            {"marked", doubt.marked},
            {"newest", doubt.newest},
            {"newest_finished", written(doubt.newest_finished)}};
}

health::DoubtFacts doubt_in(const Json& json) {
    return {json.at("since").get<std::string>(), json.at("reason").get<std::string>(), number_in(json.at("marked")),
            json.at("newest").get<std::string>(), time_in(json.at("newest_finished"))};
}

Json written_expiry(const health::ExpiryFacts& expiry) {
    return {{"last_good_due", if_there(expiry.last_good_due, written)},
            {"warning", expiry.warning.count()},
            {"unknown", expiry.unknown}};
}

health::ExpiryFacts expiry_in(const Json& json) {
    return {read_if_there(json.at("last_good_due"), time_in),
            std::chrono::seconds(json.at("warning").get<std::int64_t>()), json.at("unknown").get<std::string>()};
}

Json written_milliseconds(std::chrono::milliseconds duration) {
    return duration.count();
}

std::chrono::milliseconds milliseconds_in(const Json& json) {
    require(json.is_number_integer());
    return std::chrono::milliseconds(json.get<std::int64_t>());
}

Json written_drill(const health::DrillFacts& drill) {
    return {{"backup", drill.backup},
            {"stored", written(drill.stored)},
            {"passed", drill.passed},
            {"failed_step", drill.failed_step},
            {"differences", drill.differences},
            {"checks_failed", drill.checks_failed},
            {"restore_took", if_there(drill.restore_took, written_milliseconds)}};
}

health::DrillFacts drill_in(const Json& json) {
    return {json.at("backup").get<std::string>(),
            time_in(json.at("stored")),
            json.at("passed").get<bool>(),
            json.at("failed_step").get<std::string>(),
            number_in(json.at("differences")),
            number_in(json.at("checks_failed")),
            read_if_there(json.at("restore_took"), milliseconds_in)};
}

Json written_drills(const health::DrillsFacts& drills) {
    return {{"last", if_there(drills.last, written_drill)},
            {"last_good", if_there(drills.last_good, written_drill)},
            {"unanswered", if_there(drills.unanswered, written_drill)},
            {"recipients", list_of(drills.recipients, [](const health::RecipientFacts& one) {
                 return Json{{"recipient", one.recipient}, {"opened", if_there(one.opened, written)}};
             })}};
}

health::DrillsFacts drills_in(const Json& json) {
    return {read_if_there(json.at("last"), drill_in), read_if_there(json.at("last_good"), drill_in),
            read_if_there(json.at("unanswered"), drill_in), read_list(json.at("recipients"), [](const Json& one) {
                return health::RecipientFacts{one.at("recipient").get<std::string>(),
                                              read_if_there(one.at("opened"), time_in)};
            })};
}

Json written_store(const health::StoreFacts& store) {
    return {{"last_good", if_there(store.last_good, written_backup)},
            {"newest_partial", if_there(store.newest_partial, written_backup)},
            {"recent", list_of(store.recent, written_backup)},
            {"unfinished", list_of(store.unfinished, written)},
            {"backups", store.backups},
            {"bytes", store.bytes},
            {"hidden", store.hidden},
            {"meddled", store.meddled},
            {"doubt", if_there(store.doubt, written_doubt)},
            {"other_server", if_there(store.other_server, written_problem)},
            {"lineage_note", store.lineage_note},
            {"expiry", written_expiry(store.expiry)},
            {"drills", written_drills(store.drills)}};
}

health::StoreFacts store_in(const Json& json) {
    health::StoreFacts store;
    store.last_good = read_if_there(json.at("last_good"), backup_in);
    store.newest_partial = read_if_there(json.at("newest_partial"), backup_in);
    store.recent = read_list(json.at("recent"), backup_in);
    store.unfinished = read_list(json.at("unfinished"), time_in);
    store.backups = number_in(json.at("backups"));
    store.bytes = number_in(json.at("bytes"));
    store.hidden = json.at("hidden").get<std::vector<std::string>>();
    store.meddled = json.at("meddled").get<std::vector<std::string>>();
    store.doubt = read_if_there(json.at("doubt"), doubt_in);
    store.other_server = read_if_there(json.at("other_server"), problem_in);
    store.lineage_note = json.at("lineage_note").get<std::string>();
    store.expiry = expiry_in(json.at("expiry"));
    store.drills = drills_in(json.at("drills"));
    return store;
}

Json written_runs(const schedule::StoreView& runs) {
    return {{"good", list_of(runs.good, written)},
            {"failed", list_of(runs.failed, [](const schedule::Attempt& attempt) {
                 return Json{{"started", written(attempt.started)}, {"ended", if_there(attempt.ended, written)}};
             })}};
}

schedule::StoreView runs_in(const Json& json) {
    schedule::StoreView runs;
    runs.good = read_list(json.at("good"), time_in);
    runs.failed = read_list(json.at("failed"), [](const Json& attempt) {
        return schedule::Attempt{time_in(attempt.at("started")), read_if_there(attempt.at("ended"), time_in)};
    });
    return runs;
}

struct Writer {
    Json operator()(const BackupBegan& began) const {
        return {{"report", "backup_began"}, {"id", began.id}, {"databases", began.databases}, {"server", began.server}};
    }
    Json operator()(const BackupMoved& moved) const {
        return {{"report", "backup_moved"},
                {"part", moved.part},
                {"dumped_bytes", moved.dumped_bytes},
                {"stored_bytes", moved.stored_bytes},
                {"estimated_bytes", if_there(moved.estimated_bytes, written_number)}};
    }
    Json operator()(const StoreAskedAgain& /*asked*/) const { return {{"report", "store_asked_again"}}; }
    Json operator()(const BackupEnded& ended) const {
        return {{"report", "backup_ended"},
                {"result", written_enum(ended.result)},
                {"backup", if_there(ended.backup, written_backup)},
                {"problem", if_there(ended.problem, written_problem)},
                {"detail", ended.detail},
                {"yielded_to", if_there(ended.yielded_to, written_yield)}};
    }
    Json operator()(const SurveyEnded& ended) const {
        return {{"report", "survey_ended"},
                {"store", written_store(ended.store)},
                {"runs", written_runs(ended.runs)},
                {"newest_id", ended.newest_id},
                {"limited", if_there(ended.limited, written_problem)},
                {"server", if_there(ended.server, [](const std::string& id) { return id; })}};
    }
    Json operator()(const WorkFailed& failed) const {
        return {{"report", "work_failed"}, {"problem", written_problem(failed.problem)}, {"detail", failed.detail}};
    }
    Json operator()(const SweepEnded& /*ended*/) const { return {{"report", "sweep_ended"}}; }
    Json operator()(const PruneEnded& ended) const {
        return {{"report", "prune_ended"},
                {"backups", ended.backups},
                {"bytes", ended.bytes},
                {"stopped", if_there(ended.stopped, written_problem)},
                {"not_possible", if_there(ended.not_possible, written_problem)}};
    }
};

Result<Report> read(const Json& json) {
    const auto kind = json.at("report").get<std::string>();
    if (kind == "backup_began") {
        return Report(BackupBegan{json.at("id").get<std::string>(), number_in(json.at("databases")),
                                  json.at("server").get<std::string>()});
    }
    if (kind == "backup_moved") {
        return Report(BackupMoved{json.at("part").get<std::string>(), number_in(json.at("dumped_bytes")),
                                  number_in(json.at("stored_bytes")),
                                  read_if_there(json.at("estimated_bytes"), number_in)});
    }
    if (kind == "store_asked_again") {
        return Report(StoreAskedAgain{});
    }
    if (kind == "backup_ended") {
        return Report(BackupEnded{enum_in(json.at("result"), health::run_results.back()),
                                  read_if_there(json.at("backup"), backup_in),
                                  read_if_there(json.at("problem"), problem_in), json.at("detail").get<std::string>(),
                                  read_if_there(json.at("yielded_to"), yield_in)});
    }
    if (kind == "survey_ended") {
        return Report(
            SurveyEnded{store_in(json.at("store")), runs_in(json.at("runs")), json.at("newest_id").get<std::string>(),
                        read_if_there(json.at("limited"), problem_in),
                        read_if_there(json.at("server"), [](const Json& id) { return id.get<std::string>(); })});
    }
    if (kind == "work_failed") {
        return Report(WorkFailed{problem_in(json.at("problem")), json.at("detail").get<std::string>()});
    }
    if (kind == "sweep_ended") {
        return Report(SweepEnded{});
    }
    if (kind == "prune_ended") {
        return Report(PruneEnded{number_in(json.at("backups")), number_in(json.at("bytes")),
                                 read_if_there(json.at("stopped"), problem_in),
                                 read_if_there(json.at("not_possible"), problem_in)});
    }
    return Error{ErrorKind::corrupt, "a child's report is of no known kind", {}};
}

}  // namespace

std::string to_line(const Report& report) {
    return std::visit(Writer{}, report).dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<Report> from_line(std::string_view line) {
    const Error not_understood{ErrorKind::corrupt, "a child's report is not understood", {}};
    try {
        return read(Json::parse(line));
    } catch (const Json::exception&) {
        return not_understood;
    } catch (const std::out_of_range&) {
        return not_understood;
    }
}

}  // namespace lifeboat::supervisor
