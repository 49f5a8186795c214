// Clients that mean no good, all at once, while a probe asks as the kubelet does.
#include "running_server.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <iterator>
#include <memory>
#include <sstream>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

namespace lifeboat::health {
namespace {

using namespace std::chrono_literals;
using test::Client;
using Crowd = std::vector<std::unique_ptr<Client>>;

// One round of an attack. What it leaves open stays so until its next round.
using Attack = std::function<Crowd(std::uint16_t port)>;

Crowd crowd_of(std::uint16_t port, int size, const std::string& bytes) {
    Crowd crowd;
    for (int i = 0; i < size; ++i) {
        crowd.push_back(std::make_unique<Client>(port));
        (void)crowd.back()->send(bytes);
    }
    return crowd;
}

Crowd says_nothing(std::uint16_t port) {
    return crowd_of(port, 12, "");
}

Crowd asks_by_halves(std::uint16_t port) {
    return crowd_of(port, 12, "GET /livez HTTP/1.1\r\nHost: te");
}

Crowd drips(std::uint16_t port) {
    auto crowd = crowd_of(port, 12, "GET /livez HTTP/1.1\r\n");
    for (int i = 0; i < 20; ++i) {
        for (const auto& client : crowd) {
            (void)client->send("X");
        }
    }
    return crowd;
}

Crowd never_reads(std::uint16_t port) {
    return crowd_of(port, 12, "GET /metrics HTTP/1.1\r\nHost: test\r\n\r\n");
}

Crowd sends_giant_heads(std::uint16_t port) {
    return crowd_of(port, 12, "GET /livez HTTP/1.1\r\nX: " + std::string(std::size_t{64} * 1024, 'x'));
}

Crowd sends_garbage(std::uint16_t port) {
    std::string bytes;
    for (int i = 0; i < 4096; ++i) {
        bytes.push_back(static_cast<char>(i * 7));
    }
    return crowd_of(port, 12, bytes);
}

Crowd posts_bodies(std::uint16_t port) {
    return crowd_of(port, 12,
                    "POST /livez HTTP/1.1\r\nHost: test\r\nContent-Length: 9999999999\r\n\r\n" +
                        std::string(std::size_t{64} * 1024, 'b'));
}

Crowd pipelines(std::uint16_t port) {
    std::string requests;
    for (int i = 0; i < 100; ++i) {
        requests += "GET /metrics HTTP/1.1\r\nHost: test\r\n\r\n";
    }
    return crowd_of(port, 12, requests);
}

Crowd comes_and_goes(std::uint16_t port) {
    for (int i = 0; i < 12; ++i) {
        (void)crowd_of(port, 1, "GET /healthz HTTP/1.1\r\nHost: test\r\n\r\n");
    }
    return {};
}

// A hundred clients at any time until it is destroyed, each of which comes anew ten times a second.
class Siege {
public:
    explicit Siege(std::uint16_t port) {
        for (const auto& attack : {says_nothing, asks_by_halves, drips, never_reads, sends_giant_heads, sends_garbage,
                                   posts_bodies, pipelines, comes_and_goes}) {
            threads_.emplace_back([port, attack](const std::stop_token& stop) {
                Crowd crowd;
                while (!stop.stop_requested()) {
                    crowd = attack(port);
                    std::this_thread::sleep_for(100ms);
                }
            });
        }
    }

private:
    std::vector<std::jthread> threads_;
};

std::chrono::milliseconds time_of_a_probe(std::uint16_t port) {
    const auto began = std::chrono::steady_clock::now();
    EXPECT_EQ(test::status_of(test::get(port, "/livez")), "200");
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began);
}

// Nobody beats the heart of these servers, and on a slow machine a siege takes a while.
health::Limits never_wedged() {
    health::Limits limits;
    limits.wedged_after = 1h;
    return limits;
}

// Probes of a server, each beside one of a server that nobody but the probe asks: how slow this machine is by itself
// just then. On a quiet machine that is a millisecond, and the siege's is to be a quarter of a second at most. Whoever
// is late is asked again at once, as the machine may have held up that one probe alone; a server that is locked up is
// late each time.
class Probes {
public:
    explicit Probes(std::uint16_t besieged) : besieged_(besieged) {}

    void probe() {
        constexpr int tries = 3;
        std::ostringstream told;
        for (int i = 0; i < tries; ++i) {
            const auto took = time_of_a_probe(besieged_);
            const auto quiet = time_of_a_probe(undisturbed_.pod());
            if (took < 250ms + 3 * quiet) {
                return;
            }
            told << " " << took.count() << " ms, and without a siege " << quiet.count() << " ms;";
        }
        late_ += told.str();
    }

    [[nodiscard]] testing::AssertionResult are_in_time() const {
        return late_.empty() ? testing::AssertionSuccess() : testing::AssertionFailure() << "a probe took" << late_;
    }

private:
    std::uint16_t besieged_;
    test::RunningServer undisturbed_{never_wedged()};
    std::string late_;
};

TEST(HostileClients, DoNotDelayLivez) {
    const test::RunningServer running(never_wedged());
    Probes probes(running.pod());
    const Siege siege(running.pod());
    for (int i = 0; i < 100; ++i) {
        probes.probe();
        std::this_thread::sleep_for(10ms);
    }
    EXPECT_TRUE(probes.are_in_time());
}

// More than the server keeps, each with the half of a request that it must remember.
TEST(HostileClients, HoldingHundredsOfConnectionsDoesNotLockLivezOut) {
    const test::RunningServer running(never_wedged());
    Probes probes(running.pod());
    Crowd held;
    for (int i = 0; i < 6; ++i) {
        auto more = crowd_of(running.pod(), 100, "GET /livez HTTP/1.1\r\nHost: te");
        std::move(more.begin(), more.end(), std::back_inserter(held));
        probes.probe();
    }
    EXPECT_TRUE(probes.are_in_time());
}

}  // namespace
}  // namespace lifeboat::health
