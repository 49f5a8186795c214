#include "postgres/followed_password.hpp"

namespace lifeboat::postgres {

std::vector<Secret> FollowedPassword::to_try() {
    std::vector<Secret> passwords = {read_()};
    const std::lock_guard lock(mutex_);
    if (accepted_ && accepted_->reveal() != passwords.front().reveal()) {
        passwords.push_back(*accepted_);
    }
    return passwords;
}

void FollowedPassword::accepted(const Secret& password) {
    const std::lock_guard lock(mutex_);
    accepted_ = password;
}

bool FollowedPassword::was_accepted() {
    const std::lock_guard lock(mutex_);
    return accepted_.has_value();
}

void FollowedPassword::give_up() {
    const std::lock_guard lock(mutex_);
    accepted_.reset();
}

}  // namespace lifeboat::postgres
