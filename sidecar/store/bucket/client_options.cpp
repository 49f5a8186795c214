#include "bucket/client_options.hpp"

#include "s3/curl_transport.hpp"
#include "stream/rate_limit.hpp"

#include <utility>

namespace lifeboat::store {
namespace {

Status check_options(const S3Options& options) {
    if (options.part_size == 0 || options.uploads == 0 || options.largest_part_number == 0 || options.bucket.empty()) {
        return Error{ErrorKind::usage, "a bucket, a part size, and a number of parts and of uploads are needed",
                     "set store.url, store.part_size and store.uploads"};
    }
    return s3::check_credentials(options.credentials());
}

}  // namespace

Result<s3::ClientOptions> client_options_of(const S3Options& options) {
    if (auto usable = check_options(options); !usable) {
        return std::move(usable).error();
    }
    auto endpoint = s3::resolve_endpoint(options.endpoint, options.region);
    if (!endpoint) {
        return std::move(endpoint).error();
    }
    s3::ClientOptions client{*std::move(endpoint), options.bucket, options.addressing, options.credentials, {}, {}};
    client.retry.budget = options.retry_for;
    client.retry.before_retry = options.before_retry;
    client.stall_after = options.stall_after;
    return client;
}

std::unique_ptr<s3::Transport> transport_of(const S3Options& options) {
    s3::CurlOptions curl{options.ca_file, nullptr};
    if (options.upload_rate) {
        curl.upload_rate = std::make_shared<stream::RateLimit>(*options.upload_rate, std::chrono::steady_clock::now());
    }
    return s3::curl_transport(std::move(curl));
}

}  // namespace lifeboat::store
