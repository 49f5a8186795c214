#include "s3/encoding.hpp"

#include <gtest/gtest.h>

namespace lifeboat::s3 {
namespace {

std::string every_byte() {
    std::string bytes;
    for (int byte = 0; byte < 256; ++byte) {
        bytes += static_cast<char>(byte);
    }
    return bytes;
}

TEST(S3Encoding, KeepsUnreservedCharactersAlone) {
    const std::string unreserved = "ABCXYZabcxyz0189-._~";
    EXPECT_EQ(encode(unreserved), unreserved);
    EXPECT_EQ(encode(" +/=&%"), "%20%2B%2F%3D%26%25");
    EXPECT_EQ(encode("é\n\x7f"), "%C3%A9%0A%7F");
    EXPECT_EQ(encode(std::string("a\0b", 3)), "a%00b");
    EXPECT_EQ(encode(every_byte()).size(), 66U + 190U * 3U);
}

TEST(S3Encoding, KeepsSlashesInAPathAndNormalisesNothing) {
    EXPECT_EQ(encode_path("//a/../b c/./~x+"), "//a/../b%20c/./~x%2B");
}

TEST(S3Encoding, GivesBareParametersAnEmptyValue) {
    EXPECT_EQ(canonical_query({{"uploads", ""}}), "uploads=");
    EXPECT_EQ(canonical_query({}), "");
}

TEST(S3Encoding, SortsByEncodedNameThenValue) {
    EXPECT_EQ(canonical_query({{"b", "1"}, {"a-b", "2"}, {"a", "10"}, {"a", "1"}, {"A", "3"}, {"é", "4"}}),
              "%C3%A9=4&A=3&a=1&a=10&a-b=2&b=1");
}

TEST(S3Encoding, DecodesWhatItEncodes) {
    EXPECT_EQ(decode(encode(every_byte())), every_byte());
    EXPECT_EQ(decode(encode_path(every_byte())), every_byte());
}

TEST(S3Encoding, DecodesAsServersEncode) {
    EXPECT_EQ(decode("a+b%2Bc%2fd"), "a b+c/d");
    EXPECT_EQ(decode(""), "");
}

TEST(S3Encoding, RefusesAPercentWithoutTwoHexDigits) {
    for (const auto* text : {"%", "a%", "a%2", "%2g", "%g2", "%-1", "% 1", "%%41"}) {
        EXPECT_EQ(decode(text), std::nullopt) << text;
    }
}

}  // namespace
}  // namespace lifeboat::s3
