#include "catalogue/drill_result.hpp"

#include "json_fields.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <numeric>

namespace lifeboat::catalogue {
namespace {

using std::chrono::milliseconds;

constexpr double longest_seconds = 1e9;
constexpr std::size_t longest_text = 200;
constexpr std::size_t most_kinds = 64;
constexpr std::uint64_t highest_count = 1'000'000'000'000;

// ---- writing ----

using Json = nlohmann::ordered_json;

void put_seconds(Json& json, const std::string& name, const std::optional<milliseconds>& time) {
    if (time) {
        json[name] = static_cast<double>(time->count()) / 1000;
    }
}

Json seconds_of(const DrillResult& result) {
    Json json = Json::object();
    put_seconds(json, "fetch", result.fetch);
    put_seconds(json, "restore", result.restore);
    put_seconds(json, "compare", result.compare);
    return json;
}

bool is_plain(char c) {
    return c >= ' ' && c <= '~';
}

// As a reader takes it: a result must not be lost because a server calls itself something odd.
std::string as_plain(std::string text) {
    text.resize(std::min(text.size(), longest_text));
    std::replace_if(
        text.begin(), text.end(), [](char c) { return !is_plain(c); }, '?');
    return text;
}

// ---- reading ----

// These go to terminals and into metrics as they are, and come from whoever may write to the store.
std::string harmless(const std::string& text, const std::string& name) {
    if (text.size() > longest_text || !std::all_of(text.begin(), text.end(), is_plain)) {
        throw Surprise{"'" + name + "' is too long, or holds more than plain characters"};
    }
    return text;
}

std::uint64_t count_of(const Parsed& json, const std::string& name) {
    const std::uint64_t count = whole_number(json, name);
    if (count > highest_count) {
        throw Surprise{"'" + name + "' is out of range"};
    }
    return count;
}

bool is_word(const std::string& text) {
    return !text.empty() && text.size() <= 32 &&
           std::all_of(text.begin(), text.end(), [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
}

bool is_recipient(const std::string& text) {
    constexpr std::string_view begin = "age1";
    return text.size() > begin.size() && text.substr(0, begin.size()) == begin &&
           std::all_of(text.begin(), text.end(),
                       [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); });
}

bool outcome_of(const Parsed& json) {
    const std::string outcome = text(json, "outcome");
    if (outcome != "passed" && outcome != "failed") {
        throw Surprise{"'outcome' is neither passed nor failed"};
    }
    return outcome == "passed";
}

std::map<std::string, std::uint64_t> differences_of(const Parsed& json) {
    const Parsed& counts = field(json, "differences");
    if (!counts.is_object() || counts.size() > most_kinds) {
        throw Surprise{"'differences' does not count differences by their kind"};
    }
    std::map<std::string, std::uint64_t> differences;
    for (const auto& [kind, count] : counts.items()) {
        if (!is_word(kind)) {
            throw Surprise{"'differences' names a kind that is no word"};
        }
        differences.emplace(kind, count_of(counts, kind));
    }
    return differences;
}

std::optional<milliseconds> seconds_of(const Parsed& json, const std::string& name) {
    if (!json.contains(name)) {
        return std::nullopt;
    }
    const auto seconds = typed<double>(json.at(name), name);
    if (!json.at(name).is_number() || !(seconds >= 0 && seconds <= longest_seconds)) {
        throw Surprise{"'seconds' has a '" + name + "' that is no time"};
    }
    return milliseconds(std::llround(seconds * 1000));
}

void check_belongs(const Parsed& json, const Layout& layout, const BackupId& id) {
    if (text(json, "format") != drill_format) {
        throw Surprise{"this Lifeboat reads the format " + std::string(drill_format) + " alone"};
    }
    if (text(json, "backup") != id.text()) {
        throw Surprise{"it says that it is of another backup"};
    }
    if (text(json, "instance") != layout.instance()) {
        throw Surprise{"it says that it is of another instance"};
    }
}

void check_sound(const DrillResult& result) {
    if (!result.failed_step.empty() && !is_word(result.failed_step)) {
        throw Surprise{"'failed_step' is no word"};
    }
    if (!std::all_of(result.recipients.begin(), result.recipients.end(), is_recipient)) {
        throw Surprise{"'recipients' has one that is no age recipient"};
    }
    const bool clean = result.difference_count() == 0 && result.checks_failed == 0 && result.failed_step.empty();
    if (result.passed && !clean) {
        throw Surprise{"it says that the drill passed, and counts what did not"};
    }
}

// The first drills named one of them alone.
std::vector<std::string> recipients_of(const Parsed& json) {
    return json.contains("recipient") ? std::vector{text(json, "recipient")} : texts_or_none(json, "recipients");
}

DrillResult result_of(const Parsed& json, const Layout& layout, const BackupId& id) {
    check_belongs(json, layout, id);
    DrillResult result{id, layout.instance(), time(json, "started"), time(json, "finished"), {}, {}};
    result.passed = outcome_of(json);
    result.failed_step = text_or(json, "failed_step", "");
    result.lifeboat = harmless(text(field(json, "writer"), "lifeboat"), "lifeboat");
    result.server = harmless(json.contains("server") ? text(json.at("server"), "version") : "", "version");
    result.recipients = recipients_of(json);
    result.bytes = whole_number(json, "bytes");
    result.differences = differences_of(json);
    const Parsed& checks = field(json, "checks");
    result.checks_passed = count_of(checks, "passed");
    result.checks_failed = count_of(checks, "failed");
    const Parsed& seconds = field(json, "seconds");
    if (!seconds.is_object()) {
        throw Surprise{"'seconds' is no object"};
    }
    result.fetch = seconds_of(seconds, "fetch");
    result.restore = seconds_of(seconds, "restore");
    result.compare = seconds_of(seconds, "compare");
    check_sound(result);
    return result;
}

}  // namespace

std::uint64_t DrillResult::difference_count() const {
    return std::accumulate(differences.begin(), differences.end(), std::uint64_t{0},
                           [](std::uint64_t sum, const auto& kind) { return sum + kind.second; });
}

bool DrillResult::was_opened_by(const std::string& recipient) const {
    return std::find(recipients.begin(), recipients.end(), recipient) != recipients.end();
}

std::string to_json(const DrillResult& result) {
    Json json = {{"format", drill_format},
                 {"backup", result.backup.text()},
                 {"instance", result.instance},
                 {"started", os::utc_text(result.started)},
                 {"finished", os::utc_text(result.finished)},
                 {"outcome", result.passed ? "passed" : "failed"}};
    if (!result.failed_step.empty()) {
        json["failed_step"] = result.failed_step;
    }
    json["writer"] = {{"lifeboat", as_plain(result.lifeboat)}};
    if (!result.server.empty()) {
        json["server"] = {{"version", as_plain(result.server)}};
    }
    if (!result.recipients.empty()) {
        json["recipients"] = result.recipients;
    }
    json["bytes"] = result.bytes;
    json["differences"] = result.differences;
    json["checks"] = {{"passed", result.checks_passed}, {"failed", result.checks_failed}};
    json["seconds"] = seconds_of(result);
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<DrillResult> parse_drill_result(std::string_view json, const Layout& layout, const BackupId& id) {
    const std::string name = "a drill's result of " + id.text();
    const std::string next = "drill that backup again, and find out who wrote this";
    const auto parsed = Parsed::parse(json, nullptr, false);
    if (parsed.is_discarded()) {
        return Error{ErrorKind::corrupt, name + " is no JSON", next};
    }
    try {
        return result_of(parsed, layout, id);
    } catch (const Surprise& surprise) {
        return Error{ErrorKind::corrupt, name + " is refused: " + surprise.what, next};
    }
}

Result<store::StoredObject> store_drill_result(store::ObjectStore& store, const Layout& layout,
                                               const DrillResult& result) {
    const std::string json = to_json(result);
    return store::put(store, layout.drill_result(result.backup, result.started), stream::as_bytes(json));
}

}  // namespace lifeboat::catalogue
