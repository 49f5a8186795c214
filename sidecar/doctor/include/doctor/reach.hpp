// Where a store is, as far as the name of its host tells. Pure: nothing is looked up.
#pragma once

#include <string>

namespace lifeboat::doctor {

enum class Reach {
    outside,          // a public name or address
    private_network,  // an address of RFC 1918, RFC 6598 or RFC 4193, a name that no public name server knows
    cluster,          // a name of a Kubernetes service
    this_machine,     // loopback
};

// `host`: without a port; IPv6 with or without [].
Reach reach_of(const std::string& host);

}  // namespace lifeboat::doctor
