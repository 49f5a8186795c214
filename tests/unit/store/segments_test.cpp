#include "store/segments.hpp"

#include "store_fixtures.hpp"
#include "support/memory_store.hpp"

#include <gmock/gmock.h>

namespace lifeboat::store {
namespace {

using test::content_of;
using test::FaultScript;
using test::FlakyStore;
using test::key;
using test::listed;
using test::MemoryStore;
using test::unfinished_keys;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::uint64_t segment = 100;

class Text final : public stream::Sink {
public:
    Status write(stream::Bytes chunk) override {
        text.append(stream::as_text(chunk));
        return done();
    }
    Status finish() override {
        finished = true;
        return done();
    }

    std::string text;
    bool finished = false;
};

// Writes `content` in pieces of `piece` bytes.
Status write(SegmentWriter& writer, const std::string& content, std::size_t piece) {
    for (std::size_t at = 0; at < content.size(); at += piece) {
        if (auto written = writer.write(stream::as_bytes(std::string_view(content).substr(at, piece))); !written) {
            return written;
        }
    }
    return done();
}

Result<std::vector<StoredObject>> store_all(ObjectStore& store, const std::string& content, std::size_t piece = 30,
                                            std::uint64_t size = segment) {
    SegmentWriter writer(store, key("a/stream"), size);
    if (auto written = write(writer, content, piece); !written) {
        return written.error();
    }
    if (auto finished = writer.finish(); !finished) {
        return finished.error();
    }
    return writer.commit();
}

TEST(SegmentKey, NumbersFromTheSecondOneOn) {
    EXPECT_EQ(segment_key(key("a/b.zst"), 0)->text(), "a/b.zst");
    EXPECT_EQ(segment_key(key("a/b.zst"), 1)->text(), "a/b.zst.0001");
    EXPECT_EQ(segment_key(key("a/b.zst"), 9999)->text(), "a/b.zst.9999");
    EXPECT_EQ(segment_key(key("a/b.zst"), 10000)->text(), "a/b.zst.10000");
    EXPECT_FALSE(segment_key(key(std::string(240, 'x')), 1)) << "a key that would be too long";
}

TEST(Segments, BeginAnewOnlyWhenMoreComes) {
    for (const auto& [size, count] : std::vector<std::pair<std::size_t, std::size_t>>{{0, 1},
                                                                                      {1, 1},
                                                                                      {segment - 1, 1},
                                                                                      {segment, 1},
                                                                                      {segment + 1, 2},
                                                                                      {2 * segment, 2},
                                                                                      {2 * segment + 1, 3}}) {
        for (const std::size_t piece : {std::size_t{1}, std::size_t{30}, std::size_t{1000}}) {
            MemoryStore store;
            const auto stored = store_all(store, content_of(size), piece);
            ASSERT_TRUE(stored);
            EXPECT_THAT(*stored, SizeIs(count)) << size << " bytes in pieces of " << piece;
        }
    }
}

TEST(Segments, TellWhatTheyAreAndConcatenateToTheStream) {
    MemoryStore store;
    const std::string content = content_of(250);
    const auto stored = store_all(store, content);
    ASSERT_TRUE(stored);
    EXPECT_THAT(listed(store), ElementsAre("a/stream", "a/stream.0001", "a/stream.0002"));
    std::string all;
    for (const auto& object : *stored) {
        const auto part = get(store, object.key, {}, segment);
        ASSERT_TRUE(part);
        EXPECT_EQ(object.size, part->size());
        EXPECT_EQ(object.sha256, stream::sha256_hex(*part));
        all += *part;
    }
    EXPECT_EQ(all, content);
}

TEST(Segments, AreNoLargerThanTheStoreAllows) {
    for (const std::uint64_t asked : {std::uint64_t{0}, std::uint64_t{1000}}) {
        MemoryStore store(segment);
        const auto stored = store_all(store, content_of(250), 30, asked);
        ASSERT_TRUE(stored) << stored.error().what;
        EXPECT_THAT(*stored, SizeIs(3));
    }
}

TEST(Segments, ShowNothingOfAShortStreamBeforeCommit) {
    MemoryStore store;
    SegmentWriter writer(store, key("a/stream"), segment);
    ASSERT_TRUE(write(writer, content_of(segment), 30));
    ASSERT_TRUE(writer.finish());
    EXPECT_THAT(listed(store), IsEmpty());
    ASSERT_TRUE(writer.commit());
    EXPECT_THAT(listed(store), ElementsAre("a/stream"));
}

TEST(Segments, CannotBeCommittedBeforeTheEnd) {
    MemoryStore store;
    SegmentWriter writer(store, key("a/stream"), segment);
    ASSERT_TRUE(write(writer, content_of(10), 30));
    EXPECT_FALSE(writer.commit());
}

TEST(Segments, GoAwayWhenTheyAreNotCommitted) {
    MemoryStore store;
    {
        SegmentWriter writer(store, key("a/stream"), segment);
        ASSERT_TRUE(write(writer, content_of(250), 30));
        ASSERT_TRUE(writer.finish());
        EXPECT_THAT(listed(store), SizeIs(2)) << "the full ones had to be ended to go on";
    }
    EXPECT_THAT(listed(store), IsEmpty());
    EXPECT_THAT(unfinished_keys(store), IsEmpty());
}

TEST(Segments, GoAwayAfterAFaultAtAnyCall) {
    MemoryStore store;
    const std::string content = content_of(250);
    for (const std::string verb : {"begin", "write", "commit"}) {
        for (int nth = 1; nth <= 3; ++nth) {
            FaultScript script;
            script.fail(verb, nth, {ErrorKind::temporary, "the store is away", {}});
            FlakyStore flaky(store, script);
            const auto stored = store_all(flaky, content);
            ASSERT_FALSE(stored) << verb << " " << nth;
            EXPECT_EQ(stored.error().kind, ErrorKind::temporary);
            EXPECT_THAT(listed(store), IsEmpty()) << verb << " " << nth;
            EXPECT_THAT(unfinished_keys(store), IsEmpty()) << verb << " " << nth;
        }
    }
}

TEST(Segments, DoNotGoOnAfterAFailure) {
    MemoryStore store;
    FaultScript script;
    script.fail("commit", 1, {ErrorKind::temporary, "the store is away", {}});
    FlakyStore flaky(store, script);
    SegmentWriter writer(flaky, key("a/stream"), segment);
    ASSERT_TRUE(write(writer, content_of(segment), segment));
    ASSERT_FALSE(write(writer, "more", 4)) << "the full segment could not be ended";
    for (const auto& later : {write(writer, "more", 4), writer.finish()}) {
        ASSERT_FALSE(later);
        EXPECT_EQ(later.error().what, "the store is away");
    }
    EXPECT_FALSE(writer.commit());
    EXPECT_THAT(listed(store), IsEmpty());
}

TEST(Segments, AreCommittedOnce) {
    MemoryStore store;
    SegmentWriter writer(store, key("a/stream"), segment);
    ASSERT_TRUE(write(writer, content_of(30), 30));
    EXPECT_FALSE(writer.commit()) << "not finished";
    SegmentWriter whole(store, key("b/stream"), segment);
    ASSERT_TRUE(write(whole, content_of(30), 30));
    ASSERT_TRUE(whole.finish());
    ASSERT_TRUE(whole.commit());
    EXPECT_FALSE(whole.commit());
    EXPECT_THAT(listed(store), ElementsAre("b/stream"));
}

TEST(ReadSegments, PassesThemOnInOrderAndFinishesNothing) {
    MemoryStore store;
    const std::string content = content_of(250);
    const auto stored = store_all(store, content);
    Text text;
    ASSERT_TRUE(read_segments(store, *stored, text));
    EXPECT_EQ(text.text, content);
    EXPECT_FALSE(text.finished);
}

class ReadDamagedSegments : public testing::Test {
protected:
    void SetUp() override {
        auto stored = store_all(store_, content_);
        ASSERT_TRUE(stored);
        stored_ = *stored;
    }
    Error refused() {
        Text text;
        auto read = read_segments(store_, stored_, text);
        if (read) {
            ADD_FAILURE() << "nothing was found";
            return {};
        }
        return std::move(read).error();
    }

