// Where requests go: from the settings to a scheme, a host and a region.
#pragma once

#include "result/result.hpp"

#include <optional>
#include <string>

namespace lifeboat::s3 {

enum class Addressing { automatic, path, virtual_host };

struct Endpoint {
    std::string scheme;  // "https" or "http"
    std::string host;    // lower case, as in the Host header: with a port where it is not the scheme's own; IPv6 in []
    std::string region;  // to sign for
};

// `endpoint`: "https://HOST[:PORT]" or "http://…", with or without a slash at its end; none or "": AWS in `region`.
// `region` none or "": derived from the host (Backblaze B2, AWS, R2, DigitalOcean Spaces, Wasabi, Scaleway, OVH,
// Hetzner, Linode and others that put it there), else us-east-1, which MinIO and Ceph take. ErrorKind::usage for
// anything that is no such URL: with a path, a query, or a user in it; and for a region that is no name. The error
// repeats nothing of what was written, for people paste keys into URLs.
Result<Endpoint> resolve_endpoint(const std::optional<std::string>& endpoint, const std::optional<std::string>& region);

// How a bucket is addressed at an endpoint.
struct BucketAddress {
    std::string host;         // "bucket.s3.eu-west-1.amazonaws.com", or the endpoint's host
    std::string path_prefix;  // "/bucket", or empty; not encoded; a key follows with a slash of its own
};

// Automatic: the bucket in the host at AWS (but for private links), in the path elsewhere. A bucket whose name cannot
// stand in a TLS certificate's wildcard (it holds a dot) is never put into an https host, one with capitals or
// underscores into none, and none is put in front of an IP address: those stand in the path whatever is asked for.
BucketAddress address_bucket(const Endpoint& endpoint, const std::string& bucket, Addressing addressing);

}  // namespace lifeboat::s3
