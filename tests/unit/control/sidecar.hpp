// A Server with a handler that does what a test says, driven by the test's own loop.
#pragma once

#include "control/server.hpp"
#include "sockets.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace lifeboat::control {

class ScriptedHandler final : public Handler {
public:
    std::string status() override { return document; }
    void drain(Reply reply) override { drains.push_back(std::move(reply)); }
    void reachable(const std::string& address) override { told.push_back("reachable " + address); }
    void unreachable(const Error& why) override { told.push_back("unreachable: " + why.what); }

    std::string document = R"({"healthy":true})";
    std::vector<Reply> drains;
    std::vector<std::string> told;
};

class TestSidecar {
public:
    explicit TestSidecar(const Limits& limits = {}) : server(std::move(Server::open(handler, limits).value())) {}

    // Drives the server until `done` says so; false if that never happens.
    bool run_until(const std::function<bool()>& done) {
        const auto give_up = std::chrono::steady_clock::now() + std::chrono::milliseconds{patience_ms};
        while (!done()) {
            if (std::chrono::steady_clock::now() > give_up) {
                return false;
            }
            if (readable(server->fd(), 5)) {
                server->on_ready();
            }
        }
        return true;
    }

    // The same until the server has nothing to do right now.
    void run_while_ready() {
        while (readable(server->fd(), 0)) {
            server->on_ready();
        }
    }

    ScriptedHandler handler;
    std::unique_ptr<Server> server;
};

}  // namespace lifeboat::control
