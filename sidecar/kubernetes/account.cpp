#include "account.hpp"

#include "os/fd.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>

namespace lifeboat::kubernetes {
namespace {

constexpr const char* how_to_mount =
    "mount a projected token: the components report-* of kustomize/ and `reporting` of the Helm snippets do "
    "(docs/kubernetes.md, Reporting)";

// A token has about a kilobyte, and the certificates of a CA a few.
constexpr std::size_t largest_file = std::size_t{256} << 10U;

std::string trimmed(const std::string& text) {
    const auto is_space = [](unsigned char c) { return std::isspace(c) != 0; };
    const auto first = std::find_if_not(text.begin(), text.end(), is_space);
    const auto last = std::find_if_not(text.rbegin(), std::make_reverse_iterator(first), is_space).base();
    return {first, last};
}

// Through `..data` where it is there: the kubelet exchanges that link at once, and makes those beside it by and by.
Result<std::string> read(const Surroundings& surroundings, const char* name) {
    auto content = os::read_file((surroundings.folder / "..data" / name).string(), largest_file);
    if (!content && content.error().kind == ErrorKind::not_found) {
        content = os::read_file((surroundings.folder / name).string(), largest_file);
    }
    return content;
}

Result<std::string> read_token(const Surroundings& surroundings) {
    auto content = read(surroundings, "token");
    if (!content && content.error().kind == ErrorKind::not_found) {
        return Error{ErrorKind::not_found, "no service account's token is mounted at " + surroundings.folder.string(),
                     how_to_mount};
    }
    if (!content) {
        return std::move(content).error();
    }
    auto token = trimmed(*content);
    // It becomes a line of a request.
    const bool is_one = std::all_of(token.begin(), token.end(), [](unsigned char c) { return c > ' ' && c < 0x7f; });
    if (token.empty() || !is_one) {
        return Error{ErrorKind::usage, "the file token in " + surroundings.folder.string() + " holds no token",
                     how_to_mount};
    }
    return token;
}

Result<std::string> read_ca(const Surroundings& surroundings) {
    auto content = read(surroundings, "ca.crt");
    if (!content && content.error().kind == ErrorKind::not_found) {
        return Error{ErrorKind::not_found,
                     "there is no ca.crt in " + surroundings.folder.string() +
                         ", and without it the API server cannot be told from others",
                     "project it from the ConfigMap kube-root-ca.crt, which every namespace has"};
    }
    return content;
}

std::string decoded(std::string_view base64url) {
    std::string bytes;
    std::uint32_t bits = 0;
    int count = 0;
    constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (const char c : base64url) {
        const auto value = alphabet.find(c);
        if (value == std::string_view::npos) {
            break;
        }
        bits = (bits << 6U) | static_cast<std::uint32_t>(value);
        count += 6;
        if (count >= 8) {
            count -= 8;
            bytes.push_back(static_cast<char>((bits >> static_cast<unsigned>(count)) & 0xffU));
        }
    }
    return bytes;
}

using Json = nlohmann::json;

std::string text_at(const Json& json, const char* pointer) {
    const Json::json_pointer place(pointer);
    return json.is_object() && json.contains(place) && json.at(place).is_string() ? json.at(place).get<std::string>()
                                                                                  : std::string();
}

// Whether it can stand in a path as it is.
bool is_name(const std::string& text) {
    return !text.empty() && text.size() <= 253 &&
           text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-.") == std::string::npos;
}

Result<Identity> identity_of(const Surroundings& surroundings, std::string_view token) {
    auto identity = claims_of(token);
    if (auto name_space = read(surroundings, "namespace")) {
        identity.name_space = trimmed(*name_space);
    }
    if (!is_name(identity.name_space)) {
        return Error{ErrorKind::not_found,
                     "neither the file namespace in " + surroundings.folder.string() +
                         " nor the token says which namespace this is",
                     how_to_mount};
    }
    if (!is_name(identity.pod)) {
        identity.pod = surroundings.host_name;
        identity.pod_uid.clear();
    }
    if (!is_name(identity.pod)) {
        return Error{ErrorKind::not_found, "neither the token nor the host's name says which pod this is",
                     how_to_mount};
    }
    return identity;
}

}  // namespace

Identity claims_of(std::string_view token) {
    const auto begin = token.find('.');
    const auto end = begin == std::string_view::npos ? begin : token.find('.', begin + 1);
    if (end == std::string_view::npos) {
        return {};
    }
    const auto claims = Json::parse(decoded(token.substr(begin + 1, end - begin - 1)), nullptr, false);
    return {text_at(claims, "/kubernetes.io/namespace"), text_at(claims, "/kubernetes.io/pod/name"),
            text_at(claims, "/kubernetes.io/pod/uid"), text_at(claims, "/kubernetes.io/serviceaccount/name")};
}

Result<Account> read_account(const Surroundings& surroundings) {
    if (surroundings.host.empty()) {
        return Error{ErrorKind::usage, "this is no pod of a cluster: KUBERNETES_SERVICE_HOST is not set",
                     "run it in a pod, or switch off what is on below [kubernetes] in the settings"};
    }
    auto token = read_token(surroundings);
    if (!token) {
        return std::move(token).error();
    }
    auto ca = read_ca(surroundings);
    if (!ca) {
        return std::move(ca).error();
    }
    auto identity = identity_of(surroundings, *token);
    if (!identity) {
        return std::move(identity).error();
    }
    const bool is_v6 = surroundings.host.find(':') != std::string::npos;
    Account account;
    account.url = "https://" + (is_v6 ? "[" + surroundings.host + "]" : surroundings.host) + ":" +
                  (surroundings.port.empty() ? "443" : surroundings.port);
    account.ca = std::move(*ca);
    account.token = Secret(std::move(*token));
    account.identity = std::move(*identity);
    return account;
}

}  // namespace lifeboat::kubernetes
