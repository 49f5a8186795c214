#include "s3/credentials.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace lifeboat::s3 {
namespace {

bool fits_a_header(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](unsigned char c) { return c > 0x20 && c < 0x7F; });
}

std::string_view token_of(const Credentials& credentials) {
    return credentials.session_token ? credentials.session_token->reveal() : std::string_view();
}

bool same(const Credentials& a, const Credentials& b) {
    return a.access_key_id == b.access_key_id && a.secret_access_key.reveal() == b.secret_access_key.reveal() &&
           token_of(a) == token_of(b);
}

}  // namespace

ReadCredentials always(Credentials credentials) {
    return [credentials = std::move(credentials)] { return credentials; };
}

Status check_credentials(const Credentials& credentials) {
    const auto wrong = [](const std::string& setting) {
        return Error{ErrorKind::usage, setting + " holds a blank, a line break or another character that no key has",
                     "write the key alone, on one line, as the store's provider showed it"};
    };
    if (credentials.access_key_id.empty() || !fits_a_header(credentials.access_key_id)) {
        return wrong("store.access_key_id");
    }
    if (credentials.session_token && !fits_a_header(credentials.session_token->reveal())) {
        return wrong("store.session_token");
    }
    return done();
}

FollowedCredentials::FollowedCredentials(ReadCredentials read) : read_(std::move(read)), latest_(read_()) {}

void FollowedCredentials::read_again() {
    Credentials now = read_();
    if (same(now, latest_) || !check_credentials(now)) {
        return;
    }
    if (!latest_refused_) {
        before_ = std::move(latest_);
    }
    latest_ = std::move(now);
    latest_refused_ = false;
}

FollowedCredentials::Signer FollowedCredentials::latest() const {
    return latest_refused_ ? Signer{*before_, false} : Signer{latest_, before_.has_value()};
}

FollowedCredentials::Signer FollowedCredentials::current() {
    const std::lock_guard lock(mutex_);
    read_again();
    return latest();
}

std::optional<FollowedCredentials::Signer> FollowedCredentials::instead_of(const Signer& refused, Refusal why) {
    const std::lock_guard lock(mutex_);
    read_again();
    if (same(refused.credentials, latest_)) {
        const bool accepted_meanwhile = refused.on_trial && !before_;
        latest_refused_ = before_ && why == Refusal::identity;
        return latest_refused_ || accepted_meanwhile ? std::optional(latest()) : std::nullopt;
    }
    if (latest_refused_ && same(refused.credentials, *before_)) {
        if (why != Refusal::identity) {
            return std::nullopt;
        }
        before_.reset();
        latest_refused_ = false;  // to end with what is wrong with the ones that count
    }
    return latest();
}

void FollowedCredentials::accepted(const Credentials& credentials) {
    const std::lock_guard lock(mutex_);
    if (before_ && same(credentials, latest_)) {
        before_.reset();
        latest_refused_ = false;
    }
}

}  // namespace lifeboat::s3
