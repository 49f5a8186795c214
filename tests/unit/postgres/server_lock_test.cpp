// Against a real server.
#include "postgres/server_lock.hpp"

#include "private_server.hpp"

#include <gmock/gmock.h>

#include <thread>

namespace lifeboat::postgres {
namespace {

using testing::HasSubstr;
using Steady = std::chrono::steady_clock;
using std::chrono_literals::operator""s;

PrivateServer& server() {
    return PrivateServer::instance();
}

ServerLock acquired(const std::string& database = "postgres") {
    auto lock = ServerLock::acquire(server().server(database), 20s, {});
    if (!lock) {
        ADD_FAILURE() << lock.error().what;
        std::abort();
    }
    return std::move(lock).value();
}

void expect_taken(const std::string& database = "postgres") {
    const auto began = Steady::now();
    const auto second = ServerLock::acquire(server().server(database), std::chrono::milliseconds(0), {});
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().kind, ErrorKind::busy);
    EXPECT_THAT(second.error().what, HasSubstr("another Lifeboat"));
    EXPECT_THAT(second.error().next, HasSubstr("--lock-wait"));
    EXPECT_GE(Steady::now() - began, std::chrono::milliseconds(1500))
        << "so long the lock of a run that was killed may be there";
    EXPECT_LT(Steady::now() - began, 20s);
}

TEST(ServerLock, IsForOneAtATime) {
    auto lock = acquired();
    EXPECT_TRUE(lock.check());
    expect_taken();
    EXPECT_TRUE(lock.check()) << "the other one's try changed nothing";
}

TEST(ServerLock, IsSeenFromAnotherDatabase) {
    const auto lock = acquired("template1");
    expect_taken("postgres");
}

TEST(ServerLock, IsNotTheLockOfSomeOtherProgram) {
    auto other = server().connect();
    must(other,
         "SELECT pg_advisory_lock(1), pg_advisory_lock(1818846309, 1651466612)");  // the same bits as two numbers
    acquired();
}

// Whoever destroys it waits for the server, but not for ever: those that were held up until then are not judged.
TEST(ServerLock, IsFreeAgainWhenItIsDestroyed) {
    auto watcher = server().connect();
    int judged = 0;
    for (int i = 0; i < 100 && judged < 20; ++i) {
        auto lock = std::make_unique<ServerLock>(acquired());
        EXPECT_TRUE(ServerLock::taken(watcher).value());
        const auto began = Steady::now();
        lock.reset();
        if (Steady::now() - began < 1s) {
            ++judged;
            EXPECT_FALSE(ServerLock::taken(watcher).value());
        }
    }
    EXPECT_EQ(judged, 20);
}

TEST(ServerLock, WaitsForTheOtherRunToEnd) {
    auto holder = std::make_unique<ServerLock>(acquired());
    auto watcher = server().connect();
    std::jthread other([&] {
        // Once a second session of ours was there, it has tried at least to connect.
        while (
            watcher
                .value(
                    "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%advisory%' AND pid <> pg_backend_pid()")
                .value() < "2") {
        }
        holder.reset();
    });
    EXPECT_TRUE(ServerLock::acquire(server().server(), 60s, {}));
}

TEST(ServerLock, StopsWaitingWhenAskedTo) {
    const auto holder = acquired();
    std::stop_source stop;
    auto watcher = server().connect();
    std::jthread stopper([&] {
        while (
            watcher
                .value(
                    "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%advisory%' AND pid <> pg_backend_pid()")
                .value() < "2") {
        }
        stop.request_stop();
    });
    const auto lock = ServerLock::acquire(server().server(), 600s, stop.get_token());
    ASSERT_FALSE(lock);
    EXPECT_EQ(lock.error().kind, ErrorKind::interrupted);
}

TEST(ServerLock, KnowsThatItWasLost) {
    auto lock = acquired();
    auto admin = server().connect();
    must(admin,
         "SELECT pg_terminate_backend(" + lock.connection().value("SELECT pg_backend_pid()").value() + ", 10000)");
    const auto held = lock.check();
    ASSERT_FALSE(held);
    EXPECT_EQ(held.error().kind, ErrorKind::temporary);
    EXPECT_THAT(held.error().what, HasSubstr("the lock on the server is gone"));
}

TEST(ServerLock, KnowsThatItWasGivenBack) {
    auto lock = acquired();
    must(lock.connection(), "SELECT pg_advisory_unlock_all()");
    EXPECT_FALSE(lock.check());
}

}  // namespace
}  // namespace lifeboat::postgres
