#include "stream/counter.hpp"
#include "stream/fd_sink.hpp"

#include "os/fd.hpp"
#include "sinks.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <csignal>

namespace lifeboat::stream {
namespace {

using testing::HasSubstr;

TEST(Counter, CountsWhatItPassesOn) {
    Collected end;
    Counter counter(end);
    ASSERT_TRUE(counter.write(as_bytes("12345")));
    ASSERT_TRUE(counter.write(as_bytes("")));
    ASSERT_TRUE(counter.write(as_bytes("67")));
    ASSERT_TRUE(counter.finish());
    EXPECT_EQ(counter.bytes(), 7U);
    EXPECT_EQ(end.text, "1234567");
    EXPECT_EQ(end.finishes, 1);
}

TEST(Counter, DoesNotCountWhatWasRefused) {
    Failing end(3);
    Counter counter(end);
    ASSERT_TRUE(counter.write(as_bytes("123")));
    EXPECT_FALSE(counter.write(as_bytes("4")));
    EXPECT_EQ(counter.bytes(), 3U);
}

TEST(FdSink, WritesToItsDescriptorAndLeavesItOpen) {
    auto pipe = os::make_pipe();
    {
        FdSink sink(pipe->write_end.get(), "the pipe");
        ASSERT_TRUE(sink.write(as_bytes("some bytes")));
        ASSERT_TRUE(sink.finish());
    }
    EXPECT_GE(::fcntl(pipe->write_end.get(), F_GETFD), 0);
    pipe->write_end.reset();
    EXPECT_EQ(os::read_all(pipe->read_end.get(), "the pipe", 100).value(), "some bytes");
}

TEST(FdSink, TellsAReaderThatWentAwayApart) {
    const auto old_handler = std::signal(SIGPIPE, SIG_IGN);
    auto pipe = os::make_pipe();
    pipe->read_end.reset();
    FdSink sink(pipe->write_end.get(), "standard output");
    const auto written = sink.write(as_bytes("x"));
    std::signal(SIGPIPE, old_handler);
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().kind, ErrorKind::interrupted);
    EXPECT_THAT(written.error().what, HasSubstr("standard output"));
}

TEST(FdSink, NamesAFullDisk) {
    const os::Fd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
    FdSink sink(full.get(), "standard output");
    const auto written = sink.write(as_bytes("x"));
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().kind, ErrorKind::failed);
    EXPECT_EQ(written.error().what, "cannot write to standard output: No space left on device");
    EXPECT_EQ(written.error().next, "free some space");
}

}  // namespace
}  // namespace lifeboat::stream
