// A server on free ports of loopback, with what it reads.
#pragma once

#include "client.hpp"
#include "health/server.hpp"
#include "support/sample_facts.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <string>

namespace lifeboat::test {

struct RunningServer {
    explicit RunningServer(const health::Limits& limits = {}, const health::Endpoints& endpoints = free_ports()) {
        auto started = health::Server::start(board, heartbeat, clock, limits);
        if (!started) {
            ADD_FAILURE() << started.error().what;
            std::abort();
        }
        server = std::move(*started);
        server->apply(endpoints);
    }

    static health::Endpoints free_ports() { return {{"127.0.0.1", 0}, {"127.0.0.1", 0}}; }

    [[nodiscard]] std::uint16_t pod() const { return server->pod_address().value_or(health::Address{}).port; }
    [[nodiscard]] std::uint16_t page() const { return server->page_address().value_or(health::Address{}).port; }

    health::Board board{sample_facts()};
    health::Heartbeat heartbeat;
    ManualClock clock;
    std::unique_ptr<health::Server> server;
};

}  // namespace lifeboat::test
