#include "protocol.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <charconv>
#include <utility>

namespace lifeboat::control {
namespace {

using Json = nlohmann::json;

constexpr std::array<std::pair<ErrorKind, const char*>, 8> kinds = {{{ErrorKind::failed, "failed"},
                                                                     {ErrorKind::temporary, "temporary"},
                                                                     {ErrorKind::usage, "usage"},
                                                                     {ErrorKind::not_found, "not_found"},
                                                                     {ErrorKind::exists, "exists"},
                                                                     {ErrorKind::corrupt, "corrupt"},
                                                                     {ErrorKind::refused, "refused"},
                                                                     {ErrorKind::interrupted, "interrupted"}}};

std::string name_of(ErrorKind kind) {
    for (const auto& [known, name] : kinds) {
        if (known == kind) {
            return name;
        }
    }
    return "failed";
}

ErrorKind kind_of(const std::string& name) {
    for (const auto& [kind, known] : kinds) {
        if (name == known) {
            return kind;
        }
    }
    return ErrorKind::failed;
}

std::string framed(const char* word, const std::string& body) {
    return std::string(word) + " " + std::to_string(body.size()) + "\n" + body;
}

Error not_understood() {
    return failed("what the sidecar answered is not understood",
                  "use the `lifeboat` of the sidecar's own container: another version may be asking here");
}

std::string text(const Json& json, const char* name) {
    const auto found = json.find(name);
    return found != json.end() && found->is_string() ? found->get<std::string>() : "";
}

Error told_error(const std::string& body) {
    const auto json = Json::parse(body, nullptr, false);
    if (!json.is_object() || text(json, "what").empty()) {
        return not_understood();
    }
    return {kind_of(text(json, "kind")), text(json, "what"), text(json, "next"), text(json, "detail")};
}

constexpr std::size_t longest_head = 32;

}  // namespace

std::string framed_answer(const std::string& json) {
    return framed("ok", json);
}

std::string framed_error(const Error& error) {
    const Json json = {
        {"kind", name_of(error.kind)}, {"what", error.what}, {"next", error.next}, {"detail", error.detail}};
    return framed("error", json.dump(-1, ' ', false, Json::error_handler_t::replace));
}

std::optional<Error> AnswerReader::read_head() {
    const std::size_t end = bytes_.find('\n');
    if (end == std::string::npos) {
        return bytes_.size() > longest_head ? std::optional(not_understood()) : std::nullopt;
    }
    const std::string_view head = std::string_view(bytes_).substr(0, end);
    const std::size_t space = head.find(' ');
    const std::string_view word = head.substr(0, space);
    if (space == std::string_view::npos || (word != "ok" && word != "error")) {
        return not_understood();
    }
    const char* last = head.data() + head.size();
    const auto [stopped, problem] = std::from_chars(head.data() + space + 1, last, length_);
    if (problem != std::errc{} || stopped != last || length_ > largest_answer) {
        return not_understood();
    }
    is_ = word == "ok" ? Is::answer : Is::error;
    bytes_.erase(0, end + 1);
    return std::nullopt;
}

std::optional<Result<std::string>> AnswerReader::take(std::string_view bytes) {
    bytes_ += bytes;
    if (is_ == Is::unknown) {
        if (auto problem = read_head()) {
            return *std::move(problem);
        }
    }
    if (is_ == Is::unknown || bytes_.size() < length_) {
        return std::nullopt;
    }
    bytes_.resize(length_);
    if (is_ == Is::error) {
        return told_error(bytes_);
    }
    return std::move(bytes_);
}

}  // namespace lifeboat::control
