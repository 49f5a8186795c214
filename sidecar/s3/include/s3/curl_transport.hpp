// HTTP and TLS by libcurl, with connections that are used again.
#pragma once

#include "s3/http.hpp"
#include "stream/rate_limit.hpp"

#include <filesystem>
#include <memory>
#include <optional>

namespace lifeboat::s3 {

struct CurlOptions {
    std::optional<std::filesystem::path> ca_file;    // PEM, instead of the system's certificates
    std::shared_ptr<stream::RateLimit> upload_rate;  // shared by all requests; null: unlimited
};

// HTTP/1.1, no redirects followed (a signature holds for one host and path), proxies as libcurl takes them from the
// environment (https_proxy, http_proxy, no_proxy). Each request under way has a connection of its own; idle ones wait
// for the next request, and one that broke is never used again.
std::unique_ptr<Transport> curl_transport(CurlOptions options);

}  // namespace lifeboat::s3
