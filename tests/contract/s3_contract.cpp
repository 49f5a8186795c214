// The contract of every store against a bucket of a real S3 server, which the environment names: S3_ENDPOINT,
// S3_CA_FILE where it is https, S3_BUCKET, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. Each test works below a prefix
// of its own. tests/integration/object_server/test_contract.py starts the server and runs this.
#include "store/s3_store.hpp"
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

TEST(S3Store, GivesTheVersionIdByWhichItReads) {
    const auto opened = open_empty();
    auto stored = put_text(*opened, "manifests/x.json", "first");
    ASSERT_TRUE(stored.ok());
    EXPECT_EQ(stored->version_id.empty(), setting("S3_VERSIONS") == "no");
    EXPECT_EQ(store::get(*opened, stored->key, stored->version_id, 100).value(), "first");
}

}  // namespace
}  // namespace lifeboat::test
