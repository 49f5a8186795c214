// Against Debian's zstd: what either side writes, the other opens.
#include "stream/zstd.hpp"

#include "os/child_process.hpp"
#include "sinks.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace lifeboat::stream {
namespace {

struct Outcome {
    os::ExitState exit;
    std::string output;
};

Outcome zstd(std::vector<std::string> arguments, const std::string& input) {
    os::ChildOptions options;
    options.program = "/usr/bin/zstd";
    options.arguments = std::move(arguments);
    options.environment = {"PATH=/usr/bin:/bin"};
    options.pipe_stdin = true;
    options.pipe_stdout = true;
    auto child = os::ChildProcess::start(options);
    if (!child) {
        ADD_FAILURE() << child.error().what;
        return {};
    }
    std::thread writer([&] {
        (void)os::write_all(child->standard_input().get(), std::as_bytes(std::span(input)));
        child->standard_input().reset();
    });
    auto output = os::read_all(child->standard_output().get(), "zstd", std::size_t{1} << 28U);
    writer.join();
    return {child->wait(), output ? *output : "unreadable"};
}

std::string compressed(const std::string& text) {
    Collected end;
    auto stage = zstd_compressor(3, end);
    EXPECT_TRUE((*stage)->write(as_bytes(text)));
    EXPECT_TRUE((*stage)->finish());
    return end.text;
}

TEST(ZstdTool, OpensWhatWasCompressedHere) {
    for (const std::string& text : {std::string(), random_text(300'000), repetitive_text(3'000'000)}) {
        const auto opened = zstd({"-d", "-c"}, compressed(text));
        EXPECT_TRUE(opened.exit.success());
        EXPECT_TRUE(opened.output == text) << text.size() << " bytes";
    }
}

TEST(ZstdTool, FindsTheChecksumInWhatWasCompressedHere) {
    std::string frame = compressed("some text");
    frame.back() = static_cast<char>(frame.back() ^ 1);  // the checksum is a frame's end
    EXPECT_FALSE(zstd({"-d", "-c", "-q"}, frame).exit.success());
}

TEST(ZstdTool, WritesWhatIsOpenedHere) {
    const std::string text = repetitive_text(2'000'000);
    for (const char* level : {"-1", "-3", "-19", "--fast=5"}) {
        const auto packed = zstd({level, "-c", "-q"}, text);
        ASSERT_TRUE(packed.exit.success());
        Collected end;
        auto stage = zstd_decompressor(end);
        ASSERT_TRUE(write_in_pieces(**stage, packed.output, 1000));
        ASSERT_TRUE((*stage)->finish());
        EXPECT_TRUE(end.text == text) << "zstd " << level;
    }
}

}  // namespace
}  // namespace lifeboat::stream
