#include "os/child_process.hpp"

#include "forked.hpp"
#include "os/memory_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <cstdlib>
#include <filesystem>
#include <iterator>

namespace lifeboat::os {
namespace {

using testing::HasSubstr;
using testing::StartsWith;
using std::chrono_literals::operator""s;
using std::chrono_literals::operator""ms;

ChildOptions program(const std::string& path, std::vector<std::string> arguments = {}) {
    ChildOptions options;
    options.program = path;
    options.arguments = std::move(arguments);
    options.environment = {"PATH=/usr/bin:/bin"};
    options.pipe_stdout = true;
    return options;
}

ChildOptions shell(const std::string& script) {
    return program("/bin/sh", {"-c", script});
}

ChildProcess start(const ChildOptions& options) {
    auto child = ChildProcess::start(options);
    if (!child) {
        ADD_FAILURE() << child.error().what;
        std::abort();
    }
    return std::move(child).value();
}

std::string all_of(Fd& from) {
    return read_all(from.get(), "the child", std::size_t{1} << 20U).value();
}

std::string output(const ChildOptions& options) {
    auto child = start(options);
    std::string text = all_of(child.standard_output());
    child.wait();
    return text;
}

// Returns when the child has said its first line.
void await_line(ChildProcess& child) {
    std::byte byte{};
    while (byte != std::byte{'\n'}) {
        ASSERT_EQ(read_some(child.standard_output().get(), std::span(&byte, 1)).value(), 1U);
    }
}

std::size_t open_descriptors() {
    const std::filesystem::directory_iterator listing("/proc/self/fd");
    return static_cast<std::size_t>(std::distance(begin(listing), end(listing)));
}

TEST(ChildProcess, HasExactlyTheEnvironmentThatWasNamed) {
    ::setenv("LIFEBOAT_TEST_NAME", "of the parent", 1);
    auto options = program("/usr/bin/env");
    options.environment = {"ONE=1", "TWO=two words"};
    EXPECT_EQ(output(options), "ONE=1\nTWO=two words\n");
    ::unsetenv("LIFEBOAT_TEST_NAME");
}

TEST(ChildProcess, GetsItsArgumentsAsTheyAre) {
    EXPECT_EQ(output(program("/usr/bin/printf", {"%s|", "two words", "", "$HOME", "'quoted'"})),
              "two words||$HOME|'quoted'|");
}

TEST(ChildProcess, ReadsWhatIsWrittenToItsInput) {
    auto options = program("/bin/cat");
    options.pipe_stdin = true;
    auto child = start(options);
    const std::string text = "a line\nand bytes: \x01\xff";
    ASSERT_EQ(write_all(child.standard_input().get(), std::as_bytes(std::span(text))), 0);
    child.standard_input().reset();
    EXPECT_EQ(all_of(child.standard_output()), text);
    EXPECT_TRUE(child.wait().success());
}

TEST(ChildProcess, HasAnEmptyInputWhenNoneWasAskedFor) {
    EXPECT_EQ(output(shell("cat; echo end")), "end\n");
}

TEST(ChildProcess, WritesToNowhereWhenItsOutputWasNotAskedFor) {
    auto options = shell("echo lost");
    options.pipe_stdout = false;
    auto child = start(options);
    EXPECT_FALSE(child.standard_output());
    EXPECT_TRUE(child.wait().success());
}

TEST(ChildProcess, KeepsErrorsApartFromOutput) {
    auto child = start(shell("echo data; echo trouble >&2"));
    EXPECT_EQ(all_of(child.standard_output()), "data\n");
    EXPECT_EQ(all_of(child.standard_error()), "trouble\n");
}

TEST(ChildProcess, ReadsAnInheritedFileByItsPath) {
    const auto file = memory_file("test", Secret("only for the child"));
    ASSERT_TRUE(file);
    auto options = program("/bin/cat", {memory_file_path(file->get())});
    options.inherited = {file->get()};
    EXPECT_EQ(output(options), "only for the child");
}

TEST(ChildProcess, DoesNotInheritWhatWasNotNamed) {
    const auto file = memory_file("test", Secret("not for the child"));
    ASSERT_TRUE(file);
    EXPECT_EQ(output(shell("test -e /proc/$$/fd/" + std::to_string(file->get()) + " && echo inherited || echo closed")),
              "closed\n");
}

TEST(ChildProcess, TellsTheExitCode) {
    auto child = start(shell("exit 7"));
    const auto exit = child.wait();
    EXPECT_EQ(exit.code, 7);
    EXPECT_EQ(exit.signal, std::nullopt);
    EXPECT_FALSE(exit.success());
    EXPECT_EQ(exit.text(), "exit code 7");
}

TEST(ChildProcess, TellsTheSignalThatEndedIt) {
    auto child = start(shell("kill -9 $$"));
    const auto exit = child.wait();
    EXPECT_EQ(exit.code, std::nullopt);
    EXPECT_EQ(exit.signal, SIGKILL);
    EXPECT_FALSE(exit.success());
    EXPECT_EQ(exit.text(), "killed by signal 9");
}

TEST(ChildProcess, TellsTheSameEndEachTime) {
    auto child = start(shell("exit 3"));
    EXPECT_EQ(child.wait().code, 3);
    EXPECT_EQ(child.wait().code, 3);
    child.signal(SIGKILL);  // to nobody
    EXPECT_EQ(child.end(1s).code, 3);
}

TEST(ChildProcess, IsNotWaitedForWhenAskedToStop) {
    std::stop_source stop;
    stop.request_stop();
    auto child = start(program("/bin/sleep", {"1000"}));
    EXPECT_FALSE(child.wait(stop.get_token()));
    child.signal(SIGTERM);
    EXPECT_EQ(child.wait(std::stop_token()).value().signal, SIGTERM) << "and goes on meanwhile";
}

TEST(ChildProcess, NamesAProgramThatIsNotThere) {
    const auto child = ChildProcess::start(program("/nonexistent/pg_dump"));
    ASSERT_FALSE(child);
    EXPECT_EQ(child.error().what, "cannot run /nonexistent/pg_dump: No such file or directory");
}

TEST(ChildProcess, NamesAProgramThatMayNotRun) {
    const auto child = ChildProcess::start(program("/etc/passwd"));
    ASSERT_FALSE(child);
    EXPECT_EQ(child.error().what, "cannot run /etc/passwd: Permission denied");
}

TEST(ChildProcess, KillsItsWholeGroupWhenDestroyed) {
    Fd output;
    {
        auto child = start(shell("sleep 1000 & echo started; wait"));
        await_line(child);
        output = std::move(child.standard_output());  // the grandchild holds its other end
    }
    EXPECT_TRUE(all_writers_gone(output.get()));
}

TEST(ChildProcess, EndKillsOneThatIgnoresSigterm) {
    auto child = start(shell("trap '' TERM; echo started; exec sleep 1000"));
    await_line(child);
    EXPECT_EQ(child.end(20ms).signal, SIGKILL);
}

TEST(ChildProcess, EndLetsOneCleanUp) {
    auto child = start(shell("trap 'exit 3' TERM; sleep 1000 & echo started; wait"));
    await_line(child);
    EXPECT_EQ(child.end(std::chrono::seconds(patience_s)).code, 3);
}

TEST(ChildProcess, EndLeavesNoGrandchild) {
    auto child = start(shell("trap 'exit 0' TERM; (trap '' TERM; echo started; exec sleep 1000) & wait; wait"));
    await_line(child);
    EXPECT_EQ(child.end(std::chrono::seconds(patience_s)).code, 0);
    EXPECT_TRUE(all_writers_gone(child.standard_output().get()));
}

TEST(ChildProcess, DiesWithTheProcessThatStartedIt) {
    auto pipe = make_pipe();
    ASSERT_TRUE(pipe);
    forked([&pipe] {
        auto options = program("/bin/sleep", {"1000"});
        options.inherited = {pipe->write_end.get()};
        const auto child = ChildProcess::start(options);
        ::_exit(0);  // as a crash would: no destructor runs
    });
    pipe->write_end.reset();
    EXPECT_TRUE(all_writers_gone(pipe->read_end.get()));
}

TEST(ChildProcess, HasAGroupOfItsOwn) {
    // Fields 1 and 5 of its own line in /proc: process and group.
    EXPECT_EQ(output(shell("read -r id rest < /proc/$$/stat; set -- $rest; test \"$id\" = \"$4\" && echo own")),
              "own\n");
}

TEST(ChildProcess, BlocksAndIgnoresNoSignalOfOurs) {
    sigset_t blocked;
    sigset_t before;
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &blocked, &before);
    const auto old_handler = std::signal(SIGPIPE, SIG_IGN);

