// Any request at all: it is signed without harm, by the rules that make a signature the same for everyone; and any
// text as an endpoint. The input's lines are the method, the path, the host or endpoint, the region, and then
// "?name=value" for a parameter and "name:value" for a header.
#include "s3/signer.hpp"
#include "s3/endpoint.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace {

namespace s3 = lifeboat::s3;

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

std::string take_until(std::string_view& text, char separator) {
    const std::size_t at = std::min(text.find(separator), text.size());
    std::string taken(text.substr(0, at));
    text.remove_prefix(std::min(at + 1, text.size()));
    return taken;
}

void add_line(s3::SigningInput& input, std::string_view line) {
    if (line.starts_with('?')) {
        line.remove_prefix(1);
        const std::string name = take_until(line, '=');
        input.query.emplace_back(name, line);
        return;
    }
    const std::string name = take_until(line, ':');
    if (!name.empty()) {
        input.headers[name] = line;
    }
}

void check_encoding(const std::string& text) {
    const std::string encoded = s3::encode(text);
    require(s3::decode(encoded) == text);
    require(s3::decode(s3::encode_path(text)) == text);
    require(encoded.find_first_of("/+ =&?") == std::string::npos);
    (void)s3::decode(text);
}

s3::Query parse_query(std::string_view text) {
    s3::Query query;
    while (!text.empty()) {
        const std::string parameter = take_until(text, '&');
        std::string_view rest = parameter;
        const std::string name = take_until(rest, '=');
        query.emplace_back(name, rest);
    }
    return query;
}

// Sorted, the same whatever the order was, and losing nothing.
void check_query(s3::Query query) {
    const std::string canonical = s3::canonical_query(query);
    s3::Query written = parse_query(canonical);
    require(std::is_sorted(written.begin(), written.end()));
    std::reverse(query.begin(), query.end());
    require(s3::canonical_query(query) == canonical);
    for (auto& [name, value] : written) {
        name = s3::decode(name).value();
        value = s3::decode(value).value();
    }
    std::sort(written.begin(), written.end());
    std::sort(query.begin(), query.end());
    require(written == query);
}

void check_endpoint(const std::string& endpoint, const std::string& region) {
    const auto resolved = s3::resolve_endpoint(endpoint, region);
    if (!resolved) {
        return;
    }
    require(!resolved->host.empty() && !resolved->region.empty());
    require(resolved->host.find_first_of("/?#@ \r\n") == std::string::npos);
    const auto again = s3::resolve_endpoint(resolved->scheme + "://" + resolved->host, region);
    require(again.ok() && again->host == resolved->host && again->region == resolved->region);
}

void check_signature(const s3::SigningInput& input, const std::string& region) {
    const s3::Credentials credentials{"key", lifeboat::Secret("secret-key"), lifeboat::Secret("token")};
    const auto now = std::chrono::system_clock::time_point(std::chrono::seconds(1'763'777'829));
    const s3::Headers added = s3::sign(input, credentials, region, now);
    require(added.size() == 4);
    s3::SigningInput again = input;
    for (const auto& [name, value] : added) {
        again.headers[name] = value;
    }
    require(s3::sign(again, credentials, region, now) == added);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);  // NOLINT(*-reinterpret-cast)
    check_encoding(std::string(text));
    s3::SigningInput input;
    input.method = take_until(text, '\n');
    input.path = take_until(text, '\n');
    const std::string host = take_until(text, '\n');
    const std::string region = take_until(text, '\n');
    input.headers["host"] = host;
    input.payload_hash = s3::empty_payload;
    while (!text.empty()) {
        add_line(input, take_until(text, '\n'));
    }
    check_query(input.query);
    check_endpoint(host, region);
    check_signature(input, region);
    return 0;
}