    const std::string content_ = content_of(250);
    MemoryStore store_;
    std::vector<StoredObject> stored_;
};

TEST_F(ReadDamagedSegments, FindsOneOfOtherBytes) {
    std::string other = content_.substr(segment, segment);
    other[50] = static_cast<char>(other[50] ^ 1);
    store_.tamper(stored_[1].key, other);
    const auto error = refused();
    EXPECT_EQ(error.kind, ErrorKind::corrupt);
    EXPECT_THAT(error.what, HasSubstr("a/stream.0001 does not have the SHA-256"));
}

TEST_F(ReadDamagedSegments, FindsOneOfAnotherSize) {
    for (const std::size_t size : {std::size_t{99}, std::size_t{101}, std::size_t{0}}) {
        store_.tamper(stored_[1].key, content_.substr(segment, size));
        const auto error = refused();
        EXPECT_EQ(error.kind, ErrorKind::corrupt);
        EXPECT_THAT(error.what, HasSubstr("a/stream.0001 has " + std::to_string(size) + " bytes"));
    }
}

TEST_F(ReadDamagedSegments, FindsThatOneIsMissing) {
    ASSERT_TRUE(store_.remove(stored_[2].key, {}));
    const auto error = refused();
    EXPECT_EQ(error.kind, ErrorKind::not_found);
    EXPECT_THAT(error.what, HasSubstr("a/stream.0002"));
}

TEST_F(ReadDamagedSegments, FindsThatTwoChangedPlaces) {
    store_.tamper(stored_[0].key, content_.substr(segment, segment));
    store_.tamper(stored_[1].key, content_.substr(0, segment));
    EXPECT_EQ(refused().kind, ErrorKind::corrupt);
}

}  // namespace
}  // namespace lifeboat::store