    const auto status = output(program("/bin/grep", {"-E", "^Sig(Blk|Ign):", "/proc/self/status"}));

    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    std::signal(SIGPIPE, old_handler);
    EXPECT_THAT(status, StartsWith("SigBlk:\t0000000000000000\n"));
    const auto ignored = std::stoull(status.substr(status.rfind('\t') + 1), nullptr, 16);
    EXPECT_EQ(ignored & (1ULL << (SIGPIPE - 1U)), 0U);
}

TEST(ChildProcess, CannotTakeMoreAddressSpaceThanItsLimit) {
    auto options = program("/bin/dd", {"if=/dev/zero", "of=/dev/null", "bs=512M", "count=1"});
    options.address_space = std::uint64_t{128} << 20U;
    auto child = start(options);
    EXPECT_THAT(all_of(child.standard_error()), HasSubstr("memory exhausted"));
    EXPECT_EQ(child.wait().code, 1);
}

TEST(ChildProcess, LeavesNoDescriptorOpen) {
    const std::size_t before = open_descriptors();
    for (const char* path : {"/bin/true", "/nonexistent/program"}) {
        auto options = program(path);
        options.pipe_stdin = true;
        const auto child = ChildProcess::start(options);
        EXPECT_EQ(child.ok(), std::string(path) == "/bin/true");
    }
    EXPECT_EQ(open_descriptors(), before);
}

TEST(ChildProcess, IsNotEndedWhileItRuns) {
    auto options = program("/bin/cat");
    options.pipe_stdin = true;
    auto child = start(options);
    EXPECT_FALSE(child.ended());
    pollfd entry{child.end_fd(), POLLIN, 0};
    EXPECT_EQ(::poll(&entry, 1, 0), 0);

    child.standard_input().reset();
    ASSERT_EQ(::poll(&entry, 1, patience_s * 1000), 1) << "the poll loop's word for its end";
    const auto exit = child.ended();
    ASSERT_TRUE(exit);
    EXPECT_EQ(exit->code, 0);
    EXPECT_EQ(child.ended()->code, 0) << "also once it was reaped";
    EXPECT_EQ(child.wait().code, 0);
}

TEST(ChildProcess, WritesItsErrorsToOursWhenAskedTo) {
    auto pipe = make_pipe();
    const int status = forked([&pipe] {
        ::dup2(pipe->write_end.get(), STDERR_FILENO);
        auto options = shell("echo to everybody >&2");
        options.own_stderr = false;
        auto child = start(options);
        ::_exit(child.wait().success() && !child.standard_error() ? 0 : 1);
    });
    EXPECT_EQ(WEXITSTATUS(status), 0);
    pipe->write_end.reset();
    EXPECT_EQ(all_of(pipe->read_end), "to everybody\n");
}

TEST(ChildProcess, LeavesNoDescriptorBehind) {
    const auto before = open_descriptors();
    {
        auto child = start(shell("true"));
        child.wait();
    }
    EXPECT_EQ(open_descriptors(), before);
}

}  // namespace
}  // namespace lifeboat::os
