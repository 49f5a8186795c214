// What the reply to a message means.
#pragma once

#include "health/facts.hpp"
#include "result/result.hpp"
#include "s3/http.hpp"

#include <chrono>
#include <optional>

namespace lifeboat::notify {

struct Failure {
    Error error;  // kind temporary: another try may help
    std::optional<std::chrono::milliseconds> retry_after = std::nullopt;
};

// Empty: delivered. The error names the setting and the server's answer, and neither the address nor anything that
// libcurl or the server said: both may quote the address.
std::optional<Failure> failure_of(const s3::HttpReply& reply, health::Hook hook, health::TimePoint now);

}  // namespace lifeboat::notify
