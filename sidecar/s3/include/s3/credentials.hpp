// Whose key requests are signed with, while the owner may exchange it.
#pragma once

#include "result/result.hpp"
#include "s3/signer.hpp"

#include <functional>
#include <mutex>
#include <optional>

namespace lifeboat::s3 {

// The credentials as the owner has them now. Asked before every request, from any thread: it must be quick.
using ReadCredentials = std::function<Credentials()>;

ReadCredentials always(Credentials credentials);

// Whether they can stand in a header: a line break there would begin another one. The error (kind usage) names the
// setting and never quotes it.
Status check_credentials(const Credentials& credentials);

// What a server's refusal is about.
enum class Refusal {
    none,
    identity,  // the key is unknown, over, or not the one that belongs to its id
    unclear,   // that, or a right that the key lacks
};

// Follows the owner's credentials from one to the next. An exchange has moments in which the new ones are no good: the
// id is written and its key is not yet, the store does not know them yet. So the ones before them are kept until a
// request with the new ones was answered well. Any thread.
class FollowedCredentials {
public:
    explicit FollowedCredentials(ReadCredentials read);

    struct Signer {
        Credentials credentials;
        bool on_trial = false;  // they were new, and no request with them had been answered well
    };

    // For the next request.
    Signer current();

    // What else to try after a request that `refused` had signed; nothing where there is nothing else. To the ones
    // before it goes back only for identity: a key that has fewer rights is what its owner wanted. The same ones once
    // more where they were on trial and no longer are: another thread's request was answered well meanwhile.
    std::optional<Signer> instead_of(const Signer& refused, Refusal why);

    // A request that was signed with these was answered well.
    void accepted(const Credentials& credentials);

private:
    void read_again();
    Signer latest() const;

    const ReadCredentials read_;
    std::mutex mutex_;
    Credentials latest_;
    std::optional<Credentials> before_;  // until the latest were accepted
    bool latest_refused_ = false;        // and the ones before are in use meanwhile
};

}  // namespace lifeboat::s3
