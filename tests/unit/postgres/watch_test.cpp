// The watch on a real server, also where it cannot see.
#include "postgres/watch.hpp"

#include "private_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include <atomic>
#include <future>
#include <thread>

namespace lifeboat::postgres {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

// A session that holds a table as a dump does, and counts how it was ended.
class Dump {
public:
    explicit Dump(const std::string& name) : name_(name) {
        session_.emplace(PrivateServer::instance().connect());
        must(*session_, "SET application_name = '" + name + "'; DROP TABLE IF EXISTS " + table() + "; CREATE TABLE " +
                            table() + " (id int)");
        must(*session_, "BEGIN; LOCK TABLE " + table() + " IN ACCESS SHARE MODE");
    }

    [[nodiscard]] std::string table() const { return "public.of_" + name_; }
    [[nodiscard]] LockWatch::Options options(std::optional<std::chrono::milliseconds> yield_to = 200ms) const {
        return {.session = name_, .yield_to = yield_to, .in_recovery = false, .look_every = 20ms};
    }
    // A pg_dump that does as it is told; a deaf one leaves its end to the server.
    LockWatch::Actions actions(bool deaf = false) {
        return {[this, deaf] {
                    ++asked;
                    if (!deaf) {
                        session_.reset();
                    }
                },
                [this] {
                    ++ended;
                    over_.set_value();
                }};
    }
    void wait() { ASSERT_EQ(over_.get_future().wait_for(30s), std::future_status::ready); }

