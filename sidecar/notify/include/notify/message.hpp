// What is sent to one of the addresses of [notify].
#pragma once

#include "health/facts.hpp"

#include <cstdint>
#include <string>

namespace lifeboat::notify {

struct Message {
    health::Hook hook = health::Hook::on_failure;
    std::string leaf = {};  // what a ping's address gets appended: "start", "fail"; empty: nothing
    std::string type = {};  // of the body: "application/json"
    std::string body = {};
    std::uint64_t number = 0;  // whatever the sender of it knows it by
};

// Whom to tell.
struct Wanted {
    bool on_failure = false;
    bool on_success = false;
    bool ping = false;
};

}  // namespace lifeboat::notify
