#include "health/board.hpp"

#include "support/sample_facts.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace lifeboat::health {
namespace {

using namespace std::chrono_literals;

TEST(Board, WhatWasReadStaysAsItWas) {
    Board board(test::sample_facts());
    const auto before = board.read();
    auto changed = test::sample_facts();
    changed.instance = "other";
    board.publish(changed);
    EXPECT_EQ(before->instance, "basketball-api");
    EXPECT_EQ(board.read()->instance, "other");
}

// Under ThreadSanitizer this also shows that nothing is shared without order.
TEST(Board, ReadersSeeWholeFactsWhileNewOnesArePublished) {
    Board board(test::sample_facts());
    std::jthread writer([&board](const std::stop_token& stop) {
        for (std::uint64_t i = 0; !stop.stop_requested(); ++i) {
            auto facts = test::sample_facts();
            facts.store.backups = i;
            facts.store.bytes = i * 1000;
            board.publish(std::move(facts));
        }
    });
    for (int i = 0; i < 2000; ++i) {
        const auto facts = board.read();
        ASSERT_EQ(facts->store.bytes, facts->store.backups * 1000);
    }
}

TEST(Heartbeat, AgesUntilTheNextBeat) {
    Heartbeat heartbeat;
    const auto now = Heartbeat::Clock::now();
    heartbeat.beat(now - 40s);
    EXPECT_EQ(heartbeat.age(now), 40s);
    heartbeat.beat(now);
    EXPECT_EQ(heartbeat.age(now), 0s);
}

}  // namespace
}  // namespace lifeboat::health
