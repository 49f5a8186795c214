// What a provider's host names tell about its regions.
#pragma once

#include <string>
#include <string_view>

namespace lifeboat::s3 {

// The region to sign for at `host` (lower case, without a port), or us-east-1 where the name tells none: MinIO and Ceph
// take that.
std::string region_of_host(std::string_view host);

// A host of AWS itself, in any of its partitions.
bool is_aws_host(std::string_view host);

// "s3.eu-west-1.amazonaws.com": AWS's host for a region, in the partition that the region belongs to.
std::string aws_host(std::string_view region);

}  // namespace lifeboat::s3
