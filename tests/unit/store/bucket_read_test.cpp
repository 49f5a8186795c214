// What comes out of a bucket: in order, whole, and within its memory.
#include "bucket_fixture.hpp"
#include "store/segments.hpp"

namespace lifeboat::test {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::size_t part = bucket_part_size;
const std::string full_key = "backups/data/app";

class BucketRead : public BucketStore {
protected:
    Result<std::string> get() { return get_text(store(), "data/app"); }

    // The `nth` GET ends in the middle: `count` bytes of it came.
    void cut(int nth, std::size_t count, s3::Broken how = s3::Broken::cut, int times = 1) {
        server.afterwards = [=, seen = std::make_shared<std::atomic<int>>(0)](const S3Request& request,
                                                                              s3::HttpReply& reply) {
            if (request.operation != "GetObject") {
                return;
            }
            if (const int now = ++*seen; now >= nth && now < nth + times) {
                reply.body.resize(std::min(reply.body.size(), count));
                reply.broken = how;
            }
        };
    }
};

TEST_F(BucketRead, PassesOnEveryByteInOrder) {
    for (const std::size_t size : {std::size_t{1}, part - 1, part, part + 1, 2 * part, 25 * part + 7}) {
        server.remove_everything(full_key);
        const std::string content = content_of(size);
        server.add(full_key, content);
        const auto read = get();
        ASSERT_TRUE(read.ok()) << read.error().what;
        EXPECT_TRUE(*read == content) << size;
    }
}

TEST_F(BucketRead, AsksForEachRangeOnce) {
    server.add(full_key, content_of(3 * part + 1));
    ASSERT_TRUE(get().ok());
    std::vector<std::string> ranges;
    for (const auto& request : server.log_of("GetObject")) {
        ranges.push_back(request.header("range"));
    }
    std::sort(ranges.begin(), ranges.end());
    EXPECT_THAT(ranges, ElementsAre("bytes=0-9999", "bytes=10000-19999", "bytes=20000-29999", "bytes=30000-30000"));
}

TEST_F(BucketRead, ReadsAnObjectOfNoBytes) {
    server.add(full_key, "");
    EXPECT_EQ(get().value(), "");
}

TEST_F(BucketRead, ReadsWhatAServerGivesWithoutRanges) {
    server.heeds_ranges = false;
    server.add(full_key, "small");
    EXPECT_EQ(get().value(), "small");
}

TEST_F(BucketRead, ReadsTheVersionThatIsAskedFor) {
    const auto first = server.add(full_key, content_of(3 * part, 1));
    server.add(full_key, content_of(4 * part, 2));
    server.hide(full_key);
    const auto old = store::get(store(), key("data/app"), first, 10 * part);
    ASSERT_TRUE(old.ok()) << old.error().what;
    EXPECT_TRUE(*old == content_of(3 * part, 1));
    for (const auto& request : server.log_of("GetObject")) {
        EXPECT_EQ(request.asked("versionId"), first);
    }
    EXPECT_EQ(get().error().kind, ErrorKind::not_found) << "the current one is hidden";
}

TEST_F(BucketRead, PassesOverAVersionWhereThereAreNone) {
    server.versioned = false;
    server.versions_status = 501;
    server.add(full_key, "copied from elsewhere");
    EXPECT_THAT(listed(store()), SizeIs(1));
    EXPECT_EQ(store::get(store(), key("data/app"), "version-of-elsewhere", 100).value(), "copied from elsewhere");
}

// Encrypted with a key of its writer's own (SSE-C): no other gets it.
TEST_F(BucketRead, TellsAnObjectThatIsGivenToNobodyFromAKeyThatMayNothing) {
    const auto version = server.add(full_key, "under another's key");
    const auto refused = [&](const char* code, const std::string& wanted) {
        fail("GetObject", s3_error(400, code), 1, always);
        return store::get(store(), key("data/app"), wanted, 100).error();
    };
    EXPECT_EQ(refused("InvalidRequest", "").kind, ErrorKind::corrupt);
    EXPECT_THAT(refused("InvalidRequest", "").what, HasSubstr("400 InvalidRequest"));
    EXPECT_EQ(refused("InvalidRequest", version).kind, ErrorKind::not_found) << "as one of another store";
    EXPECT_THAT(refused("InvalidRequest", version).what, HasSubstr("400 InvalidRequest"));
    for (const char* code : {"ExpiredToken", "AuthorizationHeaderMalformed", "InvalidBucketName", ""}) {
        EXPECT_EQ(refused(code, "").kind, ErrorKind::failed) << code;
        EXPECT_EQ(refused(code, version).kind, ErrorKind::failed) << code;
    }
}

class Collecting final : public stream::Sink {
public:
    Status write(stream::Bytes chunk) override {
        content.append(stream::as_text(chunk));
        return done();
    }
    Status finish() override { return done(); }
    std::string content;
};

TEST_F(BucketRead, ReadsWhatACopyOfABucketHoldsUnderTheKey) {
    for (const bool versioned : {true, false}) {
        server.versioned = versioned;
        server.add(full_key, "copied from elsewhere");
        const std::string hash = stream::sha256_hex("copied from elsewhere");
        const store::StoredObject original{key("data/app"), 21, hash, "version-of-elsewhere"};
        Collecting sink;
        EXPECT_TRUE(store::read_segments(store(), {original}, sink).ok());
        EXPECT_EQ(sink.content, "copied from elsewhere");
        EXPECT_FALSE(store::read_segments(store(), {{key("data/other"), 21, hash, "version-of-elsewhere"}}, sink).ok());
        auto strictly = store::get(store(), key("data/app"), "version-of-elsewhere", 100);
        ASSERT_FALSE(strictly.ok()) << "without a hash it is that version or none";
        EXPECT_EQ(strictly.error().kind, ErrorKind::not_found);
    }
}

// --- Breaks

TEST_F(BucketRead, GoesOnWhereItBroke) {
    const std::string content = content_of(6 * part);
    server.add(full_key, content);
    for (const int nth : {1, 2, 4}) {
        for (const auto how : {s3::Broken::cut, s3::Broken::stalled}) {
            server.forget_log();
            cut(nth, 1'234, how);
            const auto read = get();
            ASSERT_TRUE(read.ok()) << read.error().what;
            EXPECT_TRUE(*read == content);
            std::size_t rests = 0;
            for (const auto& request : server.log_of("GetObject")) {
                rests += request.header("range").find("1234-") != std::string::npos ? 1U : 0U;
            }
            EXPECT_EQ(rests, 1U) << "the bytes that came are not asked for again";
        }
    }
}

TEST_F(BucketRead, ChecksThatItGoesOnInTheSameObject) {
    server.add(full_key, content_of(6 * part, 1));
    ASSERT_TRUE(get().ok());
    std::size_t unguarded = 0;
    for (const auto& request : server.log_of("GetObject")) {
        unguarded += request.header("if-match").empty() ? 1U : 0U;
    }
    EXPECT_EQ(unguarded, 1U) << "the first one alone, which tells the ETag";
}

TEST_F(BucketRead, IsCorruptWhenTheObjectIsGivenOtherBytesMeanwhile) {
    server.add(full_key, content_of(6 * part, 1));
    server.afterwards = [&, changed = std::make_shared<std::atomic<bool>>(false)](const S3Request& request,
                                                                                  s3::HttpReply&) {
        if (request.operation == "GetObject" && !changed->exchange(true)) {
            server.add(full_key, content_of(6 * part, 2));
        }
    };
    const auto read = get();
    ASSERT_FALSE(read.ok());
    EXPECT_EQ(read.error().kind, ErrorKind::corrupt);
}

TEST_F(BucketRead, GivesUpWhereNothingComesAnyMore) {
    server.add(full_key, content_of(3 * part));
    fail("GetObject", s3_broken(s3::Broken::cut), 2, always);
    timer.roll(500);
    EXPECT_EQ(get().error().kind, ErrorKind::temporary);
}

TEST_F(BucketRead, BeginsItsBudgetAnewWhenBytesCame) {
    options.part_size = std::size_t{4} << 20U;
    options.retry_for = std::chrono::seconds(10);
    const std::string content = content_of(options.part_size);
    server.add(full_key, content);
    timer.roll(500);
    cut(1, std::size_t{64} << 10U, s3::Broken::cut, 40);  // at half a second each
    const auto read = get();
    ASSERT_TRUE(read.ok()) << read.error().what;
    EXPECT_TRUE(*read == content);
}

TEST_F(BucketRead, GivesUpWhereHardlyAnythingComesAnyMore) {
    options.part_size = std::size_t{4} << 20U;
    options.retry_for = std::chrono::seconds(10);
    server.add(full_key, content_of(options.part_size));
    timer.roll(500);
    cut(1, 1'000, s3::Broken::cut, always);
    EXPECT_EQ(get().error().kind, ErrorKind::temporary);
}

TEST_F(BucketRead, DoesNotTakeOtherBytesThanItAskedFor) {
    server.add(full_key, content_of(3 * part));
    for (const char* shown : {"bytes 0-9999/30000", "bytes 10000-19999/40000", "nonsense", ""}) {
        server.afterwards = [=](const S3Request& request, s3::HttpReply& reply) {
            if (request.operation == "GetObject" && request.header("range").starts_with("bytes=10000-")) {
                reply.headers["content-range"] = shown;
            }
        };
        const auto read = get();
        ASSERT_FALSE(read.ok()) << shown;
        EXPECT_EQ(read.error().kind, ErrorKind::failed);
        EXPECT_THAT(read.error().what, HasSubstr("other bytes"));
    }
}

TEST_F(BucketRead, IsNotFoundWhereThereIsNone) {
    EXPECT_EQ(get().error().kind, ErrorKind::not_found);
    fail("GetObject", s3_error(404, "NoSuchBucket"));
    EXPECT_THAT(get().error().next, HasSubstr("create the bucket"));
}

TEST_F(BucketRead, SaysWhichRightIsMissing) {
    server.add(full_key, "x");
    server.may_read = false;
    EXPECT_THAT(get().error().next, HasSubstr("readFiles"));
}

TEST_F(BucketRead, EndsOnAStop) {
    server.add(full_key, content_of(30 * part));
    server.instead = [&](const S3Request& request) -> std::optional<s3::HttpReply> {
        if (request.header("range").starts_with("bytes=50000-")) {
            stop.request_stop();
        }
        return std::nullopt;
    };
    EXPECT_EQ(get().error().kind, ErrorKind::interrupted);
    EXPECT_LT(server.log_of("GetObject").size(), 15U);
}

TEST_F(BucketRead, EndsOnAStopInAPause) {
    server.add(full_key, content_of(3 * part));
    fail("GetObject", s3_error(503, "SlowDown"), 2, always);
    timer.on_wait = [&] { stop.request_stop(); };
    EXPECT_EQ(get().error().kind, ErrorKind::interrupted);
}

// --- Memory

// Notes how far the fetching is ahead whenever a byte is passed on.
class Behind final : public stream::Sink {
public:
    explicit Behind(const FakeS3& server) : server_(server) {}
    Status write(stream::Bytes chunk) override {
        passed_ += chunk.size();
        ahead = std::max(ahead, server_.log_of("GetObject").size() - (passed_ - 1) / part);
        return done();
    }
    Status finish() override { return done(); }

    std::size_t ahead = 0;  // ranges that are asked for, the one that is passed on among them

private:
    const FakeS3& server_;
    std::size_t passed_ = 0;
};

TEST_F(BucketRead, FetchesNoFurtherAheadThanItMay) {
    server.add(full_key, content_of(40 * part));
    Behind sink(server);
    ASSERT_TRUE(store().read(key("data/app"), {}, sink).ok());
    EXPECT_LE(sink.ahead, 4U) << "three at once, and the one that is passed on";
}

class Refusing final : public stream::Sink {
public:
    Status write(stream::Bytes /*chunk*/) override { return Error{ErrorKind::refused, "enough", {}}; }
    Status finish() override { return done(); }
};

TEST_F(BucketRead, EndsWithItsReader) {
    server.add(full_key, content_of(40 * part));
    Refusing sink;
    EXPECT_EQ(store().read(key("data/app"), {}, sink).error().what, "enough");
    EXPECT_LE(server.log_of("GetObject").size(), 4U);
}

}  // namespace
}  // namespace lifeboat::test
