// The contract of every store against a bucket of a real S3 server, which the environment names: S3_ENDPOINT,
// S3_CA_FILE where it is https, S3_BUCKET, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. Each test works below a prefix
// of its own. tests/integration/object_server/test_contract.py starts the server and runs this.
#include "store/s3_store.hpp"
#include "store/segments.hpp"
#include "unit/store/contract.hpp"

#include "os/random.hpp"

#include <cstdlib>

namespace lifeboat::test {
namespace {

constexpr std::size_t part_size = std::size_t{5} << 20U;  // the least that S3 takes

std::string setting(const char* name) {
    const char* value = std::getenv(name);
    if (value == nullptr) {
        std::fprintf(stderr, "%s is not set\n", name);
        std::exit(2);
    }
    return value;
}

store::S3Options options() {
    store::S3Options options;
    options.bucket = setting("S3_BUCKET");
    options.prefix = "contract/" + os::random_hex(8);
    options.endpoint = setting("S3_ENDPOINT");
    options.credentials = s3::always({setting("AWS_ACCESS_KEY_ID"), Secret(setting("AWS_SECRET_ACCESS_KEY")), {}});
    if (options.endpoint->starts_with("https")) {
        options.ca_file = setting("S3_CA_FILE");
    }
    options.part_size = part_size;
    options.retry_for = std::chrono::seconds(20);
    return options;
}

std::shared_ptr<store::ObjectStore> open_empty() {
    auto opened = store::open_s3(options());
    return opened ? std::shared_ptr<store::ObjectStore>(*std::move(opened)) : nullptr;
}

INSTANTIATE_TEST_SUITE_P(S3, ObjectStoreContract,
                         ::testing::Values(ContractSubject{"S3", open_empty, 2 * part_size + 1}));

TEST(S3Store, PutsPartsTogetherInOrder) {
    const auto opened = open_empty();
    for (const std::size_t size : {part_size - 1, part_size, part_size + 1, 7 * part_size + 12345}) {
        const std::string name = "data/" + std::to_string(size);
        const std::string content = content_of(size);
        auto stored = put_text(*opened, name, content);
        ASSERT_TRUE(stored.ok()) << stored.error().what;
        EXPECT_EQ(stored->size, size);
        EXPECT_EQ(stored->sha256, stream::sha256_hex(content));
        auto read = get_text(*opened, name);
        ASSERT_TRUE(read.ok()) << read.error().what;
        EXPECT_TRUE(*read == content);
    }
}

// A stream longer than an object may be goes on in the next one; the real limit of 10,000 parts is far away.
TEST(S3Store, GoesOnInSegmentsBeyondItsPartLimit) {
    auto few_parts = options();
    few_parts.largest_part_number = 2;
    const auto opened = store::open_s3(few_parts).value();
    ASSERT_EQ(opened->max_object_size(), 2 * part_size);
    for (const std::size_t size : {2 * part_size, 2 * part_size + 1, 6 * part_size, 6 * part_size + 12345}) {
        const std::string content = content_of(size);
        const auto first = store::ObjectKey::parse("data/" + std::to_string(size)).value();
        store::SegmentWriter writer(*opened, first);
        for (stream::Bytes rest = stream::as_bytes(content); !rest.empty();) {  // chunks that fit no limit
            const auto chunk = rest.first(std::min<std::size_t>(rest.size(), 777'777));
            const auto written = writer.write(chunk);
            ASSERT_TRUE(written.ok()) << written.error().what;
            rest = rest.subspan(chunk.size());
        }
        ASSERT_TRUE(writer.finish().ok());
        const auto segments = writer.commit();
        ASSERT_TRUE(segments.ok()) << segments.error().what;
        EXPECT_EQ(segments->size(), (size + 2 * part_size - 1) / (2 * part_size));
        for (const auto& segment : *segments) {
            EXPECT_EQ(segment.size,
                      &segment == &segments->back() ? size - (segments->size() - 1) * 2 * part_size : 2 * part_size);
        }
        NotingSink read;
        const auto passed = store::read_segments(*opened, *segments, read);
        ASSERT_TRUE(passed.ok()) << passed.error().what;
        EXPECT_TRUE(read.content == content);
    }
    EXPECT_THAT(opened->unfinished("").value(), ::testing::IsEmpty());
}

TEST(S3Store, TakesItsSegmentsBackWhenTheStreamIsGivenUp) {
    auto few_parts = options();
    few_parts.largest_part_number = 2;
    const auto opened = store::open_s3(few_parts).value();
    const std::string content = content_of(5 * part_size);
    {
        store::SegmentWriter writer(*opened, store::ObjectKey::parse("data/app").value());
        ASSERT_TRUE(writer.write(stream::as_bytes(content)).ok());
    }
    std::vector<std::string> left;
    ASSERT_TRUE(opened
                    ->list("",
                           [&](const store::ObjectInfo& info) {
                               left.push_back(info.key.text());
                               return done();
                           })
                    .ok());
    EXPECT_THAT(left, ::testing::IsEmpty());
    EXPECT_THAT(opened->unfinished("").value(), ::testing::IsEmpty());
}

TEST(S3Store, GivesTheVersionIdByWhichItReads) {
    const auto opened = open_empty();
    auto stored = put_text(*opened, "manifests/x.json", "first");
    ASSERT_TRUE(stored.ok());
    EXPECT_EQ(stored->version_id.empty(), setting("S3_VERSIONS") == "no");
    EXPECT_EQ(store::get(*opened, stored->key, stored->version_id, 100).value(), "first");
}

}  // namespace
}  // namespace lifeboat::test
