#include "doctor/reach.hpp"

#include <arpa/inet.h>
#include <cstdint>
#include <optional>
#include <string_view>

namespace lifeboat::doctor {
namespace {

bool ends_with(const std::string& text, std::string_view end) {
    return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

bool is_private_v4(std::uint32_t address) {
    const auto in = [address](std::uint32_t network, unsigned bits) {
        return (address >> (32U - bits)) == (network >> (32U - bits));
    };
    return in(0x0A000000, 8) || in(0xAC100000, 12) || in(0xC0A80000, 16) || in(0x64400000, 10) || in(0xA9FE0000, 16);
}

std::optional<Reach> reach_of_address(const std::string& host) {
    in_addr v4{};
    if (::inet_pton(AF_INET, host.c_str(), &v4) == 1) {
        const auto address = ntohl(v4.s_addr);
        return (address >> 24U) == 127U ? Reach::this_machine
               : is_private_v4(address) ? Reach::private_network
                                        : Reach::outside;
    }
    in6_addr v6{};
    const std::string bare = host.size() > 2 && host.front() == '[' ? host.substr(1, host.size() - 2) : host;
    if (::inet_pton(AF_INET6, bare.c_str(), &v6) == 1) {
        const bool unique_local = (v6.s6_addr[0] & 0xFEU) == 0xFCU;
        const bool link_local = v6.s6_addr[0] == 0xFEU && (v6.s6_addr[1] & 0xC0U) == 0x80U;
        return IN6_IS_ADDR_LOOPBACK(&v6)    ? Reach::this_machine
               : unique_local || link_local ? Reach::private_network
                                            : Reach::outside;
    }
    return std::nullopt;
}

}  // namespace

Reach reach_of(const std::string& host) {
    if (const auto address = reach_of_address(host)) {
        return *address;
    }
    if (host == "localhost" || ends_with(host, ".localhost")) {
        return Reach::this_machine;
    }
    const bool service = ends_with(host, ".svc") || ends_with(host, ".cluster.local") ||
                         host.find(".svc.") != std::string::npos || host.find('.') == std::string::npos;
    if (service) {
        return Reach::cluster;
    }
    const bool is_private = ends_with(host, ".internal") || ends_with(host, ".local") || ends_with(host, ".lan");
    return is_private ? Reach::private_network : Reach::outside;
}

}  // namespace lifeboat::doctor
