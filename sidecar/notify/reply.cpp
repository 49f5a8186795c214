#include "reply.hpp"

#include "health/names.hpp"

#include <utility>

namespace lifeboat::notify {
namespace {

using health::Hook;

Failure failure(ErrorKind kind, Hook hook, const std::string& what, std::string next) {
    return {{kind, "notify." + std::string(health::name_of(hook)) + ": " + what, std::move(next), {}}, std::nullopt};
}

// Where healthchecks.io ignores a ping it answers 200 all the same.
std::optional<Failure> ignored_ping(const std::string& body) {
    if (body.starts_with("OK (not found)")) {
        return failure(ErrorKind::failed, Hook::ping, "the server answered that it does not know this address",
                       "set notify.ping to the ping URL of a check that exists");
    }
    if (body.starts_with("OK (rate limited)")) {
        return failure(ErrorKind::temporary, Hook::ping, "the server answered that it is pinged too often",
                       "give each instance a check of its own");
    }
    return std::nullopt;
}

std::optional<Failure> answered(const s3::HttpReply& reply, Hook hook, health::TimePoint now) {
    const int status = reply.status;
    if (status >= 200 && status < 300) {
        return hook == Hook::ping ? ignored_ping(reply.body) : std::nullopt;
    }
    const std::string what = "the server answered " + std::to_string(status);
    const bool again = status == 408 || status == 425 || status == 429 || status >= 500;
    if (again) {
        auto later = failure(ErrorKind::temporary, hook, what, "see what is the matter with the server behind it");
        later.retry_after = s3::retry_after_of(reply, now);
        return later;
    }
    return failure(ErrorKind::failed, hook, what,
                   status >= 300 && status < 400
                       ? "redirects are not followed: set it to the address that this one leads to"
                       : "see whether the address is right, whole and still valid");
}

}  // namespace

std::optional<Failure> failure_of(const s3::HttpReply& reply, Hook hook, health::TimePoint now) {
    if (reply.status >= 200) {
        return answered(reply, hook, now);  // also where the reply's body did not come to an end: nobody needs it
    }
    switch (reply.broken.value_or(s3::Broken::cut)) {
        case s3::Broken::not_trusted:
            return failure(
                ErrorKind::failed, hook, "the server's certificate is none that is trusted here",
                "give it one of an authority that this image trusts, or use http:// where nobody listens in between");
        case s3::Broken::not_reached:
            return failure(ErrorKind::temporary, hook, "no connection came about",
                           "see whether its host's name is right, and whether this pod may connect to it");
        case s3::Broken::cut:
        case s3::Broken::stalled:
        case s3::Broken::too_long:
        case s3::Broken::interrupted: break;
    }
    return failure(ErrorKind::temporary, hook, "no reply came",
                   "see what is the matter with the server behind it, or with a proxy before it");
}

}  // namespace lifeboat::notify
