#include "config/values.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <utility>

#include "raw.hpp"
#include "result/in_quotes.hpp"

namespace lifeboat::config {
namespace {

Error wrong(std::string what, std::string next) {
    return {ErrorKind::usage, std::move(what), std::move(next)};
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool only(std::string_view text, std::string_view also) {
    return std::all_of(text.begin(), text.end(), [also](char c) {
        return is_digit(c) || is_letter(c) || also.find(c) != std::string_view::npos;
    });
}

// Takes the digits at the front of `text`; nothing where there are none or too many.
std::optional<std::uint64_t> take_number(std::string_view& text) {
    std::uint64_t number = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (code != std::errc{}) {
        return std::nullopt;
    }
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return number;
}

struct SizeUnit {
    std::string_view name;
    Size bytes;
};
// Binary before decimal: of two units that fit equally well, the first is written.
constexpr std::array<SizeUnit, 10> size_units = {{{"TiB", gibibyte * 1024},
                                                  {"GiB", gibibyte},
                                                  {"MiB", mebibyte},
                                                  {"KiB", kibibyte},
                                                  {"TB", 1'000'000'000'000},
                                                  {"GB", 1'000'000'000},
                                                  {"MB", 1'000'000},
                                                  {"kB", 1'000},
                                                  {"KB", 1'000},
                                                  {"B", 1}}};

}  // namespace

Result<Size> parse_size(std::string_view text) {
    std::string_view name = text;
    const auto number = take_number(name);
    const auto* unit = std::find_if(size_units.begin(), size_units.end(), [name](const SizeUnit& each) {
        return each.name == name || (name.empty() && each.name == "B");
    });
    if (!number || unit == size_units.end()) {
        return wrong(in_quotes(text) + " is no size",
                     "write a whole number with KiB, MiB, GiB, kB, MB or GB, such as \"8MiB\"");
    }
    if (*number > std::numeric_limits<std::int64_t>::max() / unit->bytes) {
        return wrong(in_quotes(text) + " is too large", "write a smaller size");
    }
    return *number * unit->bytes;
}

std::string write_size(Size size) {
    const SizeUnit* best = &size_units.back();
    for (const SizeUnit& unit : size_units) {
        if (size > 0 && size % unit.bytes == 0 && unit.bytes > best->bytes) {
            best = &unit;
        }
    }
    return std::to_string(size / best->bytes) + std::string(best->name);
}

Result<Rate> parse_rate(std::string_view text) {
    if (text.ends_with("/s")) {
        if (auto size = parse_size(text.substr(0, text.size() - 2)); size && *size > 0) {
            return *size;
        }
    }
    return wrong(in_quotes(text) + " is no rate", "write it like \"10MiB/s\", or \"unlimited\"");
}

std::string write_rate(Rate rate) {
    return write_size(rate) + "/s";
}

namespace {

bool is_ipv4(const std::string& host) {
    in_addr parsed{};
    return ::inet_pton(AF_INET, host.c_str(), &parsed) == 1;
}

bool is_ipv6(const std::string& host) {
    in6_addr parsed{};
    return ::inet_pton(AF_INET6, host.c_str(), &parsed) == 1;
}

bool is_host_name(std::string_view host) {
    if (host.empty() || host.size() > 253 || !only(host, ".-") || host.front() == '-' || host.front() == '.') {
        return false;
    }
    // Digits and dots alone are a mistyped address, not a name.
    return std::any_of(host.begin(), host.end(), is_letter);
}

// "[::1]" and "::1" apart from names and IPv4; the brackets must have been there for IPv6.
std::optional<std::string> take_host(std::string_view text) {
    if (text.starts_with('[') && text.ends_with(']') && text.size() > 2) {
        std::string inner(text.substr(1, text.size() - 2));
        return is_ipv6(inner) ? std::optional(std::move(inner)) : std::nullopt;
    }
    std::string host(text);
    return is_ipv4(host) || is_host_name(host) ? std::optional(std::move(host)) : std::nullopt;
}

std::optional<std::uint16_t> take_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (code != std::errc{} || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return port;
}

}  // namespace

Result<HostPort> parse_host_port(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon != std::string_view::npos) {
        auto host = take_host(text.substr(0, colon));
        const auto port = take_port(text.substr(colon + 1));
        if (host && port) {
            return HostPort{std::move(*host), *port};
        }
    }
    return wrong(in_quotes(text) + " is no address with a port",
                 "write it like \"127.0.0.1:9848\", or \"[::]:9847\" with brackets around IPv6");
}

std::string write_host_port(const HostPort& address) {
    const bool brackets = address.host.find(':') != std::string::npos;
    return (brackets ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

bool is_loopback(const HostPort& address) {
    if (is_ipv4(address.host)) {
        return address.host.starts_with("127.");
    }
    in6_addr parsed{};
    if (::inet_pton(AF_INET6, address.host.c_str(), &parsed) == 1) {
        return std::equal(std::begin(parsed.s6_addr), std::end(parsed.s6_addr), std::begin(in6addr_loopback.s6_addr));
    }
    return address.host == "localhost";
}

namespace {

// "a/b", no empty, "." or ".." segment: a key must be the same text for every client.
bool is_clean_prefix(std::string_view prefix) {
    while (true) {
        const std::size_t slash = prefix.find('/');
        const std::string_view segment = prefix.substr(0, slash);
        if (segment.empty() || segment == "." || segment == "..") {
            return false;
        }
        if (slash == std::string_view::npos) {
            return true;
        }
        prefix.remove_prefix(slash + 1);
    }
}

// 3 to 63 by AWS's rules; capitals are allowed because some stores do.
bool is_bucket_name(std::string_view bucket) {
    return bucket.size() >= 3 && bucket.size() <= 63 && only(bucket, ".-") && bucket.front() != '-' &&
           bucket.front() != '.' && bucket.back() != '-' && bucket.back() != '.';
}

std::string_view without_slashes_behind(std::string_view text) {
    while (text.ends_with('/')) {
        text.remove_suffix(1);
    }
    return text;
}

Result<StoreUrl> parse_s3_url(std::string_view rest) {
    rest = without_slashes_behind(rest);
    const std::size_t slash = rest.find('/');
    const std::string_view bucket = rest.substr(0, slash);
    if (!is_bucket_name(bucket)) {
        // Not quoted: people paste keys in front of the bucket.
        return wrong("has no valid bucket name",
                     "write s3://BUCKET or s3://BUCKET/PREFIX, and keys in their own settings");
    }
    StoreUrl url;
    url.kind = StoreUrl::Kind::s3;
    url.bucket = bucket;
    if (slash != std::string_view::npos) {
        url.prefix = rest.substr(slash + 1);
        if (!only(url.prefix, "-._/") || !is_clean_prefix(url.prefix)) {
            return wrong("prefix " + in_quotes(url.prefix) + " cannot be part of a key",
                         "use letters, digits and -._ between single slashes");
        }
    }
    url.text = "s3://" + std::string(rest);
    return url;
}

Result<StoreUrl> parse_file_url(std::string_view path) {
    if (!path.starts_with('/')) {
        return wrong("names no absolute folder", "write file:/// and the path, such as file:///var/lib/lifeboat");
    }
    if (path.find('%') != std::string_view::npos || path.find('\0') != std::string_view::npos) {
        return wrong("holds a percent sign", "write the path as it is; percent-encoding is not decoded");
    }
    const std::string normal = std::filesystem::path(path).lexically_normal().string();
    StoreUrl url;
    url.kind = StoreUrl::Kind::folder;
    url.folder = without_slashes_behind(normal);
    if (url.folder.empty()) {
        return wrong("names the root folder", "give backups a folder of their own, such as file:///var/lib/lifeboat");
    }
    url.text = "file://" + url.folder.string();
    return url;
}

}  // namespace

Result<StoreUrl> parse_store_url(std::string_view text) {
    constexpr std::string_view s3_scheme = "s3://";
    constexpr std::string_view file_scheme = "file://";
    if (text.starts_with(s3_scheme)) {
        return parse_s3_url(text.substr(s3_scheme.size()));
    }
    if (text.starts_with(file_scheme)) {
        return parse_file_url(text.substr(file_scheme.size()));
    }
    return wrong("is no store", "write s3://BUCKET/PREFIX, or file:///FOLDER");
}

Result<std::string> parse_endpoint(std::string_view text) {
    const std::string_view whole = without_slashes_behind(text);
    const std::size_t scheme = whole.starts_with("https://") ? 8 : whole.starts_with("http://") ? 7 : 0;
    const std::string_view authority = whole.substr(scheme);
    const std::size_t colon = authority.rfind(':');
    const bool has_port = colon != std::string_view::npos && !authority.ends_with(']');
    const bool good_port = !has_port || take_port(authority.substr(colon + 1)).value_or(0) != 0;
    if (scheme == 0 || !good_port || !take_host(has_port ? authority.substr(0, colon) : authority)) {
        return wrong("is no endpoint",
                     "write it like \"https://s3.us-west-004.backblazeb2.com\", without path or user");
    }
    return std::string(whole);
}

Result<ObjectLock> parse_object_lock(std::string_view text) {
    constexpr std::string_view mode = "compliance:";
    if (text.starts_with(mode)) {
        if (auto retain = parse_duration(text.substr(mode.size())); retain && *retain > Duration::zero()) {
            return ObjectLock{*retain};
        }
    }
    return wrong(in_quotes(text) + " is no object lock",
                 "write \"none\", or the days to lock for, such as \"compliance:30d\"");
}

namespace {

constexpr std::string_view hidden = "(hidden)";

bool tells_a_secret(std::string_view name) {
    // A name that is encoded or in capitals could be any.
    const bool plain = std::all_of(name.begin(), name.end(), [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
    return !plain || name.find("pass") != std::string_view::npos || name.find("secret") != std::string_view::npos;
}

std::string mask_parameter(std::string_view pair) {
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos) {
        return std::string(hidden);
    }
    const std::string_view name = pair.substr(0, equals);
    return tells_a_secret(name) ? std::string(name) + "=" + std::string(hidden) : std::string(pair);
}

std::string mask_query(std::string_view query) {
    std::string shown;
    while (true) {
        const std::size_t end = query.find('&');
        shown += mask_parameter(query.substr(0, end));
        if (end == std::string_view::npos) {
            return shown;
        }
        shown += '&';
        query.remove_prefix(end + 1);
    }
}

std::string mask_user(std::string_view user) {
    const std::size_t colon = user.find(':');
    return colon == std::string_view::npos ? std::string(user)
                                           : std::string(user.substr(0, colon + 1)) + std::string(hidden);
}

// "user:password" without a host reads like a host with a port that is none.
bool has_numeric_ports(std::string_view hosts) {
    bool in_brackets = false;
    bool in_port = false;
    for (const char c : hosts) {
        if (in_port && c != ',' && !is_digit(c)) {
            return false;
        }
        in_brackets = c == '[' || (in_brackets && c != ']');
        in_port = (c == ':' && !in_brackets) || (in_port && c != ',');
    }
    return true;
}

}  // namespace

std::string mask_uri(std::string_view uri) {
    const std::size_t scheme_end = uri.find("://");
    if (scheme_end == std::string_view::npos) {
        return std::string(hidden);
    }
    const std::string scheme(uri.substr(0, scheme_end + 3));
    std::string_view rest = uri.substr(scheme.size());
    std::string shown;
    if (const std::size_t at = rest.find('@'); at != std::string_view::npos) {
        // Not where RFC 3986 has it: an unencoded password, of which any part could be the rest.
        if (rest.find_first_of("/?") < at || rest.find('@', at + 1) != std::string_view::npos) {
            return scheme + std::string(hidden);
        }
        shown = mask_user(rest.substr(0, at)) + "@";
        rest.remove_prefix(at + 1);
    }
    const std::string_view hosts = rest.substr(0, rest.find_first_of("/?"));
    if (!has_numeric_ports(hosts)) {
        return scheme + std::string(hidden);
    }
    const std::size_t question = rest.find('?');
    shown += rest.substr(0, question);
    return scheme + shown + (question == std::string_view::npos ? "" : "?" + mask_query(rest.substr(question + 1)));
}

}  // namespace lifeboat::config
