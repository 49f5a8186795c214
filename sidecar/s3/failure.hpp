// What a reply that is none of success means: for the program, and in words.
#pragma once

#include "s3/client.hpp"

namespace lifeboat::s3 {

// Where something was asked, for messages.
struct Asked {
    const Call& call;
    const std::string& bucket;
    const Endpoint& endpoint;
};

// The failure that `reply` is; nothing if it is a success. An <Error> in the body of a 200 is a failure.
std::optional<Failure> failure_of(const HttpReply& reply, const Asked& asked,
                                  std::chrono::system_clock::time_point now);

}  // namespace lifeboat::s3
