#include "archive_front.hpp"

#include <gtest/gtest.h>
#include <cstdlib>

namespace lifeboat::drill {
namespace {

class Gathered final : public stream::Sink {
public:
    Status write(stream::Bytes chunk) override {
        text.append(stream::as_text(chunk));
        return done();
    }
    Status finish() override { return failed("not the whole archive"); }

    std::string text;
};

std::string passed(ArchiveFront& front) {
    Gathered sink;
    const auto ended = front.pass(sink);
    EXPECT_TRUE(ended.ok()) << (ended ? "" : ended.error().what);
    return sink.text;
}

// Whether it stays in memory, goes to a file in the middle, or begins there.
TEST(ArchiveFront, GivesBackWhatItKeptAsOftenAsAsked) {
    for (const std::size_t in_memory : {std::size_t{100}, std::size_t{7}, std::size_t{0}}) {
        ArchiveFront front(in_memory);
        for (const char* piece : {"the ", "head ", "of an archive"}) {
            front.keep(stream::as_bytes(piece));
        }
        EXPECT_EQ(front.size(), 22U);
        EXPECT_EQ(passed(front), "the head of an archive") << in_memory;
        EXPECT_EQ(passed(front), "the head of an archive") << in_memory;
    }
}

// What passes is not disturbed; the one who needs what was kept hears of it.
TEST(ArchiveFront, TellsLaterThatThereWasNoRoom) {
    const char* before = std::getenv("TMPDIR");
    const std::string kept = before == nullptr ? "" : before;
    ::setenv("TMPDIR", "/nowhere/at/all", 1);
    ArchiveFront front(3);
    front.keep(stream::as_bytes("abc"));
    EXPECT_EQ(passed(front), "abc");
    front.keep(stream::as_bytes("d"));
    front.keep(stream::as_bytes("e"));
    Gathered sink;
    const auto ended = front.pass(sink);
    before == nullptr ? ::unsetenv("TMPDIR") : ::setenv("TMPDIR", kept.c_str(), 1);
    ASSERT_FALSE(ended.ok());
    EXPECT_NE(ended.error().what.find("/nowhere/at/all"), std::string::npos);
    EXPECT_NE(ended.error().next.find("TMPDIR"), std::string::npos);
    EXPECT_EQ(sink.text, "");
}

}  // namespace
}  // namespace lifeboat::drill
