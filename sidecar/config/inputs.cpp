#include "config/inputs.hpp"

#include <array>
#include <exception>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

namespace lifeboat::config {
namespace {

using Json = nlohmann::json;

constexpr std::array<std::string_view, 3> prefixes_that_matter = {"LIFEBOAT_", "AWS_", "PG"};

bool matters(std::string_view name) {
    for (const std::string_view prefix : prefixes_that_matter) {
        if (name.starts_with(prefix)) {
            return true;
        }
    }
    return name == "HOME";
}

// JSON holds Unicode alone, and paths and secrets are bytes: each byte goes as the code point of its number.
std::string from_bytes(std::string_view bytes) {
    std::string text;
    text.reserve(bytes.size());
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x80U) {
            text += c;
        } else {
            text += static_cast<char>(0xC0U | (byte >> 6U));
            text += static_cast<char>(0x80U | (byte & 0x3FU));
        }
    }
    return text;
}

std::string to_bytes(const Json& json) {
    const auto& text = json.get_ref<const std::string&>();
    std::string bytes;
    bytes.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        auto byte = static_cast<unsigned char>(text[i]);
        if (byte >= 0x80U) {
            const auto low = static_cast<unsigned char>(text.at(++i));
            byte = static_cast<unsigned char>((static_cast<unsigned>(byte) << 6U) | (low & 0x3FU));
        }
        bytes += static_cast<char>(byte);
    }
    return bytes;
}

Json json_of(const Error& error) {
    return {{"kind", static_cast<int>(error.kind)},
            {"what", from_bytes(error.what)},
            {"next", from_bytes(error.next)},
            {"detail", from_bytes(error.detail)}};
}

Error error_of(const Json& json) {
    return {static_cast<ErrorKind>(json.at("kind").get<int>()), to_bytes(json.at("what")), to_bytes(json.at("next")),
            to_bytes(json.at("detail"))};
}

Result<Secret> content_of(const Json& json) {
    if (json.contains("error")) {
        return error_of(json.at("error"));
    }
    return Secret(to_bytes(json.at("content")));
}

Result<Secret> secretly(Result<std::string> read) {
    if (!read) {
        return std::move(read).error();
    }
    return Secret(*std::move(read));
}

Result<std::string> openly(const Result<Secret>& kept) {
    if (!kept) {
        return kept.error();
    }
    return std::string(kept->reveal());
}

}  // namespace

Inputs::Inputs(const Sources& sources) : sources_(sources) {
    sources_.read = nullptr;
    std::erase_if(sources_.environment, [](const auto& entry) { return !matters(entry.first); });
}

Secret Inputs::to_json() const {
    Json json;
    if (sources_.config) {
        json["config"] = from_bytes(sources_.config->native());
    }
    json["default_config"] = from_bytes(sources_.default_config.native());
    json["zoneinfo"] = from_bytes(sources_.zoneinfo.native());
    json["flags"] = Json::array();
    for (const auto& [key, value] : sources_.flags) {
        json["flags"].push_back({from_bytes(key), from_bytes(value)});
    }
    json["environment"] = Json::array();
    for (const auto& [name, value] : sources_.environment) {
        json["environment"].push_back({from_bytes(name), from_bytes(value)});
    }
    json["files"] = Json::array();
    for (const auto& [path, content] : files_) {
        Json file{{"path", from_bytes(path.native())}};
        if (content) {
            file["content"] = from_bytes(content->reveal());
        } else {
            file["error"] = json_of(content.error());
        }
        json["files"].push_back(std::move(file));
    }
    return Secret(json.dump());
}

Result<Inputs> Inputs::from_json(std::string_view text) {
    try {
        const Json json = Json::parse(text);
        Inputs inputs;
        if (json.contains("config")) {
            inputs.sources_.config = to_bytes(json.at("config"));
        }
        inputs.sources_.default_config = to_bytes(json.at("default_config"));
        inputs.sources_.zoneinfo = to_bytes(json.at("zoneinfo"));
        for (const Json& flag : json.at("flags")) {
            inputs.sources_.flags.emplace_back(to_bytes(flag.at(0)), to_bytes(flag.at(1)));
        }
        for (const Json& entry : json.at("environment")) {
            inputs.sources_.environment.emplace(to_bytes(entry.at(0)), to_bytes(entry.at(1)));
        }
        for (const Json& file : json.at("files")) {
            inputs.files_.emplace(to_bytes(file.at("path")), content_of(file));
        }
        return inputs;
    } catch (const std::exception&) {  // its message quotes the text
        return failed("what was handed over as settings cannot be read", "report this as a bug of lifeboat");
    }
}

Recording::Recording(const Sources& from) : sources(from) {
    const auto taken = std::make_shared<Inputs>(from);
    inputs = taken;
    sources.read = [taken, read = from.read](const std::filesystem::path& path) {
        auto found = taken->files_.find(path);
        if (found == taken->files_.end()) {
            found = taken->files_.emplace(path, secretly(read(path))).first;
        }
        return openly(found->second);
    };
}

Sources replay(Inputs inputs) {
    const auto kept = std::make_shared<const Inputs>(std::move(inputs));
    Sources sources = kept->sources_;
    sources.read = [kept](const std::filesystem::path& path) -> Result<std::string> {
        const auto found = kept->files_.find(path);
        if (found == kept->files_.end()) {
            return failed("was not read when these settings were taken down", "report this as a bug of lifeboat");
        }
        return openly(found->second);
    };
    return sources;
}

}  // namespace lifeboat::config
