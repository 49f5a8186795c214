#include "catalogue/acceptance.hpp"

#include <nlohmann/json.hpp>

#include <optional>

namespace lifeboat::catalogue {
namespace {

using Json = nlohmann::json;

std::optional<std::string> text(const Json& json, const char* name) {
    const auto found = json.find(name);
    return found != json.end() && found->is_string() ? std::optional(found->get<std::string>()) : std::nullopt;
}

std::optional<os::TimePoint> time(const Json& json, const char* name) {
    const auto written = text(json, name);
    return written ? os::utc_time(*written) : std::nullopt;
}

Error refused(const BackupId& id, const std::string& why) {
    return {ErrorKind::corrupt, "the acceptance of " + id.text() + " is refused: " + why,
            "find out who wrote it; until one that is in order is there the backup counts as not accepted"};
}

// What is no text is left out: then less is accepted, and nothing more is deleted.
std::vector<std::string> texts(const Json& json, const char* field) {
    std::vector<std::string> names;
    if (const auto list = json.find(field); list != json.end() && list->is_array()) {
        for (const auto& name : *list) {
            if (name.is_string()) {
                names.push_back(name.get<std::string>());
            }
        }
    }
    return names;
}

}  // namespace

std::string to_json(const Acceptance& acceptance, const Layout& layout) {
    const nlohmann::ordered_json json = {{"format", acceptance_format},
                                         {"id", acceptance.id.text()},
                                         {"instance", layout.instance()},
                                         {"stored", os::utc_text(acceptance.stored)},
                                         {"accepted", os::utc_text(acceptance.accepted)},
                                         {"by", acceptance.by},
                                         {"because", acceptance.because},
                                         {"lost_databases", acceptance.lost_databases},
                                         {"settles", acceptance.settles}};
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<Acceptance> parse_acceptance(std::string_view written, const Layout& layout, const BackupId& id) {
    const auto json = Json::parse(written, nullptr, false);
    if (!json.is_object()) {
        return refused(id, "it is no JSON object");
    }
    if (text(json, "format") != acceptance_format) {
        return refused(id, "its format is not " + std::string(acceptance_format));
    }
    if (text(json, "id") != id.text() || text(json, "instance") != layout.instance()) {
        return refused(id, "it is of another backup or instance");
    }
    const auto stored = time(json, "stored");
    const auto accepted = time(json, "accepted");
    const auto because = text(json, "because");
    if (!stored || !accepted || !because) {
        return refused(id, "'stored', 'accepted' or 'because' is missing or wrong");
    }
    return Acceptance{id,
                      *stored,
                      *accepted,
                      text(json, "by").value_or(""),
                      *because,
                      texts(json, "lost_databases"),
                      texts(json, "settles")};
}

}  // namespace lifeboat::catalogue