    std::atomic<int> asked = 0;
    std::atomic<int> ended = 0;

private:
    const std::string name_;
    std::optional<Connection> session_;
    std::promise<void> over_;
};

// Somebody who wants a table; their statement succeeds in the end.
std::jthread alter(const std::string& table) {
    return std::jthread([table] {
        auto connection = PrivateServer::instance().connect();
        must(connection, "ALTER TABLE " + table + " ADD COLUMN note text");
    });
}

TEST(LockWatch, EndsASessionThatSomebodyWaitsFor) {
    Dump dump("polite");
    auto control = PrivateServer::instance().connect();
    LockWatch watch(control, dump.options(), dump.actions());
    const auto waiting = alter(dump.table());
    dump.wait();
    watch.finish();
    ASSERT_TRUE(watch.gave_way());
    EXPECT_EQ(watch.gave_way()->to, GaveWay::To::statement);
    EXPECT_EQ(watch.gave_way()->kind, "ALTER TABLE");
    EXPECT_GE(watch.gave_way()->waited, 200ms);
    EXPECT_LT(watch.gave_way()->waited, 15s);  // where looks are held up, the watch rests for ten seconds at most
    EXPECT_EQ(dump.asked, 1);
    EXPECT_EQ(dump.ended, 1);
    EXPECT_FALSE(watch.lost());
}

TEST(LockWatch, HasTheServerEndASessionWhoseClientIsDeaf) {
    Dump dump("deaf");
    auto control = PrivateServer::instance().connect();
    LockWatch watch(control, dump.options(), dump.actions(true));
    const auto waiting = alter(dump.table());  // joined: it gets its lock
    dump.wait();
    EXPECT_TRUE(watch.gave_way());
}

TEST(LockWatch, IsNotInterestedInOtherSessions) {
    Dump dump("bystander");
    Dump other("other");
    auto control = PrivateServer::instance().connect();
    auto releasing = PrivateServer::instance().connect();
    {
        LockWatch watch(control, dump.options(), dump.actions());
        const auto waiting = alter(other.table());
        while (releasing
                   .value("SELECT count(*) FROM pg_locks WHERE NOT granted AND clock_timestamp() - waitstart > '500ms' "
                          "AND relation = '" +
                          other.table() + "'::regclass")
                   .value() == "0") {
            std::this_thread::yield();  // more than twice of what would be too long
        }
        watch.finish();
        EXPECT_FALSE(watch.gave_way());
        must(releasing, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'other'");
    }
    EXPECT_EQ(dump.asked, 0);
}

// As on a machine that has no processor for it just then: that says nothing of how much work a look is.
TEST(LockWatch, LooksAgainSoonAfterOneLookThatWasHeldUp) {
    Dump dump("hasty");
    auto control = PrivateServer::instance().connect();
    const std::string pid = control.value("SELECT pg_backend_pid()").value();
    const auto backend = static_cast<pid_t>(std::stol(pid));
    LockWatch watch(control, dump.options(), dump.actions());
    auto admin = PrivateServer::instance().connect();
    while (admin.value("SELECT query LIKE '%pg_lock_status%' FROM pg_stat_activity WHERE pid = " + pid).value() !=
           "t") {
        std::this_thread::yield();
    }
    ASSERT_EQ(::kill(backend, SIGSTOP), 0);
    std::this_thread::sleep_for(600ms);  // of which a look takes four hundred at least
    ASSERT_EQ(::kill(backend, SIGCONT), 0);
    const auto waiting = alter(dump.table());
    dump.wait();
    watch.finish();
    ASSERT_TRUE(watch.gave_way());
    EXPECT_LT(watch.gave_way()->waited, 8s) << "a rest of twenty times as long";
}

TEST(LockWatch, LeavesTheConnectionAsItWas) {
    Dump dump("tidy");
    auto control = PrivateServer::instance().connect();
    { LockWatch watch(control, dump.options(), dump.actions()); }
    EXPECT_EQ(control.value("SHOW statement_timeout").value(), "0");
}

TEST(LockWatch, EndsTheSessionWhenItsOwnConnectionIsLost) {
    Dump dump("orphan");
    auto control = PrivateServer::instance().connect();
    const std::string pid = control.value("SELECT pg_backend_pid()").value();
    LockWatch watch(control, dump.options(), dump.actions());
    auto admin = PrivateServer::instance().connect();
    must(admin, "SELECT pg_terminate_backend(" + pid + ")");
    dump.wait();
    watch.finish();
    EXPECT_FALSE(watch.gave_way());
    ASSERT_TRUE(watch.lost());
    EXPECT_EQ(watch.lost()->kind, ErrorKind::temporary);
    EXPECT_TRUE(control.was_told_to_go());
}

TEST(LockWatch, TellsOnceThatItMayNotLookAndLetsTheDumpGoOn) {
    Dump dump("blind");
    auto admin = PrivateServer::instance().connect();
    must(admin,
         "DROP ROLE IF EXISTS blind; CREATE ROLE blind LOGIN; "
         "REVOKE EXECUTE ON FUNCTION pg_lock_status() FROM PUBLIC");
    auto control = Connection::open(PrivateServer::instance().server("postgres", "blind"), std::nullopt, {});
    ASSERT_TRUE(control) << control.error().what;
    LockWatch watch(*control, dump.options(), dump.actions());
    std::optional<Error> trouble;
    for (int i = 0; i < 3000 && !trouble; ++i) {
        std::this_thread::sleep_for(10ms);
        trouble = watch.take_trouble();
    }
    watch.finish();
    must(admin, "GRANT EXECUTE ON FUNCTION pg_lock_status() TO PUBLIC; DROP ROLE blind");
    ASSERT_TRUE(trouble);
    EXPECT_THAT(trouble->detail, HasSubstr("permission denied for function pg_lock_status"));
    EXPECT_FALSE(watch.take_trouble());
    EXPECT_FALSE(watch.gave_way());
    EXPECT_FALSE(watch.lost());
    EXPECT_EQ(dump.asked, 0);
}

TEST(LockWatch, DoesNotEvenLookWhereNobodyIsGivenWayTo) {
    Dump dump("stubborn");
    auto control = PrivateServer::instance().connect();
    LockWatch watch(control, dump.options(std::nullopt), dump.actions());
    watch.finish();
    EXPECT_EQ(control.value("SHOW statement_timeout").value(), "0");
    EXPECT_FALSE(watch.gave_way());
}

TEST(Pinger, IsNotTurnedAwayForAnythingButTheServersEnd) {
    const auto& server = PrivateServer::instance();
    auto admin = server.connect();
    must(admin, "DROP ROLE IF EXISTS scrambled; CREATE ROLE scrambled LOGIN PASSWORD 'p:a\\s''s w%rd@/'");
    auto connection = Connection::open(server.server_with_password(), std::nullopt, {});
    ASSERT_TRUE(connection) << connection.error().what;
    EXPECT_FALSE(Pinger(server.server_with_password(), *connection).turned_away(5s, {}));
    const auto wrong = server.server_with_password([] { return Secret("wrong"); });
    EXPECT_FALSE(Pinger(wrong, *connection).turned_away(5s, {}));
    std::stop_source stop;
    stop.request_stop();
    EXPECT_FALSE(Pinger(server.server_with_password(), *connection).turned_away(5s, stop.get_token()));
    must(admin, "DROP ROLE scrambled");
}

// It waits for the server, but not for ever: sessions that the server did not end in that time are not judged.
TEST(Connection, IsGoneFromTheServerOnceItIsClosed) {
    const auto& server = PrivateServer::instance();
    auto admin = server.connect();
    int judged = 0;
    for (int i = 0; i < 100 && judged < 20; ++i) {
        auto connection = server.connect();
        const std::string pid = connection.value("SELECT pg_backend_pid()").value();
        const auto began = std::chrono::steady_clock::now();
        connection.close();
        if (std::chrono::steady_clock::now() - began < 1s) {
            ++judged;
            EXPECT_EQ(admin.value("SELECT count(*) FROM pg_stat_activity WHERE pid = " + pid).value(), "0");
        }
    }
    EXPECT_EQ(judged, 20);
}

TEST(Connection, GivesUpAServerThatDoesNotAnswerInTime) {
    auto connection = PrivateServer::instance().connect();
    connection.answer_within(100ms);
    const auto slept = connection.query("SELECT pg_sleep(30)");
    ASSERT_FALSE(slept);
    EXPECT_EQ(slept.error().kind, ErrorKind::temporary);
    EXPECT_FALSE(connection.was_told_to_go());
}

}  // namespace
}  // namespace lifeboat::postgres
