#include "stream/sha256.hpp"

#include "sinks.hpp"

#include <gtest/gtest.h>

namespace lifeboat::stream {
namespace {

// The examples of FIPS 180-4.
TEST(Sha256, GivesThePublishedDigests) {
    EXPECT_EQ(sha256_hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
              "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(Sha256, DoesNotDependOnThePieces) {
    Sha256 hash;
    for (int i = 0; i < 10000; ++i) {
        hash.update(as_bytes(std::string(100, 'a')));
    }
    EXPECT_EQ(hash.hex(), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256Tap, HashesAndCountsWhatItPassesOn) {
    Collected end;
    Sha256Tap tap(end);
    ASSERT_TRUE(tap.write(as_bytes("a")));
    ASSERT_TRUE(tap.write(as_bytes("bc")));
    ASSERT_TRUE(tap.finish());
    EXPECT_EQ(end.text, "abc");
    EXPECT_EQ(end.finishes, 1);
    EXPECT_EQ(tap.bytes(), 3U);
    EXPECT_EQ(tap.hex(), sha256_hex("abc"));
}

}  // namespace
}  // namespace lifeboat::stream
