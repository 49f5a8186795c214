#include "s3/endpoint.hpp"

#include "region.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace lifeboat::s3 {
namespace {

constexpr std::size_t longest_host = 253;
constexpr std::size_t longest_label = 63;

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool is_lower_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

std::string lowered(std::string_view text) {
    std::string result(text);
    std::transform(result.begin(), result.end(), result.begin(), lower);
    return result;
}

// Nothing of what was written is repeated: people paste keys into URLs.
Error no_endpoint(const std::string& why) {
    return {ErrorKind::usage, "the endpoint " + why,
            "write it like \"https://s3.us-west-004.backblazeb2.com\"; the bucket belongs into the store's own "
            "address, keys into their own settings"};
}

bool is_label(std::string_view label) {
    return !label.empty() && label.size() <= longest_label &&
           std::all_of(label.begin(), label.end(), [](char c) { return is_lower_or_digit(c) || c == '-' || c == '_'; });
}

bool is_host_name(std::string_view host) {
    if (host.size() > longest_host) {
        return false;
    }
    for (std::size_t dot = host.find('.'); dot != std::string_view::npos; dot = host.find('.')) {
        if (!is_label(host.substr(0, dot))) {
            return false;
        }
        host.remove_prefix(dot + 1);
    }
    return is_label(host);
}

bool is_ipv4(const std::string& host) {
    in_addr parsed{};
    return ::inet_pton(AF_INET, host.c_str(), &parsed) == 1;
}

// With its brackets.
bool is_ipv6(const std::string& host) {
    in6_addr parsed{};
    return host.size() > 2 && host.front() == '[' && host.back() == ']' && host.find('\0') == std::string::npos &&
           ::inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), &parsed) == 1;
}

std::string_view without_port(std::string_view host) {
    const std::size_t colon = host.rfind(':');
    return colon == std::string_view::npos || host.ends_with(']') ? host : host.substr(0, colon);
}

bool is_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), port);
    return code == std::errc{} && end == text.data() + text.size() && port != 0 && text.front() != '0';
}

// HTTP clients leave the scheme's own port out of the Host header, and the signature is over that header.
std::string_view own_port(std::string_view scheme) {
    return scheme == "https" ? "443" : "80";
}

Result<std::string> parse_authority(std::string_view scheme, const std::string& authority) {
    const std::string host(without_port(authority));
    if (!is_host_name(host) && !is_ipv6(host)) {
        return no_endpoint("has no valid host name");
    }
    if (host.size() == authority.size()) {
        return host;
    }
    const std::string port = authority.substr(host.size() + 1);
    if (!is_port(port)) {
        return no_endpoint("has no valid port: 1 to 65535");
    }
    return port == own_port(scheme) ? host : authority;
}

Result<Endpoint> parse_url(std::string_view url) {
    const std::size_t separator = url.find("://");
    const std::string scheme = separator == std::string_view::npos ? "" : lowered(url.substr(0, separator));
    if (scheme != "https" && scheme != "http") {
        return no_endpoint("does not begin with https:// or http://");
    }
    std::string_view rest = url.substr(separator + 3);
    if (rest.find('@') != std::string_view::npos) {
        return no_endpoint("has a user in it");
    }
    while (rest.ends_with('/')) {
        rest.remove_suffix(1);
    }
    if (rest.find_first_of("/?#") != std::string_view::npos) {
        return no_endpoint("has more than a host in it");
    }
    auto host = parse_authority(scheme, lowered(rest));
    if (!host) {
        return std::move(host).error();
    }
    return Endpoint{scheme, std::move(host).value(), ""};
}

// It becomes part of a header and of AWS's host name.
bool is_region(std::string_view region) {
    return region.size() <= longest_label && std::all_of(region.begin(), region.end(), [](char c) {
               return is_lower_or_digit(lower(c)) || c == '-' || c == '_';
           });
}

// TLS wildcards cover one label, and host names know no capitals.
bool fits_into_host(const Endpoint& endpoint, std::string_view bucket) {
    return bucket.size() <= longest_label && std::all_of(bucket.begin(), bucket.end(), [&](char c) {
               return is_lower_or_digit(c) || c == '-' || (c == '.' && endpoint.scheme == "http");
           });
}

// AWS knows lower case only; what others call their regions is theirs.
std::string region_for(std::string_view host, const std::string& given) {
    if (given.empty()) {
        return region_of_host(host);
    }
    return is_aws_host(host) ? lowered(given) : given;
}

bool wants_bucket_in_host(std::string_view host, Addressing addressing) {
    // A private link's host takes both, and has a certificate for the path's sake.
    const bool by_itself = is_aws_host(host) && !host.ends_with(".vpce.amazonaws.com");
    return addressing == Addressing::virtual_host || (addressing == Addressing::automatic && by_itself);
}

}  // namespace

Result<Endpoint> resolve_endpoint(const std::optional<std::string>& endpoint,
                                  const std::optional<std::string>& region) {
    const std::string given = region.value_or("");
    if (!is_region(given)) {
        return Error{ErrorKind::usage, "the region is no region's name",
                     "write it like \"us-west-004\", or leave it out where the endpoint tells it"};
    }
    if (!endpoint || endpoint->empty()) {
        const std::string name = given.empty() ? "us-east-1" : lowered(given);
        return Endpoint{"https", aws_host(name), name};
    }
    auto resolved = parse_url(*endpoint);
    if (resolved) {
        resolved->region = region_for(without_port(resolved->host), given);
    }
    return resolved;
}

BucketAddress address_bucket(const Endpoint& endpoint, const std::string& bucket, Addressing addressing) {
    const std::string host(without_port(endpoint.host));
    const bool has_name = !is_ipv4(host) && !is_ipv6(host);
    if (has_name && wants_bucket_in_host(host, addressing) && fits_into_host(endpoint, bucket)) {
        return {bucket + "." + endpoint.host, ""};
    }
    return {endpoint.host, "/" + bucket};
}

}  // namespace lifeboat::s3
