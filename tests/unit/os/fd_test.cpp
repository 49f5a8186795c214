#include "os/fd.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>
#include <cerrno>
#include <csignal>
#include <thread>

namespace lifeboat::os {
namespace {

using testing::HasSubstr;

bool is_open(int fd) {
    return ::fcntl(fd, F_GETFD) >= 0;
}

std::span<const std::byte> bytes(const std::string& text) {
    return std::as_bytes(std::span(text));
}

// A pipe that holds `text` and has come to its end.
Fd holding(const std::string& text) {
    auto pipe = make_pipe();
    EXPECT_EQ(write_all(pipe->write_end.get(), bytes(text)), 0);
    return std::move(pipe->read_end);
}

TEST(Fd, ClosesWhatItOwns) {
    int number = -1;
    {
        const Fd fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
        number = fd.get();
        ASSERT_TRUE(is_open(number));
    }
    EXPECT_FALSE(is_open(number));
}

TEST(Fd, ClosesTheOldOneWhenItGetsAnother) {
    Fd fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    Fd other(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    const int first = fd.get();
    const int second = other.get();
    fd = std::move(other);
    EXPECT_FALSE(is_open(first));
    EXPECT_TRUE(is_open(second));
    EXPECT_EQ(fd.get(), second);
}

TEST(Fd, LeavesAReleasedOneOpen) {
    Fd fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    const Fd kept(fd.release());
    EXPECT_FALSE(fd);
    fd.reset();
    EXPECT_TRUE(is_open(kept.get()));
}

TEST(Pipe, IsClosedOnExec) {
    const auto pipe = make_pipe();
    ASSERT_TRUE(pipe);
    EXPECT_EQ(::fcntl(pipe->read_end.get(), F_GETFD), FD_CLOEXEC);
    EXPECT_EQ(::fcntl(pipe->write_end.get(), F_GETFD), FD_CLOEXEC);
}

TEST(WriteAll, WritesMoreThanAPipeHolds) {
    auto pipe = make_pipe(4096);
    ASSERT_TRUE(pipe);
    std::string text(1 << 20, 'x');
    text.back() = 'y';
    int error = -1;
    std::thread writer([&] {
        error = write_all(pipe->write_end.get(), bytes(text));
        pipe->write_end.reset();
    });
    const auto got = read_all(pipe->read_end.get(), "the pipe", text.size());
    writer.join();
    EXPECT_EQ(error, 0);
    ASSERT_TRUE(got);
    EXPECT_TRUE(*got == text);
}

TEST(WriteAll, TellsWhyAWriteFailed) {
    const Fd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
    EXPECT_EQ(write_all(full.get(), bytes("x")), ENOSPC);

    const auto old_handler = std::signal(SIGPIPE, SIG_IGN);
    auto pipe = make_pipe();
    pipe->read_end.reset();
    EXPECT_EQ(write_all(pipe->write_end.get(), bytes("x")), EPIPE);
    std::signal(SIGPIPE, old_handler);
}

TEST(ReadAll, TakesAsMuchAsTheLimit) {
    const auto text = read_all(holding("12345").get(), "the pipe", 5);
    ASSERT_TRUE(text);
    EXPECT_EQ(*text, "12345");
}

TEST(ReadAll, RefusesOneByteMoreAndNamesTheSource) {
    const auto text = read_all(holding("123456").get(), "the pipe", 5);
    ASSERT_FALSE(text);
    EXPECT_EQ(text.error().what, "the pipe is larger than 5 bytes");
}

TEST(ReadFile, TellsAMissingFileApart) {
    const auto text = read_file("/nonexistent/key.txt", 100);
    ASSERT_FALSE(text);
    EXPECT_EQ(text.error().kind, ErrorKind::not_found);
    EXPECT_THAT(text.error().what, HasSubstr("/nonexistent/key.txt"));
}

TEST(ReadFile, RefusesAFolder) {
    const auto text = read_file("/etc", 100);
    ASSERT_FALSE(text);
    EXPECT_EQ(text.error().kind, ErrorKind::failed);
    EXPECT_THAT(text.error().what, HasSubstr("/etc"));
}

TEST(ReadFile, StopsReadingAFileWithoutEnd) {
    EXPECT_FALSE(read_file("/dev/zero", 100000));
}

}  // namespace
}  // namespace lifeboat::os
