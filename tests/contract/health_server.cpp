// The endpoints as the room `health` serves them, over made-up facts: for tests that need them in a process of their
// own. Prints both ports on one line, then serves until its standard input is closed. A line there with the name of a
// state (support/page_states.hpp) is answered by the same line once that is what is served.
#include "health/server.hpp"
#include "support/page_states.hpp"
#include "support/sample_facts.hpp"

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <string>

using namespace lifeboat;
using std::chrono_literals::operator""min;
using std::chrono_literals::operator""h;

namespace {

// Every optional thing is there, so that every metric is.
health::Facts full_facts() {
    auto facts = test::sample_facts();
    facts.store.last_good->rows = 123456;
    facts.running = health::RunningFacts{health::Activity::backup, "20261122T115900Z-0001", test::noon - 1min, "app"};
    facts.store.problem = health::Problem{"the store said \"no\"\\", "mend\nit"};
    facts.drained = health::DrainFacts{test::noon - 1h, test::noon + 1h};
    facts.runs.consecutive_failures = 2;
    facts.prune.last = test::noon - 9h;
    facts.store.expiry.last_good_due = test::noon + 24h * 30;
    facts.drill_within = 24h * 30;
    facts.store.drills.last = facts.store.drills.last_good = test::sample_drill(test::noon - 24h);
    facts.store.drills.recipients = {{"age1ev2jgjuc2rz98p5uz6wfvm9har4thhe39h97x3r8f0arhn6kt4yquw2f52", test::noon}};
    facts.kubernetes.front().wanted = true;
    facts.kubernetes.front().written = test::noon - 1h;
    // As many as a backup every hour leaves in 30 days.
    for (int i = 0; i < 720; ++i) {
        facts.store.recent.push_back(test::sample_backup("20261101T015600Z-00aa", test::noon - i * 1h));
    }
    return facts;
}

std::uint16_t port_of(const std::optional<health::Address>& address) {
    return address ? address->port : std::uint16_t{0};
}

}  // namespace

int main() {
    health::Board board(full_facts());
    const health::Heartbeat heartbeat;
    const test::ManualClock clock;
    health::Limits limits;
    limits.wedged_after = 24h;  // nobody beats here
    const auto server = health::Server::start(board, heartbeat, clock, limits);
    if (!server) {
        std::fprintf(stderr, "%s\n", server.error().what.c_str());
        return EXIT_FAILURE;
    }
    (*server)->apply({{"127.0.0.1", 0}, {"127.0.0.1", 0}});
    std::printf("%u %u\n", port_of((*server)->pod_address()), port_of((*server)->page_address()));
    std::fflush(stdout);
    const auto states = test::page_states();
    for (std::string name; std::getline(std::cin, name);) {
        const auto state = states.find(name);
        if (state == states.end()) {
            std::fprintf(stderr, "there is no state '%s'\n", name.c_str());
            return EXIT_FAILURE;
        }
        board.publish(state->second);
        std::printf("%s\n", name.c_str());
        std::fflush(stdout);
    }
    return EXIT_SUCCESS;
}
