#include "stream/zstd.hpp"

#include "sinks.hpp"

#include <gtest/gtest.h>

namespace lifeboat::stream {
namespace {

using std::string_literals::operator""s;

std::string compressed(std::string_view text, int level = 3) {
    Collected end;
    auto stage = zstd_compressor(level, end);
    EXPECT_TRUE(write_in_pieces(**stage, text, 100'000));
    EXPECT_TRUE((*stage)->finish());
    EXPECT_EQ(end.finishes, 1);
    return end.text;
}

struct Opened {
    Status status;
    std::string text;
    int finishes = 0;
};

Opened opened(std::string_view frames, std::size_t largest_piece = 100'000) {
    Collected end;
    auto stage = zstd_decompressor(end);
    auto status = write_in_pieces(**stage, frames, largest_piece);
    if (status) {
        status = (*stage)->finish();
    }
    return {std::move(status), std::move(end.text), end.finishes};
}

void expect_corrupt(const Opened& opened, const std::string& of_what) {
    ASSERT_FALSE(opened.status) << of_what;
    EXPECT_EQ(opened.status.error().kind, ErrorKind::corrupt) << of_what;
    EXPECT_EQ(opened.finishes, 0) << of_what;
}

TEST(Zstd, BringsBackStreamsOfEverySizeAroundItsBuffers) {
    constexpr std::size_t buffer = std::size_t{128} * 1024;
    for (const std::size_t size :
         {std::size_t{0}, std::size_t{1}, buffer - 1, buffer, buffer + 1, 2 * buffer, 3 * buffer + 7}) {
        for (const std::string& text : {random_text(size), repetitive_text(size), std::string(size, 'x')}) {
            const auto back = opened(compressed(text));
            ASSERT_TRUE(back.status) << size;
            EXPECT_TRUE(back.text == text) << size;
            EXPECT_EQ(back.finishes, 1);
        }
    }
}

TEST(Zstd, BringsBackAStreamThatIsReadByteByByte) {
    const std::string text = repetitive_text(400'000);
    const auto back = opened(compressed(text), 1);
    ASSERT_TRUE(back.status);
    EXPECT_TRUE(back.text == text);
}

TEST(Zstd, KnowsEveryLevelFrom1To19) {
    const std::string text = repetitive_text(100'000);
    for (int level = 1; level <= 19; ++level) {
        const auto frame = compressed(text, level);
        EXPECT_LT(frame.size(), text.size() / 3) << level;
        EXPECT_TRUE(opened(frame).text == text) << level;
    }
}

TEST(Zstd, RefusesAStreamThatEndsTooEarly) {
    const std::string frame = compressed(random_text(300));
    for (std::size_t size = 0; size < frame.size(); ++size) {
        expect_corrupt(opened(frame.substr(0, size)),
                       std::to_string(size) + " bytes of " + std::to_string(frame.size()));
    }
}

TEST(Zstd, NeverFinishesWithOtherContent) {
    const std::string text = repetitive_text(2000);
    const std::string frame = compressed(text);
    int refused = 0;
    for (std::size_t at = 0; at < frame.size(); ++at) {
        for (unsigned bit = 0; bit < 8; ++bit) {
            std::string damaged = frame;
            damaged[at] = static_cast<char>(static_cast<unsigned char>(damaged[at]) ^ (1U << bit));
            const auto back = opened(damaged);
            refused += back.status ? 0 : 1;
            EXPECT_TRUE(!back.status || back.text == text) << "bit " << bit << " of byte " << at;
        }
    }
    // Some bits of a frame's header mean nothing for its content; hardly any others.
    EXPECT_GT(refused, static_cast<int>(frame.size() * 8 - 32));
}

TEST(Zstd, RefusesTrailingBytes) {
    for (const std::string& tail : {"\0"s, "abc"s, "more than a frame's header"s}) {
        expect_corrupt(opened(compressed("text") + tail), tail);
    }
}

TEST(Zstd, ReadsFramesOneAfterAnother) {
    const std::string first = repetitive_text(200'000);
    const auto back = opened(compressed(first) + compressed("") + compressed("and the end"));
    ASSERT_TRUE(back.status);
    EXPECT_TRUE(back.text == first + "and the end");
    EXPECT_EQ(back.finishes, 1);
}

// Magic number, a header that asks for a window of 2^log bytes, and one empty last block.
std::string frame_with_window(unsigned log) {
    return "\x28\xB5\x2F\xFD\0"s + static_cast<char>((log - 10) << 3U) + "\1\0\0"s;
}

TEST(Zstd, RefusesAWindowOfMoreThan128MiB) {
    EXPECT_TRUE(opened(frame_with_window(27)).status);
    expect_corrupt(opened(frame_with_window(28)), "256 MiB");
}

TEST(Zstd, StaysBrokenAfterDamage) {
    Collected end;
    auto stage = zstd_decompressor(end);
    ASSERT_TRUE((*stage)->write(as_bytes(compressed("text"))));
    ASSERT_FALSE((*stage)->write(as_bytes("what is no frame")));
    EXPECT_FALSE((*stage)->write(as_bytes(compressed("more"))));
    EXPECT_FALSE((*stage)->finish());
    EXPECT_EQ(end.finishes, 0);
    EXPECT_EQ(end.text, "text");
}

TEST(Zstd, PassesOnWhatTheNextStageSays) {
    Failing end;
    auto packing = zstd_compressor(3, end);
    Status packed = (*packing)->write(as_bytes(random_text(1'000'000)));
    ASSERT_FALSE(packed);
    EXPECT_EQ(packed.error().what, Failing::error().what);

    auto opening = zstd_decompressor(end);
    const auto written = (*opening)->write(as_bytes(compressed("text")));
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().what, Failing::error().what);
    EXPECT_EQ(end.finishes, 0);
}

}  // namespace
}  // namespace lifeboat::stream
