// Against a real server and its own client programs.
#include "postgres/client_program.hpp"

#include "private_server.hpp"

#include <gmock/gmock.h>

#include <unistd.h>
#include <array>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

namespace lifeboat::postgres {
namespace {

using testing::HasSubstr;
using testing::Not;

PrivateServer& server() {
    return PrivateServer::instance();
}
std::string pg_dump() {
    return server().bin_dir() + "/pg_dump";
}

Result<ClientProgram> dump(const Connection& connection, const std::string& database = "postgres",
                           std::vector<std::string> arguments = {"--no-password"}) {
    return ClientProgram::start(pg_dump(), std::move(arguments), ClientProgram::Streams::output, connection, database,
                                {});
}

std::string output(ClientProgram& program) {
    std::string text;
    std::array<std::byte, 4096> buffer{};
    for (;;) {
        const auto got = program.read(buffer, {});
        if (!got || *got == 0) {
            return text;
        }
        text.append(reinterpret_cast<const char*>(buffer.data()), *got);  // NOLINT(*-reinterpret-cast)
    }
}

// A table that nobody else can read: pg_dump says nothing and waits for its lock.
class LockedTable {
public:
    LockedTable() {
        must(holder_, "CREATE TABLE public.locked ()");
        must(holder_, "BEGIN; LOCK TABLE public.locked");
    }
    LockedTable(const LockedTable&) = delete;
    LockedTable& operator=(const LockedTable&) = delete;
    ~LockedTable() {
        must(holder_, "ROLLBACK");
        must(holder_, "DROP TABLE public.locked");
    }

private:
    Connection holder_ = server().connect();
};

TEST(ClientProgram, DumpsTheDatabaseThatWasNamed) {
    auto connection = server().connect();
    must(connection, "CREATE DATABASE \"it's \\ = odd\"");
    auto program = dump(connection, "it's \\ = odd", {"--create"});
    ASSERT_TRUE(program);
    EXPECT_THAT(output(*program), HasSubstr("CREATE DATABASE \"it's \\ = odd\""));
    EXPECT_TRUE(program->wait({}));
    must(connection, "DROP DATABASE \"it's \\ = odd\" WITH (FORCE)");
}

// A program that tells how it was started instead of dumping.
class Told : public testing::Test {
protected:
    void SetUp() override {
        std::string folder = std::filesystem::temp_directory_path() / "lifeboat-told-XXXXXX";
        ASSERT_NE(::mkdtemp(folder.data()), nullptr);
        folder_ = folder;
        std::ofstream(folder_ + "/pg_dump")
            << "#!/bin/sh\necho \"$@\"; env; [ -z \"$PGPASSFILE\" ] || cat $PGPASSFILE\n";
        std::filesystem::permissions(folder_ + "/pg_dump", std::filesystem::perms::owner_all);
        auto admin = server().connect();
        must(admin, "CREATE ROLE scrambled LOGIN PASSWORD 'p:a\\s''s w%rd@/'");
    }
    void TearDown() override {
        auto admin = server().connect();
        must(admin, "DROP ROLE scrambled");
        std::filesystem::remove_all(folder_);
    }

    [[nodiscard]] std::string told(const Connection& connection) const {
        auto program =
            ClientProgram::start(folder_ + "/pg_dump", {}, ClientProgram::Streams::output, connection, "postgres", {});
        return program ? output(*program) : program.error().what;
    }

    std::string folder_;
};

TEST_F(Told, ItsPasswordByAFileAndInNoOtherWay) {
    const auto connection = Connection::open(server().server_with_password(), std::nullopt, {});
    ASSERT_TRUE(connection);
    const auto text = told(*connection);
    EXPECT_THAT(text, HasSubstr("\n*:*:*:*:p\\:a\\\\s's w%rd@/\n"));
    EXPECT_THAT(text.substr(0, text.find("*:*:*:*:")), Not(HasSubstr("w%rd")));
}

TEST_F(Told, NothingOfOurEnvironment) {
    ::setenv("AWS_SECRET_ACCESS_KEY", "hush", 1);
    const auto text = told(server().connect());
    ::unsetenv("AWS_SECRET_ACCESS_KEY");
    EXPECT_THAT(text, HasSubstr("LC_ALL=C\n"));
    EXPECT_THAT(text, Not(HasSubstr("hush")));
}

TEST_F(Told, APasswordThatTheServerTakes) {
    const auto connection = Connection::open(server().server_with_password(), std::nullopt, {});
    ASSERT_TRUE(connection);
    auto program = dump(*connection, "postgres", {"--schema-only", "--no-password"});
    ASSERT_TRUE(program);
    output(*program);
    const auto ended = program->wait({});
    EXPECT_TRUE(ended) << ended.error().what;
}

TEST(ClientProgram, TellsWhyItFailed) {
    const auto connection = server().connect();
    auto program = dump(connection, "no such database");
    ASSERT_TRUE(program);
    EXPECT_EQ(output(*program), "");
    const auto ended = program->wait({});
    ASSERT_FALSE(ended);
    EXPECT_EQ(ended.error().what, "pg_dump failed (exit code 1)");
    EXPECT_THAT(ended.error().detail, HasSubstr("database \"no such database\" does not exist"));
    EXPECT_FALSE(program->said().empty());
}

TEST(ClientProgram, StopsReadingWhenAskedTo) {
    const LockedTable locked;
    std::stop_source stop;
    {
        auto program = dump(server().connect());
        ASSERT_TRUE(program);
        stop.request_stop();
        std::array<std::byte, 16> buffer{};
        const auto got = program->read(buffer, stop.get_token());
        ASSERT_FALSE(got);
        EXPECT_EQ(got.error().kind, ErrorKind::interrupted);
    }
}

TEST(ClientProgram, StopsWaitingWhenAskedTo) {
    const LockedTable locked;
    {
        std::stop_source stop;
        auto program = dump(server().connect());
        ASSERT_TRUE(program);
        stop.request_stop();
        const auto ended = program->wait(stop.get_token());
        ASSERT_FALSE(ended);
        EXPECT_EQ(ended.error().kind, ErrorKind::interrupted);
    }
}

TEST(ClientProgram, CannotTakeMoreMemoryThanItsBound) {
    const auto connection = server().connect();
    ClientProgram::Options bound;
    bound.address_space = std::uint64_t{8} << 20U;  // not even its libraries fit
    auto program = ClientProgram::start(pg_dump(), {}, ClientProgram::Streams::output, connection, "postgres", bound);
    ASSERT_TRUE(!program || !program->wait({}));
}

// A dump that is given up must not go on waiting for its locks on the server.
TEST(ClientProgram, LeavesNoSessionBehindWhenDestroyed) {
    auto watcher = server().connect();
    const LockedTable locked;
    const std::string waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
    const auto patience = std::chrono::seconds(20);
    auto deadline = std::chrono::steady_clock::now() + patience;
    {
        auto program = dump(server().connect());
        ASSERT_TRUE(program);
        while (watcher.value(waiting).value() == "0" && std::chrono::steady_clock::now() < deadline) {
            std::this_thread::sleep_for(std::chrono::milliseconds(10));  // the server has better things to do
        }
        ASSERT_EQ(watcher.value(waiting).value(), "1");
    }
    deadline = std::chrono::steady_clock::now() + patience;
    while (watcher.value(waiting).value() != "0" && std::chrono::steady_clock::now() < deadline) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    EXPECT_EQ(watcher.value(waiting).value(), "0");
}

}  // namespace
}  // namespace lifeboat::postgres
