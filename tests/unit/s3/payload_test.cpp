#include "s3/payload.hpp"

#include "s3/signer.hpp"

#include <gtest/gtest.h>

namespace lifeboat::s3 {
namespace {

// RFC 1321, A.5
TEST(Md5, IsTheOneOfItsStandard) {
    EXPECT_EQ(md5_hex(md5_of({})), "d41d8cd98f00b204e9800998ecf8427e");
    EXPECT_EQ(md5_hex(md5_of(stream::as_bytes("abc"))), "900150983cd24fb0d6963f7d28e17f72");
    EXPECT_EQ(md5_hex(md5_of(stream::as_bytes("message digest"))), "f96b697d7cb7938d525a2f31aaf161d0");
}

// RFC 1864 gives the form; `openssl md5 -binary | base64` the value.
TEST(Md5, IsWrittenAsContentMd5) {
    EXPECT_EQ(md5_base64(md5_of({})), "1B2M2Y8AsgTpgAmY7PhCfg==");
    EXPECT_EQ(md5_base64(md5_of(stream::as_bytes("abc"))), "kAFQmDzST7DWlj99KOF/cg==");
}

TEST(Payload, HoldsTheDigestsOfItsBytes) {
    const Payload payload(stream::as_bytes("abc"));
    EXPECT_EQ(payload.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");  // FIPS 180-2, B.1
    EXPECT_EQ(md5_hex(payload.md5), "900150983cd24fb0d6963f7d28e17f72");
    EXPECT_EQ(stream::as_text(payload.bytes), "abc");
}

TEST(Payload, OfNoBytesIsTheEmptyOne) {
    EXPECT_EQ(Payload().sha256, empty_payload);
    EXPECT_EQ(Payload(stream::Bytes()).sha256, empty_payload);
    EXPECT_EQ(Payload().md5, md5_of({}));
}

// By hand: (printf abc | openssl md5 -binary; printf 'message digest' | openssl md5 -binary) | openssl md5
TEST(MultipartEtag, IsTheMd5OfThePartsMd5sAndTheirNumber) {
    const auto abc = md5_of(stream::as_bytes("abc"));
    const auto other = md5_of(stream::as_bytes("message digest"));
    EXPECT_EQ(multipart_etag({abc, other}), "dd18751f7ea93aa3d325ee90fa54f474-2");
    EXPECT_EQ(multipart_etag({abc}), "af5da9f45af7a300e3aded972f8ff687-1");
}

}  // namespace
}  // namespace lifeboat::s3
