// From a store's options to the client of its bucket.
#pragma once

#include "s3/client.hpp"
#include "store/s3_store.hpp"

#include <memory>

namespace lifeboat::store {

// ErrorKind::usage when they cannot be right.
Result<s3::ClientOptions> client_options_of(const S3Options& options);

std::unique_ptr<s3::Transport> transport_of(const S3Options& options);

}  // namespace lifeboat::store
