// A password that its owner may exchange while we run.
#pragma once

#include "secret/secret.hpp"

#include <functional>
#include <mutex>
#include <optional>
#include <vector>

namespace lifeboat::postgres {

// The server learns of a new password at one moment and we at another, seconds to minutes apart, in either order. So
// the last one that the server took stays good to try. Any thread.
class FollowedPassword {
public:
    // The password as the owner has it now. Asked before every connection, from any thread: it must be quick.
    using Read = std::function<Secret()>;

    explicit FollowedPassword(Read read) : read_(std::move(read)) {}

    // What to try: as it is now; then the one that was accepted last, if it is another.
    std::vector<Secret> to_try();

    void accepted(const Secret& password);

    // Whether the server took any, so that a refusal is likely to be an exchange under way and worth waiting for.
    bool was_accepted();

    // An exchange was waited for long enough: the next refusal is one.
    void give_up();

private:
    const Read read_;
    std::mutex mutex_;
    std::optional<Secret> accepted_;
};

}  // namespace lifeboat::postgres
