// Where requests go: from the settings to a scheme, a host and a region.
#pragma once

#include "result/result.hpp"

#include <optional>
#include <string>

namespace lifeboat::s3 {

enum class Addressing { automatic, path, virtual_host };

struct Endpoint {
    std::string scheme;  // "https" or "http"
    std::string host;    // lower case, as in the Host header: with a port where it is not the scheme's own
    std::string region;  // to sign for
};

// `endpoint`: "https://HOST[:PORT]" or "http://…", with or without a slash at its end; empty: AWS in `region`.
// `region` empty: derived from the host (Backblaze B2, AWS, R2, DigitalOcean Spaces, Wasabi, Scaleway, OVH, Hetzner,
// Linode and others that put it there), else us-east-1, which MinIO and Ceph take. ErrorKind::usage for anything that
// is no such URL: with a path, a query, or a user in it.
Result<Endpoint> resolve_endpoint(const std::optional<std::string>& endpoint, const std::optional<std::string>& region);

// How a bucket is addressed at an endpoint.
struct BucketAddress {
    std::string host;         // "bucket.s3.eu-west-1.amazonaws.com", or the endpoint's host
    std::string path_prefix;  // "/bucket", or empty; not encoded
};

// Automatic: the bucket in the host on amazonaws.com, in the path elsewhere. A bucket whose name cannot stand in a
// TLS certificate's wildcard (it holds a dot) is never put into an https host.
BucketAddress address_bucket(const Endpoint& endpoint, const std::string& bucket, Addressing addressing);

}  // namespace lifeboat::s3
