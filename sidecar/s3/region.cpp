#include "region.hpp"

#include <algorithm>
#include <array>
#include <optional>

namespace lifeboat::s3 {
namespace {

constexpr std::string_view fallback = "us-east-1";

// AWS's partitions, from botocore's partitions.json.
struct Partition {
    std::string_view region_prefix;
    std::string_view suffix;
};
constexpr std::array<Partition, 7> partitions{{
    {"cn-", "amazonaws.com.cn"},
    {"eusc-", "amazonaws.eu"},
    {"us-iso-", "c2s.ic.gov"},
    {"us-isob-", "sc2s.sgov.gov"},
    {"eu-isoe-", "cloud.adc-e.uk"},
    {"us-isof-", "csp.hci.ic.gov"},
    {"", "amazonaws.com"},
}};

// Providers whose hosts name the region in the label before the suffix: "s3.eu-central-003.backblazeb2.com",
// "nyc3.digitaloceanspaces.com", "sos-ch-gva-2.exo.io".
struct Provider {
    std::string_view suffix;
    std::string_view before_region;  // within the label
};
constexpr std::array<Provider, 14> providers{{
    {"backblazeb2.com", ""},
    {"cloud.ovh.net", ""},
    {"cloud.ovh.us", ""},
    {"digitaloceanspaces.com", ""},
    {"exo.io", "sos-"},
    {"io.cloud.ovh.net", ""},
    {"io.cloud.ovh.us", ""},
    {"ionoscloud.com", "s3-"},
    {"linodeobjects.com", ""},
    {"outscale.com", ""},
    {"perf.cloud.ovh.net", ""},
    {"scw.cloud", ""},
    {"wasabisys.com", ""},
    {"your-objectstorage.com", ""},
}};

// Hosts that go by a fixed region.
struct Fixed {
    std::string_view suffix;
    std::string_view region;
};
constexpr std::array<Fixed, 5> fixed_regions{{
    {"r2.cloudflarestorage.com", "auto"},
    {"s3-eu-central-1.ionoscloud.com", "de"},
    {"storage.googleapis.com", "auto"},
    {"storage.tigris.dev", "auto"},
    {"t3.storage.dev", "auto"},  // Tigris too
}};

// What stands before ".suffix"; empty for the suffix itself, nothing for another host.
std::optional<std::string_view> before_suffix(std::string_view host, std::string_view suffix) {
    if (host == suffix) {
        return std::string_view();
    }
    if (!host.ends_with(suffix) || host[host.size() - suffix.size() - 1] != '.') {
        return std::nullopt;
    }
    return host.substr(0, host.size() - suffix.size() - 1);
}

std::string_view last_label(std::string_view name) {
    return name.substr(name.rfind('.') + 1);  // npos + 1 is 0
}

std::string_view without_last_label(std::string_view name) {
    const std::size_t dot = name.rfind('.');
    return dot == std::string_view::npos ? std::string_view() : name.substr(0, dot);
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

// "eu-west-1", "us-gov-east-1": two hyphens at least, and a number behind the last. "s3-external-1" has but one
// behind its prefix.
bool looks_like_aws_region(std::string_view label) {
    const std::size_t hyphen = label.rfind('-');
    if (hyphen == std::string_view::npos || hyphen + 1 == label.size()) {
        return false;
    }
    const std::string_view number = label.substr(hyphen + 1);
    return std::all_of(number.begin(), number.end(), is_digit) && std::count(label.begin(), label.end(), '-') >= 2;
}

// "s3.eu-west-1", "s3-eu-west-1", "s3.dualstack.eu-west-1", "bucket.vpce-1a2b.s3.eu-west-1.vpce": the last label that
// looks like one.
std::optional<std::string> aws_region(std::string_view name) {
    for (; !name.empty(); name = without_last_label(name)) {
        std::string_view label = last_label(name);
        label.remove_prefix(label.starts_with("s3-") ? 3 : 0);
        if (!label.starts_with("vpce-") && looks_like_aws_region(label)) {
            return std::string(label);
        }
    }
    return std::nullopt;
}

std::optional<std::string_view> name_at_aws(std::string_view host) {
    for (const Partition& partition : partitions) {
        if (const auto name = before_suffix(host, partition.suffix)) {
            return name;
        }
    }
    return std::nullopt;
}

std::optional<std::string> fixed_region(std::string_view host) {
    for (const Fixed& fixed : fixed_regions) {
        if (before_suffix(host, fixed.suffix)) {
            return std::string(fixed.region);
        }
    }
    return std::nullopt;
}

// The provider with the longest suffix that fits.
std::optional<std::string> provider_region(std::string_view host) {
    const Provider* found = nullptr;
    for (const Provider& provider : providers) {
        if (before_suffix(host, provider.suffix) &&
            (found == nullptr || provider.suffix.size() > found->suffix.size())) {
            found = &provider;
        }
    }
    if (found == nullptr) {
        return std::nullopt;
    }
    std::string_view label = last_label(*before_suffix(host, found->suffix));
    label.remove_prefix(label.starts_with(found->before_region) ? found->before_region.size() : 0);
    if (label.empty() || label == "s3") {  // "s3.wasabisys.com"
        return std::nullopt;
    }
    return std::string(label);
}

}  // namespace

std::string region_of_host(std::string_view host) {
    if (const auto name = name_at_aws(host)) {
        return aws_region(*name).value_or(std::string(fallback));
    }
    if (auto region = fixed_region(host)) {
        return *region;
    }
    return provider_region(host).value_or(std::string(fallback));
}

bool is_aws_host(std::string_view host) {
    return name_at_aws(host).has_value();
}

std::string aws_host(std::string_view region) {
    const auto* partition = std::find_if(partitions.begin(), partitions.end(), [&](const Partition& candidate) {
        return region.starts_with(candidate.region_prefix);
    });
    return "s3." + std::string(region) + "." + std::string(partition->suffix);  // the last one fits every region
}

}  // namespace lifeboat::s3
