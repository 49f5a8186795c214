// The worked examples of AWS's page "Signature Calculations for the Authorization Header: Transferring Payload in a
// Single Chunk", Amazon S3 API reference: requests, hashes and signatures as printed there.
#include "s3/signer.hpp"

#include "stream/sha256.hpp"

#include <gmock/gmock.h>

namespace lifeboat::s3 {
namespace {

using testing::EndsWith;
using testing::HasSubstr;

struct Example {
    std::string name;
    SigningInput input;
    std::string canonical_hash;
    std::string signed_headers;
    std::string signature;
};

constexpr std::string_view region = "us-east-1";

// 20130524T000000Z
std::chrono::system_clock::time_point then() {
    return std::chrono::sys_days(std::chrono::year(2013) / 5 / 24);
}

Credentials credentials() {
    return {"AKIAIOSFODNN7EXAMPLE", Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), std::nullopt};
}

SigningInput request(std::string method, std::string path, Query query, Headers headers, std::string_view hash) {
    headers["host"] = "examplebucket.s3.amazonaws.com";
    return {std::move(method), std::move(path), std::move(query), std::move(headers), std::string(hash)};
}

std::vector<Example> examples() {
    return {
        {"GetObjectWithRange", request("GET", "/test.txt", {}, {{"range", "bytes=0-9"}}, empty_payload),
         "7344ae5b7ee6c3e7e6b0fe0640412a37625d1fbfff95c48bbb2dc43964946972",
         "host;range;x-amz-content-sha256;x-amz-date",
         "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
        {"PutObject",
         request("PUT", "/test$file.text", {},
                 {{"date", "Fri, 24 May 2013 00:00:00 GMT"}, {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
                 stream::sha256_hex("Welcome to Amazon S3.")),
         "9e0e90d9c76de8fa5b200d8c849cd5b8dc7a3be3951ddb7f6a76b4158342019d",
         "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
         "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
        {"GetBucketLifecycle", request("GET", "/", {{"lifecycle", ""}}, {}, empty_payload),
         "9766c798316ff2757b517bc739a67f6213b4ab36dd5da2f94eaebf79c77395ca", "host;x-amz-content-sha256;x-amz-date",
         "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
        {"ListObjects", request("GET", "/", {{"prefix", "J"}, {"max-keys", "2"}}, {}, empty_payload),
         "df57d21db20da04d7fa30298dd4488ba3a2b47ca3a489c74750e0f1e7df1b9b7", "host;x-amz-content-sha256;x-amz-date",
         "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
    };
}

class PublishedVector : public testing::TestWithParam<Example> {};

TEST_P(PublishedVector, IsReproducedStepByStep) {
    const Example& example = GetParam();
    SigningInput whole = example.input;
    whole.headers["x-amz-date"] = "20130524T000000Z";
    whole.headers["x-amz-content-sha256"] = example.input.payload_hash;
    const std::string canonical = canonical_request(whole);
    EXPECT_EQ(stream::sha256_hex(canonical), example.canonical_hash) << canonical;
    EXPECT_EQ(string_to_sign(canonical, region, then()),
              "AWS4-HMAC-SHA256\n20130524T000000Z\n20130524/us-east-1/s3/aws4_request\n" + example.canonical_hash);
}

TEST_P(PublishedVector, IsSignedAsPrinted) {
    const Example& example = GetParam();
    const Headers added = sign(example.input, credentials(), region, then());
    EXPECT_EQ(added.at("authorization"),
              "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, SignedHeaders=" +
                  example.signed_headers + ", Signature=" + example.signature);
    EXPECT_EQ(added.at("x-amz-date"), "20130524T000000Z");
    EXPECT_EQ(added.at("x-amz-content-sha256"), example.input.payload_hash);
    EXPECT_EQ(added.size(), 3U);
}

INSTANTIATE_TEST_SUITE_P(S3Signer, PublishedVector, testing::ValuesIn(examples()),
                         [](const auto& test) { return test.param.name; });

TEST(S3Signer, SendsAndSignsTheSessionToken) {
    Credentials temporary = credentials();
    temporary.session_token = Secret("a/token+of=sorts");
    const Headers added = sign(examples()[0].input, temporary, region, then());
    EXPECT_EQ(added.at("x-amz-security-token"), "a/token+of=sorts");
    EXPECT_THAT(added.at("authorization"),
                HasSubstr("SignedHeaders=host;range;x-amz-content-sha256;x-amz-date;x-amz-security-token,"));
    EXPECT_THAT(added.at("authorization"), testing::Not(EndsWith(examples()[0].signature)));
}

TEST(S3Signer, ReplacesWhatAnEarlierSignatureAdded) {
    const Example example = examples()[0];
    Credentials temporary = credentials();
    temporary.session_token = Secret("expired");
    SigningInput again = example.input;
    again.headers.merge(sign(example.input, temporary, "eu-west-1", then() - std::chrono::hours(1)));
    ASSERT_EQ(again.headers.size(), 6U);
    EXPECT_EQ(sign(again, credentials(), region, then()), sign(example.input, credentials(), region, then()));
}

TEST(S3Signer, DropsFractionsOfASecond) {
    const SigningInput input = examples()[0].input;
    EXPECT_EQ(sign(input, credentials(), region, then() + std::chrono::milliseconds(999)),
              sign(input, credentials(), region, then()));
}

TEST(S3Signer, NeverShowsTheSecretKey) {
    for (const auto& [name, value] : sign(examples()[0].input, credentials(), region, then())) {
        EXPECT_THAT(value, testing::Not(HasSubstr("wJalr"))) << name;
    }
}

}  // namespace
}  // namespace lifeboat::s3
