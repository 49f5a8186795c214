#include "archive/toc.hpp"

#include "archive_builder.hpp"

#include <gtest/gtest.h>

namespace lifeboat::archive {
namespace {

using stream::as_bytes;

class Collector final : public stream::Sink {
public:
    Status write(stream::Bytes chunk) override {
        received += stream::as_text(chunk);
        return failing ? Status(failed("disk full")) : done();
    }
    Status finish() override {
        finished = true;
        return failing ? Status(failed("disk full")) : done();
    }

    std::string received;
    bool finished = false;
    bool failing = false;
};

TEST(TocTap, PassesEveryByteOnAndReadsTheTableOfContents) {
    const auto archive = ArchiveBuilder().add(sample_table()).build() + "\x01 rows and more rows";
    Collector next;
    TocTap tap(next);

    for (std::size_t at = 0; at < archive.size(); at += 7) {
        ASSERT_TRUE(tap.write(as_bytes(std::string_view(archive).substr(at, 7))));
    }
    ASSERT_TRUE(tap.finish());

    EXPECT_EQ(next.received, archive);
    EXPECT_TRUE(next.finished);
    ASSERT_TRUE(tap.toc().complete());
    EXPECT_EQ(tap.toc().entries().at(0).owner, "app");
}

TEST(TocTap, DoesNotDisturbAStreamThatItCannotRead) {
    const std::string archive = "not an archive at all, but somebody wants it";
    Collector next;
    TocTap tap(next);

    ASSERT_TRUE(tap.write(as_bytes(archive)));
    ASSERT_TRUE(tap.finish());

    EXPECT_EQ(next.received, archive);
    EXPECT_FALSE(tap.toc().verdict());
}

TEST(TocTap, KeepsTheVerdictOfAStreamThatEndsEarly) {
    Collector next;
    TocTap tap(next);

    ASSERT_TRUE(tap.write(as_bytes("PGDMP\x01")));
    ASSERT_TRUE(tap.finish());

    EXPECT_EQ(tap.toc().verdict().error().kind, ErrorKind::corrupt);
}

TEST(TocTap, HandsOnTheErrorsOfTheNextStage) {
    Collector next;
    next.failing = true;
    TocTap tap(next);

    EXPECT_FALSE(tap.write(as_bytes("PGDMP")));
    EXPECT_FALSE(tap.finish());
}

}  // namespace
}  // namespace lifeboat::archive
